package main

import (
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/quarry-ml/quarry/internal/tinyrun"
	"github.com/quarry-ml/quarry/rundir"
)

// reportedRun makes a recipe whose run has scored one epoch beside the base, and returns the recipe and the directory.
func reportedRun(t *testing.T) (recipe, dir string) {
	t.Helper()
	folder := t.TempDir()
	recipe, dir = filepath.Join(folder, "tiny.yaml"), filepath.Join(folder, "runs", "tiny")
	text := "model: model\ndata: {corpus: corpus.jsonl, train: train.jsonl, dev: dev.jsonl}\n"
	if err := os.WriteFile(recipe, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	d, err := rundir.Open(dir, rundir.OpenOptions{Create: true})
	if err != nil {
		t.Fatal(err)
	}
	defer d.Close()
	scores := rundir.Scores{Version: rundir.ScoresVersion, Convention: "ranx", Measures: []string{"map@25"}}
	for epoch, value := range []float64{0.25, 0.5} {
		scores.Epochs = append(scores.Epochs, rundir.EpochScores{Epoch: epoch, Dev: rundir.Means{Queries: 4, All: []float64{value}}})
	}
	if err := rundir.WriteJSON(d.FS, d.Round(0).Scores(), scores); err != nil {
		t.Fatal(err)
	}
	return recipe, dir
}

func TestReportCommand(t *testing.T) {
	for _, tc := range []struct {
		name string
		args []string // RECIPE and RUN stand for paths
		want []string // parts of what is printed, or of the error
		fail bool
	}{
		{"run directory", []string{"RUN"}, []string{"run tiny", "0.2500", "0.5000"}, false},
		{"recipe", []string{"RECIPE"}, []string{"run tiny", "0.5000"}, false},
		{"markdown", []string{"RUN", "--format", "markdown"}, []string{"## Run tiny", "| 0.5000 |"}, false},
		{"score shown at once", []string{"RUN", "--score", "0/1=0.41:LB", "--score", "0/0=0.2:LB"}, []string{"LB", "0.41", "0.2"}, false},
		{"score of no epoch", []string{"RUN", "--score", "0/7=0.41:LB"}, []string{"--score", "round 0 has scores of 0, 1, not of 7"}, true},
		{"score that is none", []string{"RUN", "--score", "best"}, []string{"--score", "ROUND/EPOCH=VALUE:LABEL"}, true},
		{"unknown format", []string{"RUN", "--format", "pdf"}, []string{"--format", `"pdf"`, "markdown", "html"}, true},
		{"two formats", []string{"RUN", "--json", "--format", "text"}, []string{"contradict"}, true},
		{"the folder above", []string{"RUN/../.."}, []string{"is no run directory, but", "runs/tiny is: name that"}, true},
		{"nothing there", []string{"RUN/none"}, []string{"a run directory or a recipe is wanted"}, true},
	} {
		t.Run(tc.name, func(t *testing.T) {
			recipe, dir := reportedRun(t)
			var args []string
			for _, a := range tc.args {
				args = append(args, strings.NewReplacer("RECIPE", recipe, "RUN", dir).Replace(a))
			}
			out, err := executeReport(args)
			if (err != nil) != tc.fail {
				t.Fatalf("error %v, want one: %v", err, tc.fail)
			}
			if err != nil {
				out = err.Error()
				if !as[inputError](err) {
					t.Errorf("%q is not told as a fault of what was given", out)
				}
			}
			for _, want := range tc.want {
				if !strings.Contains(out, want) {
					t.Errorf("%q lacks %q", out, want)
				}
			}
		})
	}
}

// TestNothingReplacesTheDataOfARun: neither a report nor a comparison is written over a file of texts, by the recipe as it is now
// or as the run last followed it.
func TestNothingReplacesTheDataOfARun(t *testing.T) {
	recipe, dir := reportedRun(t)
	folder := filepath.Dir(recipe)
	data := func(train string) string {
		return "data:\n  corpus: corpus.jsonl\n  train: " + train + "\n  dev: dev.jsonl\n  test: test.jsonl\n  examples: examples.jsonl\n  also:\n    - {name: general, queries: more/general.jsonl, corpus: more/corpus.jsonl}\n  sets:\n    - {name: second, train: second/train.jsonl, corpus: second/corpus.jsonl, dev: second/dev.jsonl, examples: second/examples.jsonl}\n"
	}
	write := func(path, text string) {
		t.Helper()
		if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	write(recipe, "model: model\n"+data("now.jsonl"))
	write(rundir.Layout(dir).Recipe(), data("before.jsonl")+"rounds:\n  - {}\n")
	for _, name := range []string{"corpus.jsonl", "now.jsonl", "before.jsonl", "dev.jsonl", "test.jsonl", "examples.jsonl", "more/general.jsonl", "more/corpus.jsonl", "second/train.jsonl", "second/corpus.jsonl", "second/dev.jsonl", "second/examples.jsonl"} {
		path := filepath.Join(folder, name)
		write(path, "texts")
		for _, run := range []string{recipe, dir, recipe + "@0"} {
			commands := [][]string{{"compare", run, "--output", path}}
			if run != recipe+"@0" {
				commands = append(commands, []string{"report", run, "--format", "csv", "--output", path}, []string{"report", run, "--html=" + path}, []string{"report", run, "--format", "wandb", "--output", path},
					[]string{"report", "--folds", run, run, "--output", path})
			}
			if run == dir && name == "now.jsonl" {
				continue // of which only the recipe knows
			}
			for _, args := range commands {
				h := newTestHost()
				if code := h.run(t, args...); code != exitBadInput || !strings.Contains(h.err.String(), path+" holds texts that "+run+" was made from") {
					t.Errorf("%v: exit code %d, %s", args, code, h.err.String())
				}
				if content, err := os.ReadFile(path); err != nil || string(content) != "texts" {
					t.Fatalf("%v: %s now holds %q, %v", args, name, content, err)
				}
			}
		}
	}
	// What lies elsewhere may be replaced.
	path := filepath.Join(folder, "table.csv")
	write(path, "old")
	if out, err := executeReport([]string{recipe, "--format", "csv", "--output", path}); err != nil {
		t.Errorf("%v, %s", err, out)
	}
}

func TestReportCommandJSON(t *testing.T) {
	_, dir := reportedRun(t)
	out, err := executeReport([]string{dir, "--json"})
	if err != nil {
		t.Fatal(err)
	}
	var got struct{ Schema int }
	if err := json.Unmarshal([]byte(out), &got); err != nil || got.Schema != 1 {
		t.Errorf("schema %d, %v", got.Schema, err)
	}
}

// The folds' page is named by a word as that of one run is; without a name there is no place for it.
func TestReportFoldsHTML(t *testing.T) {
	folder := t.TempDir()
	var runs []string
	for i, name := range []string{"a", "b"} {
		r, err := tinyrun.Write(folder+"/"+name, tinyrun.Options{Name: name, Rounds: 1, ByQuery: true, Dev: 4 + i})
		mustBe(t, err)
		for epoch := range 4 { // of the second fold other queries than of the first
			file := rundir.Layout(r.Dir).Round(0).EpochQueries(rundir.Dev, epoch)
			content, err := os.ReadFile(file)
			mustBe(t, err)
			mustBe(t, os.WriteFile(file, []byte(strings.ReplaceAll(string(content), `"dev-`, `"`+name+"-")), 0o600))
		}
		runs = append(runs, r.Dir)
	}
	for i, args := range [][]string{{"--folds", runs[0], runs[1], "--html", "FILE"}, {"--folds", "--html", "FILE", runs[0], runs[1]}, {"--folds", runs[0], runs[1], "--html=FILE"}} {
		page := filepath.Join(folder, fmt.Sprintf("page-%d.html", i))
		for k := range args {
			args[k] = strings.ReplaceAll(args[k], "FILE", page)
		}
		h := newTestHost()
		if code := h.run(t, append([]string{"report"}, args...)...); code != exitDone {
			t.Fatalf("%v: exit code %d, %s", args, code, h.err.String())
		}
		if content, err := os.ReadFile(page); err != nil || !strings.Contains(string(content), "<h1>Folds") {
			t.Errorf("%v: %v, %.60s", args, err, content)
		}
	}
	h := newTestHost()
	if code := h.run(t, "report", "--folds", runs[0], runs[1], "--html"); code != exitBadInput || !strings.Contains(h.err.String(), "name a file, as in --html=folds.html") {
		t.Errorf("exit code %d, %s", code, h.err.String())
	}
}

// The page goes to its place in the run directory, to a file that a word or a value names, or to standard output.
func TestReportCommandHTML(t *testing.T) {
	for _, tc := range []struct {
		name string
		args []string // RUN and FILE stand for paths
		file string   // that holds the page; empty is standard output
		fail string
	}{
		{"in the run", []string{"RUN", "--html"}, "RUN/report.html", ""},
		{"a word behind it", []string{"RUN", "--html", "FILE"}, "FILE", ""},
		{"a word before the run", []string{"--html", "FILE", "RUN"}, "FILE", ""},
		{"a value", []string{"--html=FILE", "RUN"}, "FILE", ""},
		{"standard output", []string{"RUN", "--html=-"}, "", ""},
		{"as a format", []string{"RUN", "--format", "html"}, "", ""},
		{"as a format, to a file", []string{"RUN", "--format", "html", "--output", "FILE"}, "FILE", ""},
		{"two words behind it", []string{"RUN", "--html", "FILE", "FILE"}, "", "one RUN is wanted"},
		{"two recipes", []string{"RUN", "other.yaml", "--html"}, "", "one RUN is wanted, got 2 words"},
		{"a folder", []string{"RUN", "--html=RUN"}, "", "--html"},
		{"a format beside it", []string{"RUN", "--html", "--format", "json"}, "", "contradict"},
		{"over what a run is", []string{"RUN", "--html=RUN/quarry.json"}, "", "is in the run directory"},
		{"a table in the run", []string{"RUN", "--format", "csv", "--output", "RUN/round-0/table.csv"}, "", "is in the run directory"},
		{"a history in the run", []string{"RUN", "--format", "wandb", "--output", "RUN/quarry.json"}, "", "is in the run directory"},
	} {
		t.Run(tc.name, func(t *testing.T) {
			_, dir := reportedRun(t)
			replace := strings.NewReplacer("RUN", dir, "FILE", filepath.Join(t.TempDir(), "page.html")).Replace
			var args []string
			for _, a := range tc.args {
				if a != "--html" {
					a = replace(a)
				}
				args = append(args, a)
			}
			for _, a := range args { // the same file for both
				if tc.file == "FILE" && strings.HasSuffix(a, "page.html") {
					tc.file = strings.TrimPrefix(a, "--html=")
				}
			}
			out, err := executeReport(args)
			if tc.fail != "" {
				if err == nil || !strings.Contains(err.Error(), tc.fail) {
					t.Errorf("got %v, want %q", err, tc.fail)
				}
				return
			}
			if err != nil {
				t.Fatal(err)
			}
			if tc.file != "" {
				content, err := os.ReadFile(replace(tc.file))
				if err != nil || out != "" {
					t.Fatalf("%v; printed %q", err, out)
				}
				out = string(content)
			}
			if !strings.HasPrefix(out, "<!DOCTYPE html>") || !strings.Contains(out, "map@25 by epoch") {
				t.Errorf("no page: %.100s", out)
			}
		})
	}
}

// A second page of the same content is not written, so that it leaves no trace.
func TestAnUnchangedPageStays(t *testing.T) {
	_, dir := reportedRun(t)
	var before os.FileInfo
	for range 2 {
		if _, err := executeReport([]string{dir, "--html"}); err != nil {
			t.Fatal(err)
		}
		after, err := os.Stat(rundir.Layout(dir).Page())
		if err != nil {
			t.Fatal(err)
		}
		if before != nil && !os.SameFile(before, after) {
			t.Error("the page was written again")
		}
		before = after
	}
}

func executeReport(args []string) (string, error) {
	h := newTestHost()
	cmd := newReportCommand(h.host)
	cmd.SetArgs(args)
	cmd.SilenceUsage, cmd.SilenceErrors = true, true
	err := cmd.Execute()
	return h.out.String(), err
}
