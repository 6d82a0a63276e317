package tokenizer

import (
	"fmt"
	"slices"
	"strings"
	"sync"
	"testing"

	"github.com/google/go-cmp/cmp"
)

func TestEncodeAppends(t *testing.T) {
	tok := small(t)
	want := append([]int32{7, 8}, tok.Encode(nil, "half of it")...)
	if diff := cmp.Diff(want, tok.Encode([]int32{7, 8}, "half of it")); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
}

// The ids of two texts, one after the other, are those of the texts joined by a space.
func TestEncodeOfJoinedTexts(t *testing.T) {
	tok := small(t)
	texts := readFixture(t).Texts
	for i, a := range texts {
		b := texts[(i*7+3)%len(texts)]
		if strings.HasPrefix(b, "\u0301") || strings.HasPrefix(b, "\u0345") {
			continue // a mark joins what is before it
		}
		want := tok.Encode(tok.Encode([]int32{}, a), b)
		if diff := cmp.Diff(want, tok.Encode([]int32{}, a+" "+b)); diff != "" {
			t.Errorf("%+q and %+q (-want +got):\n%s", a, b, diff)
		}
	}
}

func TestEncodeInvalidUTF8EqualsReplaced(t *testing.T) {
	tok, err := Parse(replaceSection(t, "normalizer", `null`), "x.json") // BERT's would drop U+FFFD
	if err != nil {
		t.Fatal(err)
	}
	got := tok.Encode(nil, "a\xff b\xe2\x82 half\xf0\x9f\x98[MASK]")
	if diff := cmp.Diff(tok.Encode(nil, "a\ufffd b\ufffd half\ufffd[MASK]"), got); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
}

func TestEncodeAllocatesNothing(t *testing.T) {
	eachVariant(t, func(t *testing.T, tok *Tokenizer, texts []string, _ variant) {
		var ids []int32
		var s scratch // kept here: a garbage collection may empty the pool
		all := func() {
			for _, text := range texts {
				ids = tok.encode(ids[:0], text, &s)
			}
		}
		all()
		all() // two buffers change places
		if n := testing.AllocsPerRun(5, all); n > 0 {
			t.Errorf("%v allocations over %d texts", n, len(texts))
		}
	})
}

func TestEncodeConcurrently(t *testing.T) {
	tok := small(t)
	f := readFixture(t)
	var group sync.WaitGroup
	for worker := range 4 {
		group.Go(func() {
			for round := range 20 {
				i := (worker*31 + round*7) % len(f.Texts)
				if got := tok.Encode([]int32{}, f.Texts[i]); !slices.Equal(got, f.Variants[0].IDs[i]) {
					t.Errorf("%+q: got %v, want %v", f.Texts[i], got, f.Variants[0].IDs[i])
				}
			}
		})
	}
	group.Wait()
}

func TestWordsAtTheLongest(t *testing.T) {
	vocab := `{"u":0,"a":1,"##a":2,"é":3,"##é":4}`
	tests := []struct {
		name, word string
		longest    int
		want       []int32
	}{
		{"as long", "aaa", 3, []int32{1, 2, 2}},
		{"longer", "aaaa", 3, []int32{0}},
		{"counted in characters", "ééé", 3, []int32{3, 4, 4}},
		{"longer in characters", "éééé", 3, []int32{0}},
		{"bad end", "aab", 3, []int32{0}},
		{"nothing fits", "a", 0, []int32{0}},
	}
	for _, tc := range tests {
		t.Run(tc.name, func(t *testing.T) {
			data := fmt.Sprintf(`{"model":{"type":"WordPiece","unk_token":"u","continuing_subword_prefix":"##","max_input_chars_per_word":%d,"vocab":%s}}`, tc.longest, vocab)
			tok, err := Parse([]byte(data), "x.json")
			if err != nil {
				t.Fatal(err)
			}
			if diff := cmp.Diff(tc.want, tok.Encode(nil, tc.word)); diff != "" {
				t.Errorf("(-want +got):\n%s", diff)
			}
		})
	}
}
