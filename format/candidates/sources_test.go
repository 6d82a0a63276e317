package candidates

import (
	"bytes"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

func TestSourcesByName(t *testing.T) {
	c := fusedRecords()[0]
	for _, tc := range []struct {
		name   string
		header Header
		source string
		place  int
		want   string // an error
	}{
		{"the first of two", fused, "dense", 0, ""},
		{"the second", fused, "bm25", 1, ""},
		{"none of them", fused, "fused", 0, `the file holds rankings of dense, bm25, not of "fused"`},
		{"one model", small, "dense", 0, ""},
		{"not that model", small, "bm25", 0, `the file holds rankings of dense, not of "bm25"`},
	} {
		t.Run(tc.name, func(t *testing.T) {
			place, err := tc.header.Place(tc.source)
			if tc.want != "" {
				if err == nil || !strings.Contains(err.Error(), tc.want) {
					t.Errorf("got %v, want %s", err, tc.want)
				}
				return
			}
			if err != nil || place != tc.place {
				t.Fatalf("place %d, %v", place, err)
			}
			want := c.Hits
			if len(tc.header.Sources) > 0 {
				want = c.Sources[place].Hits
			}
			if diff := cmp.Diff(want, tc.header.Of(c, place).Hits); diff != "" {
				t.Error(diff)
			}
		})
	}
}

func TestHeaderOfSomeSources(t *testing.T) {
	alone := fused.Alone([]int{0}, "")
	if alone.Source != "dense" || alone.ModelDigest != "d0" || alone.Prompt != "query: {}" || alone.Sources != nil || alone.Fusion != "" || alone.version() != 1 {
		t.Errorf("one model: %+v", alone)
	}
	if words := fused.Alone([]int{1}, ""); words.Source != "bm25" || len(words.Sources) != 1 || words.ModelDigest != "" || words.Fusion != "" {
		t.Errorf("words: %+v", words)
	}
	if both := fused.Alone([]int{1, 0}, "weighted"); both.Fusion != "weighted" || both.Source != "fused" || both.Sources[0].Name != "bm25" || fused.Sources[0].Name != "dense" {
		t.Errorf("both, the other way round: %+v", both)
	}
}

func TestIs(t *testing.T) {
	if !Is(bytes.NewReader(encode(t, small, smallRecords()))) || Is(strings.NewReader("QRYCAN")) || Is(strings.NewReader(`{"query": "q"}`)) {
		t.Error("candidates are told by their first bytes")
	}
}
