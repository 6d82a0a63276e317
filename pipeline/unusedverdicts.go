package pipeline

import (
	"bytes"
	"errors"
	"fmt"
	"io/fs"
	"path/filepath"

	"github.com/quarry-ml/quarry/format/verdicts"
	"github.com/quarry-ml/quarry/rundir"
)

// unusedVerdicts warns of verdicts that people saved in the run directory and that no round goes by; empty where there are none.
func (p *Run) unusedVerdicts() string {
	l := rundir.Layout(p.options.Dir)
	own := l.Verdicts()
	var files []string
	for i := range p.recipe.Rounds {
		files = append(files, p.recipe.Round(i).Mine.Verdicts.Written)
	}
	name, named, err := l.OwnVerdicts(filepath.Dir(p.recipe.File()), files)
	if named {
		return ""
	}
	if err != nil {
		return fmt.Sprintf("whether the verdicts of the run have an effect cannot be told: %v", err)
	}
	content, err := rundir.ReadFile(p.options.FS, own)
	if errors.Is(err, fs.ErrNotExist) {
		return ""
	}
	var all []verdicts.Verdict
	if err == nil {
		all, err = verdicts.Read(bytes.NewReader(content), own)
	}
	if err != nil {
		return fmt.Sprintf("verdicts without effect: no round mines by those of the run, which cannot be read: %v", err)
	}
	effective := 0
	for _, v := range verdicts.Latest(all) {
		if v.Verdict == verdicts.Drop || v.Verdict == verdicts.Promote {
			effective++
		}
	}
	if effective == 0 {
		return ""
	}
	return fmt.Sprintf("verdicts without effect: %d to drop or promote negatives, in %s, and no round mines by them: let one say mine: {verdicts: %s}", effective, own, name)
}
