package view

import (
	"slices"
	"strconv"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/quarry-ml/quarry/internal/tinyrun"
)

// A query of a comparison opens with both rankings, whose ranks are those of the list, each with the marks of its own run.
func TestPair(t *testing.T) {
	folder := t.TempDir()
	a, err := tinyrun.Write(folder, tinyrun.Options{Dev: 20, Ranked: true})
	must(t, err)
	b, err := tinyrun.Write(folder, tinyrun.Options{Dev: 20, Ranked: true, Rise: 0.02, Name: "other", Rounds: 1, Seed: 5})
	must(t, err)
	v := open(t, a, b)
	rank := func(hits []hit) (rank int32) {
		for _, h := range slices.Backward(hits) {
			if h.Positive {
				rank = h.Rank
			}
		}
		return rank
	}
	negatives := func(hits []hit) (ids []string) {
		for _, h := range hits {
			if h.Negative {
				ids = append(ids, h.ID)
			}
		}
		return ids
	}
	for _, tc := range []struct{ split, a, b, nameA, nameB string }{
		{"dev", "1/3", "0/3", "tiny, round 1, epoch 3", "other, round 0, epoch 3"},
		{"dev", "0", "0", "tiny, round 0", "other, round 0"},
		{"train", "1", "0", "tiny, round 1", "other, round 0"},
	} {
		for _, row := range get[comparison](t, v, "compare", "split", tc.split, "a", tc.a, "b", tc.b, "order", "change").List.Rows[:3] {
			got := get[pairView](t, v, "pair", "split", tc.split, "a", tc.a, "b", tc.b, "index", strconv.Itoa(row.Index))
			if got.Key != row.Key || got.Text != row.Text || len(got.Positives) != 1 || len(got.Sides) != 2 {
				t.Fatalf("%+v of %+v", got, row)
			}
			first, second := got.Sides[0], got.Sides[1]
			if first.Name != tc.nameA || second.Name != tc.nameB || !first.Known || !second.Known || !first.Same || !second.Same {
				t.Errorf("%+v", got)
			}
			if want := []int32{row.A, row.B, row.A, row.B}; !slices.Equal(want, []int32{first.Rank, second.Rank, rank(first.Hits), rank(second.Hits)}) {
				t.Errorf("ranks %d, %d, want %v", first.Rank, second.Rank, want)
			}
			if tc.split == "train" {
				q := get[queryView](t, open(t, b, nil), "query", "split", "train", "index", strconv.Itoa(row.Index))
				if diff := cmp.Diff(negatives(q.Rounds[0].Hits), negatives(second.Hits)); diff != "" || len(negatives(second.Hits)) != tinyrun.Negatives {
					t.Errorf("negatives of the other run (-want +got):\n%s", diff)
				}
			}
		}
	}
	alone := get[pairView](t, open(t, a, nil), "pair", "split", "dev", "a", "0/0", "b", "1/3", "index", "2")
	if alone.Sides[0].Name != "tiny, round 0, epoch 0" || alone.Sides[1].Name != "tiny, round 1, epoch 3" {
		t.Errorf("of one run: %+v", alone)
	}
	for target, want := range map[string]string{
		"split=dev&a=0&b=0&index=20": "dev has no query 20", "split=dev&a=0/9&b=0&index=1": "tiny, round 0, epoch 9 has not ranked dev",
		"split=dev&a=0&b=1&index=1": "other, round 1 has not ranked dev", "split=no&a=0&b=0": "split", "split=dev&a=x&b=0": "neither a round nor ROUND/EPOCH",
	} {
		if w := request(v, "GET", "/api/pair?"+target, "", nil); w.Code != 400 || !strings.Contains(w.Body.String(), want) {
			t.Errorf("%s: %d %s", target, w.Code, w.Body)
		}
	}
}

// Runs of other data meet in the keys of their queries; the other's passages are its own.
func TestPairOfOtherData(t *testing.T) {
	a, err := tinyrun.Write(t.TempDir(), tinyrun.Options{Dev: 6, Rounds: 1})
	must(t, err)
	b, err := tinyrun.Write(t.TempDir(), tinyrun.Options{Dev: 4, Rounds: 1, Passages: 50, Name: "other"})
	must(t, err)
	v := open(t, a, b)
	if got := get[pairView](t, v, "pair", "split", "dev", "index", "3"); got.Sides[1].Same || !got.Sides[1].Known || got.Sides[1].Rank < 1 || len(got.Sides[1].Hits) == 0 {
		t.Errorf("%+v", got)
	}
	if got := get[pairView](t, v, "pair", "split", "dev", "index", "5"); got.Sides[1].Known || len(got.Sides[1].Hits) != 0 || got.Sides[0].Rank < 1 {
		t.Errorf("a query that the other lacks: %+v", got)
	}
	// A verdict is on the viewed run's pair, and shows on the other's side only where that is the same one.
	n := negativeOf(t, v, 0)
	if w := request(v, "POST", "/api/verdict", `{"query":"train-0","passage":"`+n.ID+`","verdict":"drop"}`, nil); w.Code != 200 {
		t.Fatal(w.Body)
	}
	marked := func(side sideView) bool {
		return slices.ContainsFunc(side.Hits, func(h hit) bool { return h.Verdict == "drop" })
	}
	if got := get[pairView](t, v, "pair", "split", "train", "index", "0"); !marked(got.Sides[0]) || marked(got.Sides[1]) {
		t.Errorf("verdicts on %+v", got)
	}
}
