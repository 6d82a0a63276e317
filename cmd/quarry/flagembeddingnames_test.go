package main

import (
	"errors"
	"strings"
	"testing"
)

// TestErrorsNameTypedFlags: what a line of FlagEmbedding's trainer gets wrong is called by its own flags.
func TestErrorsNameTypedFlags(t *testing.T) {
	p := trainerProject(t)
	for _, tc := range []struct {
		want string
		more []string
	}{
		{"--eval_data: ", []string{"--eval_data", p.path("none.jsonl")}},
		{"--train_data: ", []string{"--train_data", p.path("none.jsonl")}},
		{"--output_dir ", []string{"--output_dir", p.path("")}},
		{"--from_peft: ", []string{"--from_peft", p.path("model")}},
		{"--train_group_size 0: at least", []string{"--train_group_size", "0"}},
		{"--learning_rate 0: a positive", []string{"--learning_rate", "0"}},
	} {
		if code, h := trainHere(t, p, "out", tc.more...); code != exitBadInput || !strings.Contains(h.err.String(), tc.want) {
			t.Errorf("exit code %d: %s, want %q", code, h.err.String(), tc.want)
		}
	}
	if got := inTypedNames(errors.New("--train_data: no rows, --train: none")).Error(); got != "--train_data: no rows, --train_data: none" {
		t.Error(got)
	}
	const advice = "--train x: quarry merge --base MODEL --output DIR"
	if got := inTypedNames(errors.New(advice)).Error(); got != "--train_data x: quarry merge --base MODEL --output DIR" {
		t.Error(got)
	}
}
