package main

import (
	"encoding/json"
	"strings"
	"testing"

	"github.com/quarry-ml/quarry/audit"
	"github.com/quarry-ml/quarry/internal/tinymodel"
)

// TestCompatibleModesAreAudited: what is mined as another program does is looked over as what quarry mine mines is, and is written as before.
func TestCompatibleModesAreAudited(t *testing.T) {
	hn := hnProject(t)
	st := newProject(t, tinymodel.Options{})
	f := readHardNegatives(t)
	words := append([]string{"mine", "--compat", "sentence-transformers"}, f.write(t, st, []string{"question", "answer"}, true)...)
	words = append(words, "--corpus-vectors", st.path("passages.npy"), "--query-vectors", st.path("queries.npy"), "--range_max", "6", "--num_negatives", "3", "--output_format", "labeled-list")
	for _, tc := range []struct {
		name        string
		words       []string
		p           project
		output      string
		limit, some string // an expectation that is missed, and what the summary has
	}{
		{"flagembedding", hn.hnMineWords("--embedder_model_class", "encoder-only-base", "--range_for_sampling", "0-4", "--negative_number", "8"), hn, "out.jsonl", "filler<=0", "audit of 30 rows: above_positive "},
		{"sentence-transformers", words, st, "mined.jsonl", "above_positive<=0", "above_positive "},
	} {
		t.Run(tc.name, func(t *testing.T) {
			plain := newTestHost()
			if code := plain.run(t, tc.words...); code != exitDone || !strings.Contains(plain.err.String(), tc.some) {
				t.Fatalf("exit code %d:\n%s", code, plain.err.String())
			}
			want := tc.p.read(t, tc.output)
			h := newTestHost()
			code := h.run(t, append(tc.words, "--expect", tc.limit, "--expect", "no_positives<=0", "--expect=empty<=0", "--json")...)
			if code != exitMissed || !strings.Contains(h.err.String(), "expected "+tc.limit+", got ") || strings.Contains(h.err.String(), "expected empty") {
				t.Errorf("exit code %d:\n%s", code, h.err.String())
			}
			if tc.p.read(t, tc.output) != want {
				t.Error("the audit changes what is written")
			}
			var printed struct {
				Schema int
				Rows   audit.Report
			}
			if err := json.Unmarshal(h.out.Bytes(), &printed); err != nil || printed.Schema != schema || printed.Rows.Rows == 0 || !strings.Contains(plain.err.String(), printed.Rows.String()) {
				t.Errorf("%v: printed\n%s", err, h.out.String())
			}
			if above := printed.Rows.Get(audit.AbovePositive); above.Count == 0 || above.Of < above.Count || above.Of > printed.Rows.Negatives {
				t.Errorf("no negative is above the positive: %+v", above)
			}
			for _, wrong := range [][]string{{"--expect", "colour<=0"}, {"--expect"}} {
				if code := newTestHost().run(t, append(tc.words, wrong...)...); code != exitBadInput {
					t.Errorf("%v: exit code %d", wrong, code)
				}
			}
		})
	}
	h := newTestHost()
	if code := h.run(t, append(hn.hnMineWords("--embedder_model_class", "encoder-only-base"), "--json", "--output_file", "-")...); code != exitBadInput || !strings.Contains(h.err.String(), "--json and --output_file -") {
		t.Errorf("exit code %d: %s", code, h.err.String())
	}
}
