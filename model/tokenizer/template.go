package tokenizer

import (
	"cmp"
	"encoding/json"
	"strings"
)

// template is what a single sequence is put between, and how those tokens are written.
type template struct {
	before, after         []int32
	textBefore, textAfter string
	pair                  pairTemplate
}

// WithSpecials appends ids to dst with the special tokens of a single sequence around them, such as [CLS] … [SEP], and
// returns it. The end of ids is cut so that no more than maxLength are appended; 0 sets no limit. The special tokens
// themselves are never cut: a maxLength below SpecialCount leaves just them.
func (t *Tokenizer) WithSpecials(dst, ids []int32, maxLength int) []int32 {
	if maxLength > 0 {
		ids = ids[:min(len(ids), max(0, maxLength-t.SpecialCount()))]
	}
	dst = append(dst, t.template.before...)
	dst = append(dst, ids...)
	return append(dst, t.template.after...)
}

// SpecialCount returns how many special tokens WithSpecials adds.
func (t *Tokenizer) SpecialCount() int { return len(t.template.before) + len(t.template.after) }

// parsePostProcessor reads the post_processor section; size is that of the vocabulary.
func parsePostProcessor(s section, size int) (template, error) {
	if s.absent() {
		return template{pair: noPairs}, nil
	}
	kind, err := s.kind()
	if err != nil {
		return template{}, err
	}
	switch kind {
	case "TemplateProcessing":
		return parseTemplate(s, size)
	case "BertProcessing", "RobertaProcessing":
		return parseClsSep(s, kind, size)
	case "ByteLevel":
		return template{pair: noPairs}, nil // moves offsets, adds nothing
	case "Sequence":
		return parseProcessors(s, size)
	}
	return template{}, s.unknown(kind, "BertProcessing, ByteLevel, RobertaProcessing, Sequence, TemplateProcessing")
}

// parseProcessors reads a sequence, of which one part at most may add tokens: what two would do is not defined.
func parseProcessors(s section, size int) (template, error) {
	var fields struct {
		typed
		Processors rawList `json:"processors"`
	}
	if err := s.decode(&fields); err != nil {
		return template{}, err
	}
	all := template{pair: noPairs}
	for i, raw := range fields.Processors {
		part, err := parsePostProcessor(s.child("processors", i, raw), size)
		if err != nil {
			return template{}, err
		}
		if len(part.before)+len(part.after) == 0 {
			continue
		}
		if len(all.before)+len(all.after) != 0 {
			return template{}, s.errorf("two of the processors add tokens")
		}
		all = part
	}
	return all, nil
}

// parseTemplate reads TemplateProcessing. What is wrong with its pair template is an error of Pair alone.
func parseTemplate(s section, size int) (template, error) {
	var fields struct {
		typed
		Single        []templatePiece `json:"single"`
		Pair          json.RawMessage `json:"pair"`
		SpecialTokens map[string]struct {
			ID     string   `json:"id"`
			IDs    []int64  `json:"ids"`
			Tokens []string `json:"tokens"`
		} `json:"special_tokens"`
	}
	if err := s.decode(&fields); err != nil {
		return template{}, err
	}
	tokens := func(list, name string) ([]int32, error) {
		var ids []int32
		for _, id := range fields.SpecialTokens[name].IDs {
			if id < 0 || id >= int64(size) {
				return nil, s.errorf("special token %q: id %d is outside the vocabulary of %d", name, id, size)
			}
			ids = append(ids, int32(id))
		}
		if _, ok := fields.SpecialTokens[name]; !ok {
			return nil, s.errorf("%s: %q is not among special_tokens", list, name)
		}
		return ids, nil
	}
	var t template
	sequences := 0
	for _, p := range fields.Single {
		switch {
		case p.Sequence != nil && p.SpecialToken == nil && p.Sequence.ID == "A":
			sequences++
		case p.SpecialToken != nil && p.Sequence == nil:
			ids, err := tokens("single", p.SpecialToken.ID)
			if err != nil {
				return template{}, err
			}
			to, text := &t.before, &t.textBefore
			if sequences > 0 {
				to, text = &t.after, &t.textAfter
			}
			*text += cmp.Or(strings.Join(fields.SpecialTokens[p.SpecialToken.ID].Tokens, ""), p.SpecialToken.ID)
			*to = append(*to, ids...)
		default:
			return template{}, s.errorf("single: a part is neither a special token nor sequence A")
		}
	}
	if sequences != 1 {
		return template{}, s.errorf("single: sequence A stands in it %d times, not once", sequences)
	}
	var pair []templatePiece
	if err := json.Unmarshal(fields.Pair, &pair); err != nil {
		t.pair = pairTemplate{lacking: s.errorf("pair: want a list of special tokens and sequences")}
	} else {
		t.pair = parsePair(s, pair, tokens)
	}
	return t, nil
}

// parseClsSep reads BertProcessing and RobertaProcessing, which name one token before and one after. Between two texts the
// former has that one once and gives the second text a type of its own, the latter has it twice.
func parseClsSep(s section, kind string, size int) (template, error) {
	var fields struct {
		typed
		Sep            []any `json:"sep"`
		Cls            []any `json:"cls"`
		TrimOffsets    bool  `json:"trim_offsets"`
		AddPrefixSpace bool  `json:"add_prefix_space"`
	}
	if err := s.decode(&fields); err != nil {
		return template{}, err
	}
	read := func(name string, pair []any) (int32, string, error) {
		if len(pair) == 2 {
			text, named := pair[0].(string)
			id, numbered := pair[1].(float64)
			if named && numbered && id == float64(int32(id)) && id >= 0 && int(id) < size {
				return int32(id), text, nil
			}
		}
		return 0, "", s.errorf("%s: want [token, id] with an id within the vocabulary of %d", name, size)
	}
	cls, before, err := read("cls", fields.Cls)
	if err != nil {
		return template{}, err
	}
	sep, after, err := read("sep", fields.Sep)
	if err != nil {
		return template{}, err
	}
	pair := aroundPairs(cls, sep, nil, 1)
	if kind == "RobertaProcessing" {
		pair = aroundPairs(cls, sep, []int32{sep}, 0)
	}
	return template{[]int32{cls}, []int32{sep}, before, after, pair}, nil
}
