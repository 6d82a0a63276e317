package rundir_test

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/quarry-ml/quarry/format/provenance"
	"github.com/quarry-ml/quarry/rundir"
)

// opened is an empty run directory.
func opened(t *testing.T) *rundir.Dir {
	t.Helper()
	d, err := rundir.Open(filepath.Join(t.TempDir(), "run"), rundir.OpenOptions{Create: true})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { d.Close() })
	return d
}

func TestReadTimes(t *testing.T) {
	const line = `{"round":1,"stage":"mine","seconds":1.5,"start":"2026-01-02T03:04:05Z","peak_memory":1024}` + "\n"
	mine := rundir.StageTime{Round: 1, Stage: "mine", Seconds: 1.5, Start: "2026-01-02T03:04:05Z", PeakMemory: 1024}
	for _, tc := range []struct {
		name, content string // empty is no file
		want          []rundir.StageTime
		failed        string
	}{
		{"no file", "", nil, ""},
		{"one", line, []rundir.StageTime{mine}, ""},
		{"half a line behind it", line + line[:20], []rundir.StageTime{mine}, ""},
		{"memory of the stage", `{"round":0,"stage":"embed","seconds":2,"start":"","memory":7}` + "\n", []rundir.StageTime{{Stage: "embed", Seconds: 2, Memory: 7}}, ""},
		{"negative memory", `{"round":0,"stage":"embed","seconds":2,"start":"","memory":-7}` + "\n", nil, "times.jsonl:1: no time of a stage"},
		{"memory unknown", `{"round":0,"stage":"embed","seconds":2,"start":""}` + "\n", []rundir.StageTime{{Stage: "embed", Seconds: 2}}, ""},
		{"no JSON", line + "x\n", nil, "times.jsonl:2: "},
		{"unknown key", `{"round":0,"stage":"embed","hours":2}` + "\n", nil, "times.jsonl:1: "},
		{"negative", `{"round":0,"stage":"embed","seconds":-2}` + "\n", nil, "times.jsonl:1: no time of a stage"},
	} {
		t.Run(tc.name, func(t *testing.T) {
			d := opened(t)
			if tc.content != "" {
				if err := os.WriteFile(d.Times(), []byte(tc.content), 0o600); err != nil {
					t.Fatal(err)
				}
			}
			got, err := d.ReadTimes()
			if tc.failed != "" {
				if err == nil || !strings.Contains(err.Error(), tc.failed) {
					t.Errorf("got %v, want %q", err, tc.failed)
				}
				return
			}
			if diff := cmp.Diff(tc.want, got); err != nil || diff != "" {
				t.Errorf("%v (-want +got):\n%s", err, diff)
			}
		})
	}
}

func TestReadMined(t *testing.T) {
	score := func(v float32) *float32 { return &v }
	rank := func(v int32) *int32 { return &v }
	for _, tc := range []struct {
		name, content string
		want          []provenance.Row
		failed        string
	}{
		{"searched", `{"query":"q","pos":["p"],"neg":["n"],"quarry":{"key":"k","source":"dense","round":1,"miner":"d0","positives":["1"],"positive_score":0.5,"eligible":9,"negatives":[{"id":"2","rank":3,"score":0.25}]}}`,
			[]provenance.Row{{Key: "k", Source: "dense", Round: 1, Miner: "d0", Positives: []string{"1"}, PositiveScore: score(0.5), Eligible: 9, Negatives: []provenance.Negative{{ID: "2", Rank: rank(3), Score: score(0.25)}}}}, ""},
		{"drawn at random", `{"query":"q","pos":["p"],"quarry":{"key":"k","source":"random","positives":["1"],"negatives":[{"id":"2"}]}}`,
			[]provenance.Row{{Key: "k", Source: "random", Positives: []string{"1"}, Negatives: []provenance.Negative{{ID: "2"}}}}, ""},
		{"rows of somebody else", `{"query":"q","pos":["p"],"neg":["n"]}`, nil, `negatives.jsonl:1: the row has no "quarry" field`},
		{"no key", `{"quarry":{"source":"dense"}}`, nil, "negatives.jsonl:1: \"quarry\": the key"},
		{"of another type", `{"quarry":[]}`, nil, "negatives.jsonl:1: \"quarry\": "},
	} {
		t.Run(tc.name, func(t *testing.T) {
			var got []provenance.Row
			err := rundir.ReadMined(strings.NewReader(tc.content+"\n"), "negatives.jsonl", func(m provenance.Row) error {
				got = append(got, m)
				return nil
			})
			if tc.failed != "" {
				if err == nil || !strings.Contains(err.Error(), tc.failed) {
					t.Errorf("got %v, want %q", err, tc.failed)
				}
				return
			}
			if diff := cmp.Diff(tc.want, got); err != nil || diff != "" {
				t.Errorf("%v (-want +got):\n%s", err, diff)
			}
		})
	}
}

