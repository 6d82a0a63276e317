package main

import (
	"slices"
	"strings"
	"testing"
)

// TestHelpOfModes: a mode's help has each of its flags with a line, and none of quarry mine's that it does not take.
func TestHelpOfModes(t *testing.T) {
	for mode, program := range map[string]struct {
		flags []pythonFlag
		about map[string]string
	}{compatFlagEmbedding: {hnMineFlags, hnMineAbout}, compatSentenceTransformers: {stMineFlags, stMineAbout}} {
		for _, words := range [][]string{{"mine", "--compat", mode, "--help"}, {"mine", "-h", "--compat=" + mode}} {
			h := newTestHost()
			if code := h.run(t, words...); code != exitDone {
				t.Fatalf("%v: exit code %d\n%s", words, code, h.err.String())
			}
			help := h.out.String()
			for _, f := range program.flags {
				if !strings.Contains(help, "\n  --"+f.name+" ") || program.about[f.name] == "" && f.does == "" {
					t.Errorf("%v: no line on --%s", words, f.name)
				}
			}
			for _, own := range []string{"--survivors", "--window", "--queries"} {
				if strings.Contains(help, own) {
					t.Errorf("%v: %s is quarry mine's own", words, own)
				}
			}
		}
		for name := range program.about {
			if !slices.ContainsFunc(program.flags, func(f pythonFlag) bool { return f.name == name }) {
				t.Errorf("%s: there is no flag --%s", mode, name)
			}
		}
	}
	h := newTestHost()
	if code := h.run(t, "mine", "--compat", "tevatron", "--help"); code != exitBadInput || !strings.Contains(h.err.String(), "want flagembedding or sentence-transformers") {
		t.Errorf("an unknown mode: exit code %d\n%s", code, h.err.String())
	}
	h = newTestHost()
	if code := h.run(t, "mine", "--help"); code != exitDone || !strings.Contains(h.out.String(), "--survivors") {
		t.Errorf("without a mode: exit code %d\n%s", code, h.out.String())
	}
}
