package main

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/quarry-ml/quarry/internal/exactpath"
	"github.com/quarry-ml/quarry/internal/tinymodel"
)

// TestStagesOfARecipe does one stage after the other, over two rounds, by the stages' own commands.
func TestStagesOfARecipe(t *testing.T) {
	p := newProject(t, tinymodel.Options{})
	recipe := p.write(t, "recipe.yaml", strings.Replace(runRecipe, "rounds: [{}]", "rounds: [{}, {}]", 1))
	round := func(n string) string { return p.path(filepath.Join("runs", "tiny", "round-"+n)) }
	for _, tc := range []struct {
		words           []string // before the recipe and behind it
		leaves, notYet  string
		said, unchanged string
	}{
		{[]string{"embed"}, round("0") + "/vectors/train.npy", round("0") + "/candidates/train.cand", "stopped after embed", ""},
		{[]string{"mine", "--round", "0"}, round("0") + "/negatives.jsonl", round("0") + "/steps.jsonl", "stopped after mine", "round 0: embed: done before"},
		{[]string{"mine", "--round", "0"}, round("0") + "/negatives.jsonl", round("0") + "/steps.jsonl", "stopped after mine", "round 0: mine: done before"},
		{[]string{"search", "--round", "1"}, round("1") + "/candidates/train.cand", round("1") + "/negatives.jsonl", "stopped after search", "round 0: mine: done before"},
		{[]string{"mine"}, round("1") + "/candidates/train.cand", round("1") + "/negatives.jsonl", "stopped after mine", "round 0: mine: done before"},
		{[]string{"eval", "--round", "1"}, round("1") + "/scores.json", round("1") + "/merged", "stopped after eval", "round 1: search: done before"},
		{[]string{"merge", "--round", "1"}, round("1") + "/merged", "", "stopped after merge", "round 1: eval: done before"},
	} {
		name := strings.Join(tc.words, " ")
		h := newTestHost()
		if code := h.run(t, append(tc.words, recipe, "--cpu", string(exactpath.Fastest))...); code != exitDone {
			t.Fatalf("%s: exit code %d\n%s", name, code, h.err.String())
		}
		if !strings.Contains(h.err.String(), tc.said) || !strings.Contains(h.err.String(), tc.unchanged) {
			t.Errorf("%s: %q or %q is not said:\n%s", name, tc.said, tc.unchanged, h.err.String())
		}
		if _, err := os.Stat(tc.leaves); err != nil {
			t.Errorf("%s: %v", name, err)
		}
		if _, err := os.Stat(tc.notYet); tc.notYet != "" && err == nil {
			t.Errorf("%s: %s is there already", name, tc.notYet)
		}
	}
}

func TestStagesRefuse(t *testing.T) {
	p := newProject(t, tinymodel.Options{})
	recipe := p.write(t, "recipe.yaml", runRecipe)
	for _, tc := range []struct {
		name  string
		words []string
		want  string
	}{
		{"a round that is not there", []string{"mine", recipe, "--round", "1"}, "has no round 1: its rounds are 0 to 0"},
		{"a round before the first", []string{"mine", recipe, "--round", "-1"}, "has no round -1"},
		{"what the recipe says", []string{"mine", recipe, "--window", "0-5"}, "--window beside the recipe"},
		{"a run directory without a recipe", []string{"mine", "--dir", "runs"}, "--dir goes with a recipe"},
		{"an identity change without a recipe", []string{"eval", "--allow-identity-change"}, "--allow-identity-change goes with a recipe"},
		{"a round of embed without a recipe", []string{"embed", "--round", "7"}, "--round goes with a recipe"},
		{"a round of search without a recipe", []string{"search", "--round", "7"}, "--round goes with a recipe"},
		{"a round of eval without a recipe", []string{"eval", "--round", "7"}, "--round goes with a recipe"},
		{"a round of merge without a recipe", []string{"merge", "--round", "7"}, "--round goes with a recipe"},
		{"two recipes", []string{"mine", recipe, recipe}, "unexpected word"},
		{"a recipe that is not there", []string{"mine", "no.yaml"}, "no.yaml"},
	} {
		t.Run(tc.name, func(t *testing.T) {
			h := newTestHost()
			if code := h.run(t, tc.words...); code != exitBadInput || !strings.Contains(h.err.String(), tc.want) {
				t.Errorf("exit code %d, want %d with %q\n%s", code, exitBadInput, tc.want, h.err.String())
			}
		})
	}
}
