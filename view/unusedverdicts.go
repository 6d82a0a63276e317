package view

import "fmt"

// unusedVerdicts says that what is saved here has no effect on mining, and what would give it one; empty where a round of the recipe
// goes by it.
func (r *run) unusedVerdicts() (string, error) {
	files, err := r.dir.VerdictsFiles()
	if err != nil || len(files) == 0 {
		return "", err
	}
	name, named, err := r.dir.OwnVerdicts(r.folder, files)
	if named || err != nil {
		return "", err
	}
	return fmt.Sprintf("Verdicts are saved here and have no effect: no round of the recipe, as it was last run, mines by them. Let one say mine: {verdicts: %s} and run it again.", name), nil
}
