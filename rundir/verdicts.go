package rundir

import (
	"errors"
	"path/filepath"
)

// OwnVerdicts is what a recipe in a folder calls the verdicts that people save in the run directory, relative where they lie below
// it; and whether one of the files that it names, as it writes them, is those. An empty name is no file.
func (l Layout) OwnVerdicts(folder string, files []string) (name string, named bool, err error) {
	own, err := filepath.Abs(l.Verdicts())
	folder, failed := filepath.Abs(folder)
	if err := errors.Join(err, failed); err != nil {
		return "", false, err
	}
	for _, file := range files {
		if file == "" {
			continue
		}
		if !filepath.IsAbs(file) {
			file = filepath.Join(folder, filepath.FromSlash(file))
		}
		named = named || filepath.Clean(file) == own
	}
	if relative, err := filepath.Rel(folder, own); err == nil && filepath.IsLocal(relative) {
		return filepath.ToSlash(relative), named, nil
	}
	return own, named, nil
}
