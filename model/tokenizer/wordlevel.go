package tokenizer

// wordLevel knows whole words only.
type wordLevel struct {
	ids     map[string]int32
	unknown int32
}

func parseWordLevel(s section) (parsedModel, error) {
	var fields struct {
		typed
		Unknown *string          `json:"unk_token"`
		Vocab   map[string]int64 `json:"vocab"`
	}
	if err := s.decode(&fields); err != nil {
		return parsedModel{}, err
	}
	if err := s.need(has{"unk_token", fields.Unknown != nil}, has{"vocab", fields.Vocab != nil}); err != nil {
		return parsedModel{}, err
	}
	v, err := newVocabulary(fields.Vocab)
	if err != nil {
		return parsedModel{}, s.errorf("vocab: %w", err)
	}
	unknown, ok := v.ids[*fields.Unknown]
	if !ok {
		return parsedModel{}, s.errorf("unk_token %q is not in vocab", *fields.Unknown)
	}
	own := make(map[string]int32, len(v.ids)) // the vocabulary goes on to take added tokens, which no word is
	for token, id := range v.ids {
		own[token] = id
	}
	return parsedModel{wordLevel{own, unknown}, v, unknown}, nil
}

func (m wordLevel) appendWord(dst []int32, word []byte, _ *scratch) []int32 {
	if id, ok := m.ids[string(word)]; ok {
		return append(dst, id)
	}
	return append(dst, m.unknown)
}
