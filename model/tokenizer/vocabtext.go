package tokenizer

import (
	"fmt"
	"path/filepath"
	"slices"
	"strings"
	"unicode/utf8"
)

// sentencePieces are the names under which transformers saves SentencePiece's own files.
var sentencePieces = []string{"tokenizer.model", "sentencepiece.bpe.model", "spiece.model"}

// loadVocabText makes the tokenizer that transformers' BertTokenizer makes of a vocab.txt: a token a line, whose id is
// the line's number from 0.
func loadVocabText(dir string, c config, read func(name string) ([]byte, error)) (*Tokenizer, error) {
	name := filepath.Join(dir, "vocab.txt")
	data, err := read("vocab.txt")
	if err != nil {
		return nil, err
	}
	if data == nil {
		for _, pieces := range sentencePieces {
			if there, err := read(pieces); err == nil && there != nil {
				return nil, fmt.Errorf("%s: neither tokenizer.json nor vocab.txt is there, and SentencePiece's %s is not read: AutoTokenizer.from_pretrained(%q).save_pretrained(%q) of transformers writes tokenizer.json", dir, pieces, dir, dir)
			}
		}
		return nil, fmt.Errorf("%s: neither tokenizer.json nor vocab.txt is there", dir)
	}
	if class := c.class(); class != "" && !slices.Contains(bertClasses, class) {
		return nil, fmt.Errorf("%s: tokenizer_class %q needs a tokenizer.json; vocab.txt alone makes a BertTokenizer", c.name, class)
	}
	added, err := read("added_tokens.json")
	if err != nil {
		return nil, err
	}
	if added != nil {
		return nil, fmt.Errorf("%s: not read beside vocab.txt; save the tokenizer as tokenizer.json", filepath.Join(dir, "added_tokens.json"))
	}
	basic, err := c.flag("do_basic_tokenize")
	if err != nil {
		return nil, err
	}
	if basic != nil && !*basic {
		return nil, fmt.Errorf("%s: do_basic_tokenize false is not supported", c.name)
	}
	v, err := parseVocabText(data, name)
	if err != nil {
		return nil, err
	}
	return bertFromVocabulary(v, name, c)
}

func parseVocabText(data []byte, name string) (vocabulary, error) {
	if !utf8.Valid(data) {
		return vocabulary{}, fmt.Errorf("%s: not UTF-8", name)
	}
	text := strings.ReplaceAll(string(data), "\r\n", "\n")
	text = strings.TrimSuffix(strings.ReplaceAll(text, "\r", "\n"), "\n")
	v := vocabulary{ids: map[string]int32{}}
	for i, token := range strings.Split(text, "\n") {
		if earlier, ok := v.ids[token]; ok {
			return vocabulary{}, fmt.Errorf("%s:%d: token %q is already on line %d", name, i+1, token, earlier+1)
		}
		v.put(token, int32(i))
	}
	return v, nil
}

// bertFromVocabulary puts BERT's stages around a vocabulary, as tokenizer_config.json sets them.
func bertFromVocabulary(v vocabulary, name string, c config) (*Tokenizer, error) {
	b, err := c.bert()
	if err != nil {
		return nil, err
	}
	lower := b.lower == nil || *b.lower
	chinese := b.chinese == nil || *b.chinese
	strip := lower
	if b.strip != nil {
		strip = *b.strip
	}
	t := &Tokenizer{vocabulary: v, padding: -1, unknown: -1, stages: splitBy(bertSplitter{}), decoders: []decoder{wordPieces("##", true)},
		normalizer: []normalizer{newBertNormalizer(true, chinese, strip, lower)}}
	special, err := t.addBertSpecials(name, c)
	if err != nil {
		return nil, err
	}
	t.unknown = special["unk_token"]
	if t.model, err = newWordPiece(v, t.unknown, "##", 100); err != nil {
		return nil, fmt.Errorf("%s: %w", name, err)
	}
	cls, sep := special["cls_token"], special["sep_token"]
	t.template = template{before: []int32{cls}, after: []int32{sep}, pair: aroundPairs(cls, sep, nil, 1)}
	if id, ok := special["pad_token"]; ok {
		t.padding = id
	}
	return t, nil
}

// addBertSpecials registers BERT's special tokens under the names that the configuration gives them. [PAD] and [MASK]
// may be missing from the vocabulary unless the configuration names them.
func (t *Tokenizer) addBertSpecials(name string, c config) (map[string]int32, error) {
	ids := map[string]int32{}
	var tokens []addedToken
	for _, d := range []struct {
		key, content string
		required     bool
	}{
		{"unk_token", "[UNK]", true}, {"sep_token", "[SEP]", true}, {"pad_token", "[PAD]", false},
		{"cls_token", "[CLS]", true}, {"mask_token", "[MASK]", false},
	} {
		a := c.token(d.key)
		if a == nil {
			a = &addedToken{Content: &d.content, Special: true}
		} else {
			d.required = true
		}
		id, ok := t.vocabulary.ids[*a.Content]
		if !ok && d.required {
			return nil, fmt.Errorf("%s: %s %q is missing", name, d.key, *a.Content)
		}
		if !ok {
			continue
		}
		number := int64(id)
		a.ID = &number
		ids[d.key] = id
		tokens = append(tokens, *a)
	}
	return ids, t.addTokens(section{name, "special tokens", nil}, tokens)
}
