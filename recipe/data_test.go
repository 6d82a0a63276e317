package recipe

import (
	"strings"
	"testing"
)

func TestWithData(t *testing.T) {
	for _, tc := range []struct{ name, text, want string }{
		{"all given", "# a recipe\nversion: 1\nname: eedi # mine\nmodel: m\ndata:\n  corpus: c.jsonl\n  train: t.jsonl # all\n  dev: d.jsonl\n",
			"# a recipe\nversion: 1\nname: eedi.fold-0 # mine\nmodel: m\ndata:\n  corpus: c.jsonl\n  train: folds/a.jsonl # all\n  dev: folds/b.jsonl\n"},
		{"in one line", "version: 1\nmodel: m\ndata: {corpus: c.jsonl, train: t.jsonl, dev: d.jsonl}\n",
			"version: 1\nmodel: m\ndata: {corpus: c.jsonl, train: folds/a.jsonl, dev: folds/b.jsonl}\nname: eedi.fold-0\n"},
	} {
		t.Run(tc.name, func(t *testing.T) {
			got, err := WithData([]byte(tc.text), "eedi.fold-0", "folds/a.jsonl", "folds/b.jsonl")
			if err != nil {
				t.Fatal(err)
			}
			if string(got) != tc.want {
				t.Errorf("got\n%swant\n%s", got, tc.want)
			}
		})
	}
	for text, want := range map[string]string{"- a\n": "no mapping", "version: 1\n": "no section data", "a: [": "yaml"} {
		if _, err := WithData([]byte(text), "n", "t", "d"); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%q: %v, want %s", text, err, want)
		}
	}
}

// FuzzWithData: whatever the text, the answer is an error or a recipe whose data is what was asked for.
func FuzzWithData(f *testing.F) {
	f.Add("version: 1\nmodel: m\ndata: {corpus: c.jsonl, train: t.jsonl, dev: d.jsonl}\n")
	f.Add("a: &x {train: t}\ndata: *x\n")
	f.Add("data: {}\n---\nb: 1\n")
	f.Fuzz(func(t *testing.T, text string) {
		got, err := WithData([]byte(text), "n", "t", "d")
		if err != nil {
			return
		}
		again, err := WithData(got, "n", "t", "d")
		if err != nil || string(again) != string(got) {
			t.Errorf("%q gives %q, and that %q, %v", text, got, again, err)
		}
	})
}
