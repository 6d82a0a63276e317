package main

import (
	"strings"
	"testing"
)

// TestHelpOfModes: a mode's help has each of its flags with a line, and none of quarry mine's that it does not take.
func TestHelpOfModes(t *testing.T) {
	for mode, flags := range map[string][]pythonFlag{compatFlagEmbedding: hnMineFlags, compatSentenceTransformers: stMineFlags} {
		for _, words := range [][]string{{"mine", "--compat", mode, "--help"}, {"mine", "-h", "--compat=" + mode}} {
			h := newTestHost()
			if code := h.run(t, words...); code != exitDone {
				t.Fatalf("%v: exit code %d\n%s", words, code, h.err.String())
			}
			help := h.out.String()
			for _, f := range flags {
				if !strings.Contains(help, "\n  --"+f.name+" ") || f.about == "" && f.does == "" {
					t.Errorf("%v: no line on --%s", words, f.name)
				}
			}
			for _, own := range []string{"--survivors", "--window", "--queries"} {
				if strings.Contains(help, own) {
					t.Errorf("%v: %s is quarry mine's own", words, own)
				}
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
