package view

import (
	"os"
	"strings"
	"testing"

	"github.com/quarry-ml/quarry/internal/tinyrun"
	"github.com/quarry-ml/quarry/rundir"
)

// What a crash of a disk, or a newer quarry, has left is told by its file, with what is wrong; the rest of the run goes on to be shown.
func TestDamagedAndNewerFilesAreNamed(t *testing.T) {
	cut := func(content string) string { return content[:len(content)/2] }
	for _, tc := range []struct {
		name   string
		file   func(rundir.RoundLayout) string
		change func(content string) string
		ask    string
		want   []string // in what is told
	}{
		{"half a ranking of a miner", func(r rundir.RoundLayout) string { return r.Candidates(rundir.Dev) }, cut, "query?split=dev&index=1", []string{"candidates/dev.cand", "truncated"}},
		{"half a ranking of an epoch", func(r rundir.RoundLayout) string { return r.EpochRanking(rundir.Dev, 3) }, cut, "compare?split=dev&order=change&a=1/0&b=1/3", []string{"epoch-3.dev.cand", "truncated"}},
		{"candidates of a newer quarry", func(r rundir.RoundLayout) string { return r.Candidates(rundir.Train) }, func(content string) string { return content[:8] + "\x09" + content[9:] }, "queue?split=train&filter=open", []string{"candidates/train.cand", "version 9 is newer", "use a newer Quarry"}},
		{"half a row of negatives", func(r rundir.RoundLayout) string { return r.Negatives(rundir.Train) }, cut, "queue?split=train&filter=open", []string{"negatives.jsonl:"}},
		{"half a table", rundir.RoundLayout.Scores, cut, "charts", []string{"scores.json"}},
		{"a table of a newer quarry", rundir.RoundLayout.Scores, func(string) string { return `{"version":2,"novelty":1}` }, "query?split=dev&index=1", []string{"scores.json: version 2 is newer than this quarry knows (1)", "update quarry"}},
		{"half a choice", rundir.RoundLayout.Choice, cut, "compare?split=dev&order=change&a=1/0&b=1/3", []string{"choice.json"}},
	} {
		t.Run(tc.name, func(t *testing.T) {
			run, err := tinyrun.Write(t.TempDir(), tinyrun.Options{Train: 6, Dev: 4, Passages: 12, Ranked: true})
			must(t, err)
			v := open(t, run, nil)
			file := tc.file(rundir.Layout(run.Dir).Round(1))
			content, err := os.ReadFile(file)
			must(t, err)
			must(t, os.WriteFile(file, []byte(tc.change(string(content))), 0o600))
			w := request(v, "GET", "/api/"+tc.ask, "", nil)
			for _, want := range tc.want {
				if w.Code != 500 || !strings.Contains(w.Body.String(), want) {
					t.Errorf("%d %s, want %q", w.Code, w.Body, want)
				}
			}
			if w := request(v, "GET", "/api/passages?split=dev&order=answers&search=3", "", nil); w.Code != 200 && tc.name != "half a row of negatives" {
				t.Errorf("what has no part in it: %d %s", w.Code, w.Body)
			}
		})
	}
}
