package tokenizer

import (
	"encoding/json"
	"strconv"
	"strings"
	"unicode/utf8"
)

// decoder rewrites tokens on their way to a text; at the end they are joined.
type decoder func(tokens []string) []string

// Decode returns the text of ids by the decoder of tokenizer.json, special tokens as they are written, as Hugging Face's
// decode does with skip_special_tokens off. An id that no token has is passed over. The text need not be the one that the
// ids were made of: a normalizer, an unknown token or half a character lose something. A decoder of a type that is not
// known is an error here and not when the file is read: encoding does without it.
func (t *Tokenizer) Decode(ids []int32) (string, error) {
	if t.undecodable != nil {
		return "", t.undecodable
	}
	tokens := make([]string, 0, len(ids))
	for _, id := range ids {
		if token := t.Token(id); token != "" {
			tokens = append(tokens, token)
		}
	}
	if t.decoders == nil {
		return strings.Join(tokens, " "), nil
	}
	for _, decode := range t.decoders {
		tokens = decode(tokens)
	}
	return strings.Join(tokens, ""), nil
}

const knownDecoders = "ByteFallback, ByteLevel, Fuse, Metaspace, Replace, Sequence, Strip, WordPiece"

// parseDecoder reads the decoder section; nil where there is none.
func parseDecoder(s section) ([]decoder, error) {
	if s.absent() {
		return nil, nil
	}
	kind, err := s.kind()
	if err != nil {
		return nil, err
	}
	one := func(d decoder, err error) ([]decoder, error) { return []decoder{d}, err }
	switch kind {
	case "ByteFallback":
		return one(byteFallback, nil)
	case "ByteLevel":
		return one(fromByteLevel, nil)
	case "Fuse":
		return one(func(tokens []string) []string { return []string{strings.Join(tokens, "")} }, nil)
	case "Metaspace":
		return one(parseMetaspaceDecoder(s))
	case "Replace":
		return one(parseReplaceDecoder(s))
	case "Sequence":
		return parseDecoders(s)
	case "Strip":
		return one(parseStripDecoder(s))
	case "WordPiece":
		return one(parseWordPieceDecoder(s))
	}
	return nil, s.unknown(kind, knownDecoders)
}

func parseDecoders(s section) ([]decoder, error) {
	var fields struct {
		typed
		Decoders rawList `json:"decoders"`
	}
	if err := s.decode(&fields); err != nil {
		return nil, err
	}
	all := []decoder{}
	for i, raw := range fields.Decoders {
		part, err := parseDecoder(s.child("decoders", i, raw))
		if err != nil {
			return nil, err
		}
		all = append(all, part...)
	}
	return all, nil
}

// byteFallback turns runs of tokens such as <0xC3> into the text of their bytes, and into one U+FFFD each where they are
// no UTF-8.
func byteFallback(tokens []string) []string {
	var out []string
	var run []byte
	flush := func() {
		if utf8.Valid(run) {
			if len(run) > 0 {
				out = append(out, string(run))
			}
		} else {
			for range run {
				out = append(out, "\ufffd")
			}
		}
		run = run[:0]
	}
	for _, token := range tokens {
		if b, ok := byteToken(token); ok {
			run = append(run, b)
			continue
		}
		flush()
		out = append(out, token)
	}
	flush()
	return out
}

func byteToken(token string) (byte, bool) {
	if len(token) != 6 || !strings.HasPrefix(token, "<0x") || token[5] != '>' {
		return 0, false
	}
	b, err := strconv.ParseUint(token[3:5], 16, 8)
	return byte(b), err == nil
}

// fromByteLevel turns the characters that stand for bytes into those bytes; a token that has any other stays as it is.
func fromByteLevel(tokens []string) []string {
	var all []byte
	for _, token := range tokens {
		if b, ok := bytesOf(token); ok {
			all = append(all, b...)
		} else {
			all = append(all, token...)
		}
	}
	return []string{string(appendValid(nil, string(all)))}
}

