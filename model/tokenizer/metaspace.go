package tokenizer

import (
	"bytes"
	"unicode/utf8"
)

// metaspace writes a mark in place of every space, and before a word that does not begin with it.
type metaspace struct {
	mark    []byte
	prepend prependScheme
}

// prependScheme says which words a mark is put before.
type prependScheme int

const (
	prependAlways prependScheme = iota
	prependFirst                // the word that the text begins with
	prependNever
)

func parseMetaspace(s section) ([]stage, error) {
	fields := struct {
		typed
		Replacement string  `json:"replacement"`
		Prefix      *bool   `json:"add_prefix_space"`
		Scheme      string  `json:"prepend_scheme"`
		Split       *bool   `json:"split"`
		Text        *string `json:"str_rep"` // of files of 2021: the replacement again
	}{Scheme: "always"}
	if err := s.decode(&fields); err != nil {
		return nil, err
	}
	_, size := utf8.DecodeRuneInString(fields.Replacement)
	if size == 0 || size != len(fields.Replacement) {
		return nil, s.errorf("replacement: %q is not one character", fields.Replacement)
	}
	scheme, ok := map[string]prependScheme{"always": prependAlways, "first": prependFirst, "never": prependNever}[fields.Scheme]
	if !ok {
		return nil, s.errorf("prepend_scheme: unknown value %q", fields.Scheme)
	}
	if fields.Prefix != nil && !*fields.Prefix && scheme != prependNever {
		return nil, s.errorf("add_prefix_space is false, but prepend_scheme %q", fields.Scheme)
	}
	stages := []stage{{rewriter: metaspace{[]byte(fields.Replacement), scheme}}}
	if fields.Split == nil || *fields.Split {
		stages = append(stages, stage{splitter: matchSplitter{literal(fields.Replacement), mergedWithNext, false}})
	}
	return stages, nil
}

func (m metaspace) rewrite(dst, word []byte, first bool) []byte {
	if m.prepend == prependAlways || m.prepend == prependFirst && first {
		if !bytes.HasPrefix(word, m.mark) && !bytes.HasPrefix(word, []byte(" ")) {
			dst = append(dst, m.mark...)
		}
	}
	for {
		i := bytes.IndexByte(word, ' ')
		if i < 0 {
			return append(dst, word...)
		}
		dst = append(append(dst, word[:i]...), m.mark...)
		word = word[i+1:]
	}
}
