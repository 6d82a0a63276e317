package view

import (
	"errors"
	"fmt"
	"path/filepath"
)

// unusedVerdicts says that what is saved here has no effect on mining, and what would give it one; empty where a round of the recipe
// goes by it.
func (r *run) unusedVerdicts() (string, error) {
	files, err := r.dir.VerdictsFiles()
	if err != nil || len(files) == 0 {
		return "", err
	}
	own, err := filepath.Abs(r.dir.Verdicts())
	if err != nil {
		return "", err
	}
	for _, file := range files {
		if file == "" {
			continue
		}
		if !filepath.IsAbs(file) {
			file = filepath.Join(r.folder, file)
		}
		named, failed := filepath.Abs(file)
		if err = errors.Join(err, failed); named == own {
			return "", err
		}
	}
	name := own
	if folder, failed := filepath.Abs(r.folder); failed == nil {
		if relative, failed := filepath.Rel(folder, own); failed == nil && filepath.IsLocal(relative) {
			name = filepath.ToSlash(relative)
		}
	}
	return fmt.Sprintf("Verdicts are saved here and have no effect: no round of the recipe, as it was last run, mines by them. Let one say mine: {verdicts: %s} and run it again.", name), err
}
