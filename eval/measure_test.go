package eval

import (
	"strings"
	"testing"
)

func TestParseMeasure(t *testing.T) {
	for _, tc := range []struct {
		text string
		want Measure
	}{
		{"map@25", Measure{MAP, 25}},
		{"map", Measure{MAP, 0}},
		{"MAP@25", Measure{MAP, 25}},
		{" recall@100 ", Measure{Recall, 100}},
		{"hit@1", Measure{Hit, 1}},
		{"mrr@10", Measure{MRR, 10}},
		{"mrr", Measure{MRR, 0}},
		{"ndcg@10", Measure{NDCG, 10}},
		{"ndcg", Measure{NDCG, 0}},
		{"precision@5", Measure{Precision, 5}},
		{"r-precision", Measure{RPrecision, 0}},
	} {
		t.Run(tc.text, func(t *testing.T) {
			got, err := ParseMeasure(tc.text)
			if err != nil || got != tc.want {
				t.Fatalf("got %v, %v; want %v", got, err, tc.want)
			}
			again, err := ParseMeasure(got.String())
			if err != nil || again != got {
				t.Errorf("%q does not read back: %v, %v", got.String(), again, err)
			}
		})
	}
}

func TestParseMeasureErrors(t *testing.T) {
	for _, tc := range []struct{ text, want string }{
		{"mpa@25", `"map@25"`},
		{"map25", `"map@25"`},
		{"recal@50", `"recall@50"`},
		{"recall_100", `"recall@100"`},
		{"accuracy@1", `"hit@1"`},
		{"recip_rank", `"mrr"`},
		{"P@5", `"precision@5"`},
		{"nDGC@10", `"ndcg@10"`},
		{"r_precision", `"r-precision"`},
		{"", "a measure without a name (known: map@k, map, recall@k"},
		{"recall", `needs a cutoff, such as "recall@100"`},
		{"r-precision@5", "takes no cutoff"},
		{"map@0", `the cutoff "0"`},
		{"map@", `the cutoff ""`},
		{"map@-1", `the cutoff "-1"`},
		{"map@025", `the cutoff "025"`},
		{"map@2.5", `the cutoff "2.5"`},
		{"map@99999999999", `the cutoff 99999999999 is too large`},
	} {
		t.Run(tc.text, func(t *testing.T) {
			got, err := ParseMeasure(tc.text)
			if err == nil {
				t.Fatalf("read as %v; want an error", got)
			}
			if !strings.Contains(err.Error(), tc.want) {
				t.Errorf("error %q does not contain %q", err, tc.want)
			}
		})
	}
}

func TestParseMeasures(t *testing.T) {
	got, err := ParseMeasures("map@25,recall@25, recall@100")
	if err != nil || len(got) != 3 || got[2] != (Measure{Recall, 100}) {
		t.Errorf("got %v, %v", got, err)
	}
	if _, err := ParseMeasures("map@25,MAP@25"); err == nil || !strings.Contains(err.Error(), "named twice") {
		t.Errorf("a measure named twice: %v", err)
	}
	if _, err := ParseMeasures("map@25,"); err == nil {
		t.Error("an empty name was read")
	}
}

// FuzzParseMeasure checks that whatever is read is written in a form that reads back the same.
func FuzzParseMeasure(f *testing.F) {
	for _, seed := range []string{"map@25", "recall", "r-precision", "ndcg@@3", "@", "mpa@025", "ΜAP@1", "p5"} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, text string) {
		m, err := ParseMeasure(text)
		if err != nil {
			return
		}
		again, err := ParseMeasure(m.String())
		if err != nil || again != m {
			t.Errorf("%q reads as %v, which reads as %v, %v", text, m, again, err)
		}
	})
}
