package provenance

import (
	"bytes"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

func rows() []Row {
	rank, score := int32(4), float32(0.5)
	return []Row{
		{Key: "q1", Source: "dense", Round: 1, Miner: "d0", Positives: []string{"p"}, PositiveScore: &score, Eligible: 9, Dropped: map[string]int{"window": 2, "margin": 1},
			Ranks: []Place{{Passage: "p", Source: "bm25", Rank: 3, Score: 1}},
			Negatives: []Negative{
				{ID: "n1", Rank: &rank, Score: &score, From: "mined", PositiveScore: &score, Trail: []string{"window 2-200", "sampling uniform"}, Sources: []Place{{Source: "bm25", Rank: 7, Score: 2.5}}},
				{ID: "n2", From: "random", Trail: []string{"random"}},
			}},
		{Key: "żółw", Source: "dense", Positives: []string{"p"}, Negatives: []Negative{}},
	}
}

func encode(t testing.TB, h Header, rows []Row) []byte {
	t.Helper()
	var file bytes.Buffer
	w, err := NewWriter(&file, h)
	for _, r := range rows {
		if err == nil {
			err = w.Write(r)
		}
	}
	if err == nil {
		err = w.Flush()
	}
	if err != nil {
		t.Fatal(err)
	}
	return file.Bytes()
}

func TestRoundTrip(t *testing.T) {
	h := Header{Format: format, Version: Version, Rules: []string{"window 2-200", "sampling uniform"}, Seed: 42, Sources: []Source{{Source: "dense", Kind: "dense", Digest: "d0"}, {Source: "bm25", Kind: "bm25", Parameters: "k1 1.5"}}}
	if first, _, err := Read(strings.NewReader(`{"format":"quarry provenance","version":1,"rules":["positive"],"seed":1}`), "f"); err != nil || first.Sources != nil {
		t.Errorf("version 1: %+v, %v", first, err)
	}
	if second, _, err := Read(strings.NewReader(`{"format":"quarry provenance","version":2,"rules":["positive"],"seed":1,"sources":[{"source":"dense","kind":"dense"}]}`), "f"); err != nil || len(second.Sources) != 1 {
		t.Errorf("version 2: %+v, %v", second, err)
	}
	gotHeader, got, err := Read(bytes.NewReader(encode(t, h, rows())), "f")
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(h, gotHeader); diff != "" {
		t.Error(diff)
	}
	if diff := cmp.Diff(rows(), got); diff != "" {
		t.Error(diff)
	}
}

func TestReadErrors(t *testing.T) {
	head := `{"format":"quarry provenance","version":3,"rules":[],"seed":1}` + "\n"
	for _, tc := range []struct{ name, file, want string }{
		{"empty", "", "f: the file is empty"},
		{"rows of training", `{"query":"q","pos":[]}`, "f:1: not a file of provenance"},
		{"newer", strings.Replace(head, `"version":3`, `"version":4`, 1), "f:1: version 4 is not one that this program knows (3)"},
		{"unknown key", head + `{"key":"q","colour":1}`, `f:2: unknown key "colour"`},
		{"no key", head + `{"source":"dense"}`, "f:2: the row has no key"},
		{"no id", head + `{"key":"q","negatives":[{"rank":1}]}`, "f:2: negative 0 has no id"},
		{"twice", head + "{\"key\":\"q\"}\n{\"key\":\"q\"}", `f:3: the key "q" occurs twice`},
		{"wrong type", head + `{"key":1}`, `f:2: "key": want a string, got a number`},
		{"cut", head + `{"key":"q`, "f:2: the JSON object is cut off"},
	} {
		t.Run(tc.name, func(t *testing.T) {
			if _, _, err := Read(strings.NewReader(tc.file), "f"); err == nil || !strings.Contains(err.Error(), tc.want) {
				t.Errorf("got %v, want %s", err, tc.want)
			}
		})
	}
}

func FuzzRead(f *testing.F) {
	f.Add(encode(f, Header{}, rows()))
	f.Add([]byte(`{"format":"quarry provenance","version":1}` + "\n" + `{"key":"q","negatives":null}`))
	f.Fuzz(func(t *testing.T, file []byte) {
		h, rows, err := Read(bytes.NewReader(file), "f")
		if err != nil {
			if !strings.HasPrefix(err.Error(), "f:") {
				t.Errorf("the error does not name the file: %v", err)
			}
			return
		}
		again, repeated, err := Read(bytes.NewReader(encode(t, h, rows)), "again")
		if err != nil {
			t.Fatal(err)
		}
		once, twice := encode(t, h, rows), encode(t, again, repeated)
		if !bytes.Equal(once, twice) {
			t.Errorf("written twice:\n%s\n%s", once, twice)
		}
	})
}
