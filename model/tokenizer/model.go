package tokenizer

import "encoding/json"

// model gives the ids of one word. Every id lies within the vocabulary that it was made with.
type model interface {
	appendWord(dst []int32, word []byte, s *scratch) []int32
}

// parsedModel is the model section: the model, its own tokens, and the id of what it cannot spell (-1 when none).
type parsedModel struct {
	model      model
	vocabulary vocabulary
	unknown    int32
}

// parseModel reads the model section; byteLevel says that words are the bytes of a text.
func parseModel(s section, byteLevel bool) (parsedModel, error) {
	if s.absent() {
		return parsedModel{}, s.errorf("missing")
	}
	kind, err := s.kind()
	if err != nil {
		if legacy := s.legacyType(); legacy != "" {
			kind, err = legacy, nil
		}
	}
	if err != nil {
		return parsedModel{}, err
	}
	switch kind {
	case "BPE":
		return parseBPE(s, byteLevel)
	case "Unigram":
		return parseUnigram(s)
	case "WordPiece":
		return parseWordPiece(s)
	case "WordLevel":
		return parseWordLevel(s)
	}
	return parsedModel{}, s.unknown(kind, "BPE, Unigram, WordLevel, WordPiece")
}

// legacyType recognises the files of 2020, whose models have no type.
func (s section) legacyType() string {
	var fields map[string]json.RawMessage
	if json.Unmarshal(s.raw, &fields) != nil {
		return ""
	}
	_, typed := fields["type"]
	_, merges := fields["merges"]
	_, prefix := fields["continuing_subword_prefix"]
	switch {
	case typed:
		return ""
	case merges:
		return "BPE"
	case prefix:
		return "WordPiece"
	}
	return ""
}
