package tokenizer

import (
	"slices"
	"strings"
	"testing"
)

// TestLongestFirst compares with cutting one token after another, as the definition has it, and holds what any cut must meet.
func TestLongestFirst(t *testing.T) {
	for a := range 12 {
		for b := range 12 {
			for room := range 24 {
				keepA, keepB := longestFirst(a, b, room)
				if keepA+keepB != min(a+b, room) || keepA > a || keepB > b {
					t.Fatalf("%d and %d in a room of %d: %d and %d remain", a, b, room, keepA, keepB)
				}
				oneA, oneB := a, b
				for oneA+oneB > room {
					if oneA > oneB {
						oneA--
					} else {
						oneB--
					}
				}
				// Which of two equals gives the last token is the library's to say.
				if max(keepA, keepB) != max(oneA, oneB) {
					t.Fatalf("%d and %d in a room of %d: %d and %d remain, cut one by one %d and %d", a, b, room, keepA, keepB, oneA, oneB)
				}
			}
		}
	}
	for _, tc := range []struct{ a, b, room, keepA, keepB int }{ // of tokenizers 0.23.3
		{5, 5, 9, 4, 5}, {9, 6, 9, 5, 4}, {6, 9, 9, 4, 5}, {2, 9, 9, 2, 7}, {9, 2, 9, 7, 2}, {9, 9, 0, 0, 0},
	} {
		if a, b := longestFirst(tc.a, tc.b, tc.room); a != tc.keepA || b != tc.keepB {
			t.Errorf("%d and %d in a room of %d: %d and %d, want %d and %d", tc.a, tc.b, tc.room, a, b, tc.keepA, tc.keepB)
		}
	}
}

func TestPairTemplates(t *testing.T) {
	const vocabulary = `"model": {"type": "WordLevel", "unk_token": "u", "vocab": {"u": 0, "c": 1, "s": 2, "a": 3, "b": 4}}`
	for _, tc := range []struct {
		name, processor string
		ids, types      []int32
		fails           string
	}{
		{"BERT", `{"type": "BertProcessing", "sep": ["s", 2], "cls": ["c", 1]}`, []int32{1, 3, 3, 2, 4, 2}, []int32{0, 0, 0, 0, 1, 1}, ""},
		{"RoBERTa", `{"type": "RobertaProcessing", "sep": ["s", 2], "cls": ["c", 1], "trim_offsets": true, "add_prefix_space": false}`, []int32{1, 3, 3, 2, 2, 4, 2}, []int32{0, 0, 0, 0, 0, 0, 0}, ""},
		{"a template, B first", templateOf(`{"Sequence": {"id": "B", "type_id": 1}}, {"SpecialToken": {"id": "s", "type_id": 2}}, {"Sequence": {"id": "A", "type_id": 0}}`), []int32{4, 2, 3, 3}, []int32{1, 2, 0, 0}, ""},
		{"a template among processors", `{"type": "Sequence", "processors": [{"type": "ByteLevel", "add_prefix_space": true, "trim_offsets": true, "use_regex": true}, ` + templateOf(`{"Sequence": {"id": "A", "type_id": 0}}, {"Sequence": {"id": "B", "type_id": 0}}`) + `]}`, []int32{3, 3, 4}, []int32{0, 0, 0}, ""},
		{"none", `null`, nil, nil, "no template for pairs"},
		{"A twice", templateOf(`{"Sequence": {"id": "A", "type_id": 0}}, {"Sequence": {"id": "A", "type_id": 0}}`), nil, nil, "sequence A stands in it 2 times and B 0 times"},
		{"an unknown token", templateOf(`{"SpecialToken": {"id": "x", "type_id": 0}}, {"Sequence": {"id": "A", "type_id": 0}}, {"Sequence": {"id": "B", "type_id": 0}}`), nil, nil, `"x" is not among special_tokens`},
		{"an unknown part", templateOf(`{"Sequence": {"id": "C", "type_id": 0}}`), nil, nil, "a part is neither"},
	} {
		t.Run(tc.name, func(t *testing.T) {
			tokenizer, err := Parse([]byte(`{"version": "1.0", "pre_tokenizer": {"type": "Whitespace"}, "post_processor": `+tc.processor+`, `+vocabulary+`}`), "tokenizer.json")
			if err != nil {
				t.Fatal(err)
			}
			ids, types, err := tokenizer.Pair(tokenizer.Encode(nil, "a a"), tokenizer.Encode(nil, "b"), 0)
			if tc.fails != "" {
				if err == nil || !strings.Contains(err.Error(), tc.fails) {
					t.Fatalf("got %v, want %q", err, tc.fails)
				}
				return
			}
			if err != nil || !slices.Equal(ids, tc.ids) || !slices.Equal(types, tc.types) {
				t.Errorf("%v of types %v (%v), want %v of %v", ids, types, err, tc.ids, tc.types)
			}
			if got := tokenizer.PairSpecialCount(); got != len(tc.ids)-3 {
				t.Errorf("%d special tokens", got)
			}
		})
	}
}

func templateOf(pair string) string {
	return `{"type": "TemplateProcessing", "single": [{"Sequence": {"id": "A", "type_id": 0}}, {"SpecialToken": {"id": "s", "type_id": 0}}], "pair": [` + pair + `], "special_tokens": {"s": {"id": "s", "ids": [2], "tokens": ["s"]}}}`
}
