package view

import (
	"fmt"
	"hash/fnv"
	"net/http"
	"path/filepath"
	"time"

	"github.com/quarry-ml/quarry/rundir"
)

// events tells a page when the run directory has changed, as server-sent events, until the page or the server goes.
func (v *View) events(w http.ResponseWriter, r *http.Request) {
	w.Header().Set("Content-Type", "text/event-stream")
	control := http.NewResponseController(w)
	ticker := time.NewTicker(v.options.Poll)
	defer ticker.Stop()
	last := ""
	for {
		v.mu.Lock()
		state, err := v.state()
		v.mu.Unlock()
		if err != nil {
			return // the page asks again, and what it then asks for tells what is wrong
		}
		line := ": still here\n\n" // a comment, which finds out whether anybody listens
		if state != last {
			line = fmt.Sprintf("event: changed\ndata: %s\n\n", state)
			last = state
		}
		if _, err := w.Write([]byte(line)); err != nil {
			return
		}
		if err := control.Flush(); err != nil {
			return
		}
		select {
		case <-r.Context().Done():
			return
		case <-ticker.C:
		}
	}
}

// state tells one content of what the charts show from the next. The caller has the lock.
func (v *View) state() (string, error) {
	d := v.run.dir
	rounds, err := v.run.rounds()
	if err != nil {
		return "", err
	}
	paths := []string{d.Recipe(), d.Times(), d.OutsideScores()}
	for _, i := range rounds {
		r := d.Round(i)
		paths = append(paths, r.Steps(), r.Scores(), r.TestScores(), r.Choice(), r.Manifest(), r.Negatives(rundir.Train), r.Candidates(rundir.Dev))
		// An epoch that is scored, on dev or another set, changes the folder of stamps.
		paths = append(paths, filepath.Dir(d.Stamp(i, "any")))
	}
	sum := fnv.New64a()
	for _, path := range paths {
		one, err := stateOf(d, path)
		if err != nil {
			return "", err
		}
		fmt.Fprintf(sum, "%s %s;", path, one)
	}
	return fmt.Sprintf("%016x", sum.Sum64()), nil
}