func TestDataNames(t *testing.T) {
	for _, tc := range []struct {
		name, recipe string
		want         rundir.DataNames
		failed       string
	}{
		{"all", "novelty: 1\ndata:\n  corpus: c.jsonl\n  train: t.jsonl\n  dev: d.jsonl\n  test: null\n  id_field: null\n  group_field: question\n", rundir.DataNames{Corpus: "c.jsonl", Train: "t.jsonl", Dev: "d.jsonl", GroupField: "question"}, ""},
		{
			"other sets", "data:\n  corpus: c\n  train: t\n  dev: d\n  test: e\n  also:\n    - {name: general, queries: g, corpus: gc, id_field: key, query_prompt: null}\n    - {name: older, queries: o, corpus: null}\n",
			rundir.DataNames{Corpus: "c", Train: "t", Dev: "d", Test: "e", Also: []rundir.SetName{{Name: "general", Queries: "g", Corpus: "gc", IDField: "key"}, {Name: "older", Queries: "o"}}}, "",
		},
		{"none", "version: 1\n", rundir.DataNames{}, "not all named"},
		{"no YAML", "data: [", rundir.DataNames{}, "recipe.resolved.yaml: data: "},
		{"not begun", "", rundir.DataNames{}, "has not begun"},
	} {
		t.Run(tc.name, func(t *testing.T) {
			d := opened(t)
			if tc.recipe != "" {
				if err := os.WriteFile(d.Recipe(), []byte(tc.recipe), 0o600); err != nil {
					t.Fatal(err)
				}
			}
			got, err := d.DataNames()
			if tc.failed != "" {
				if err == nil || !strings.Contains(err.Error(), tc.failed) {
					t.Errorf("got %v, want %q", err, tc.failed)
				}
				return
			}
			if diff := cmp.Diff(tc.want, got); err != nil || diff != "" {
				t.Errorf("%v, (-want +got):\n%s", err, diff)
			}
		})
	}
}

// TestDataNamesSets: every split, and every set of data.also under its own, leads to its files.
func TestDataNamesSets(t *testing.T) {
	names := rundir.DataNames{Corpus: "c", Train: "t", Dev: "d", IDField: "key", Also: []rundir.SetName{{Name: "general", Queries: "g", Corpus: "gc"}}}
	for split, want := range map[rundir.Split]rundir.SetName{
		rundir.Dev: {Name: "dev", Queries: "d", IDField: "key"}, rundir.AlsoSplit("general"): names.Also[0],
	} {
		if got, ok := names.Set(split); !ok || got != want {
			t.Errorf("%s: %+v, %t", split, got, ok)
		}
	}
	for _, split := range []rundir.Split{rundir.Test, rundir.AlsoSplit("older")} {
		if got, ok := names.Set(split); ok {
			t.Errorf("%s: %+v, and the recipe names none", split, got)
		}
	}
}