func parseReplaceDecoder(s section) (decoder, error) {
	var fields struct {
		typed
		Pattern struct {
			String *string
			Regex  json.RawMessage
		} `json:"pattern"`
		Content string `json:"content"`
	}
	if err := s.decode(&fields); err != nil {
		return nil, err
	}
	if fields.Pattern.String == nil || *fields.Pattern.String == "" {
		return nil, s.errorf("pattern: only a String is supported")
	}
	return each(func(_ int, token string) string {
		return strings.ReplaceAll(token, *fields.Pattern.String, fields.Content)
	}), nil
}

func parseStripDecoder(s section) (decoder, error) {
	var fields struct {
		typed
		Content string `json:"content"`
		Start   int    `json:"start"`
		Stop    int    `json:"stop"`
	}
	if err := s.decode(&fields); err != nil {
		return nil, err
	}
	if utf8.RuneCountInString(fields.Content) != 1 || fields.Start < 0 || fields.Stop < 0 {
		return nil, s.errorf("want one character as content, and start and stop from 0 on")
	}
	return each(func(_ int, token string) string {
		for range fields.Start {
			token = strings.TrimPrefix(token, fields.Content)
		}
		for range fields.Stop {
			token = strings.TrimSuffix(token, fields.Content)
		}
		return token
	}), nil
}

// parseMetaspaceDecoder reads the decoder that turns marks into spaces, but those of the first token, which stand for
// none unless the scheme is never.
func parseMetaspaceDecoder(s section) (decoder, error) {
	fields := struct {
		typed
		Replacement string  `json:"replacement"`
		Prefix      *bool   `json:"add_prefix_space"`
		Scheme      string  `json:"prepend_scheme"`
		Split       *bool   `json:"split"`
		Text        *string `json:"str_rep"`
	}{Scheme: "always"}
	if err := s.decode(&fields); err != nil {
		return nil, err
	}
	if utf8.RuneCountInString(fields.Replacement) != 1 {
		return nil, s.errorf("replacement: %q is not one character", fields.Replacement)
	}
	return each(func(i int, token string) string {
		space := " "
		if i == 0 && fields.Scheme != "never" {
			space = ""
		}
		return strings.ReplaceAll(token, fields.Replacement, space)
	}), nil
}

// cleanUp takes out the spaces that splitting English text put in.
func cleanUp(token string) string {
	for _, pair := range [][2]string{
		{" .", "."}, {" ?", "?"}, {" !", "!"}, {" ,", ","}, {" ' ", "'"}, {" n't", "n't"}, {" 'm", "'m"},
		{" do not", " don't"}, {" 's", "'s"}, {" 've", "'ve"}, {" 're", "'re"},
	} {
		token = strings.ReplaceAll(token, pair[0], pair[1])
	}
	return token
}

func parseWordPieceDecoder(s section) (decoder, error) {
	var fields struct {
		typed
		Prefix  string `json:"prefix"`
		Cleanup bool   `json:"cleanup"`
	}
	if err := s.decode(&fields); err != nil {
		return nil, err
	}
	return wordPieces(fields.Prefix, fields.Cleanup), nil
}

// wordPieces joins pieces of words, which begin with a prefix inside of one.
func wordPieces(prefix string, cleanup bool) decoder {
	return each(func(i int, token string) string {
		if i > 0 {
			if rest, inside := strings.CutPrefix(token, prefix); inside {
				token = rest
			} else {
				token = " " + token
			}
		}
		if cleanup {
			token = cleanUp(token)
		}
		return token
	})
}

// each is a decoder that looks at one token at a time.
func each(rewrite func(i int, token string) string) decoder {
	return func(tokens []string) []string {
		out := make([]string, len(tokens))
		for i, token := range tokens {
			out[i] = rewrite(i, token)
		}
		return out
	}
}
