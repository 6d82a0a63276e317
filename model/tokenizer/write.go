package tokenizer

import (
	"bytes"
	"encoding/json"
	"fmt"
	"io"
)

// Tokenizer returns the tokenizer that Load would make of the written files.
func (l *Learned) Tokenizer() (*Tokenizer, error) {
	var file bytes.Buffer
	if err := l.WriteTokenizer(&file); err != nil {
		return nil, err
	}
	return Parse(file.Bytes(), "learned vocabulary")
}

// WriteTokenizer writes tokenizer.json: an uncased BERT tokenizer with the template [CLS] … [SEP].
func (l *Learned) WriteTokenizer(w io.Writer) error {
	var tokens []AddedToken
	for id, content := range learnedSpecials {
		tokens = append(tokens, AddedToken{ID: id, Content: content, Special: true})
	}
	head, err := json.Marshal(tokens)
	if err != nil {
		return err
	}
	var vocab bytes.Buffer // written by hand: a map would be sorted by token, people read by id
	for id, token := range l.Tokens {
		key, err := marshalText(token)
		if err != nil {
			return err
		}
		if id > 0 {
			vocab.WriteByte(',')
		}
		fmt.Fprintf(&vocab, "\n%s:%d", key, id)
	}
	_, err = fmt.Fprintf(w, learnedFile, head, vocab.Bytes())
	return err
}

// WriteVocabulary writes vocab.txt: a token a line, in the order of ids.
func (l *Learned) WriteVocabulary(w io.Writer) error {
	var text bytes.Buffer
	for _, token := range l.Tokens {
		text.WriteString(token + "\n")
	}
	_, err := w.Write(text.Bytes())
	return err
}

// WriteConfig writes tokenizer_config.json, by which transformers picks its class.
func (l *Learned) WriteConfig(w io.Writer) error {
	_, err := io.WriteString(w, learnedConfig)
	return err
}

func marshalText(token string) ([]byte, error) {
	var out bytes.Buffer
	e := json.NewEncoder(&out)
	e.SetEscapeHTML(false)
	if err := e.Encode(token); err != nil {
		return nil, err
	}
	return bytes.TrimSuffix(out.Bytes(), []byte("\n")), nil
}

const learnedFile = `{"version":"1.0","truncation":null,"padding":null,
"added_tokens":%s,
"normalizer":{"type":"BertNormalizer","clean_text":true,"handle_chinese_chars":true,"strip_accents":null,"lowercase":true},
"pre_tokenizer":{"type":"BertPreTokenizer"},
"post_processor":{"type":"TemplateProcessing",
"single":[{"SpecialToken":{"id":"[CLS]","type_id":0}},{"Sequence":{"id":"A","type_id":0}},{"SpecialToken":{"id":"[SEP]","type_id":0}}],
"pair":[{"SpecialToken":{"id":"[CLS]","type_id":0}},{"Sequence":{"id":"A","type_id":0}},{"SpecialToken":{"id":"[SEP]","type_id":0}},{"Sequence":{"id":"B","type_id":1}},{"SpecialToken":{"id":"[SEP]","type_id":1}}],
"special_tokens":{"[CLS]":{"id":"[CLS]","ids":[2],"tokens":["[CLS]"]},"[SEP]":{"id":"[SEP]","ids":[3],"tokens":["[SEP]"]}}},
"decoder":{"type":"WordPiece","prefix":"##","cleanup":true},
"model":{"type":"WordPiece","unk_token":"[UNK]","continuing_subword_prefix":"##","max_input_chars_per_word":100,"vocab":{%s
}}}
`

const learnedConfig = `{
  "tokenizer_class": "BertTokenizer",
  "do_lower_case": true,
  "strip_accents": null,
  "tokenize_chinese_chars": true,
  "unk_token": "[UNK]",
  "sep_token": "[SEP]",
  "pad_token": "[PAD]",
  "cls_token": "[CLS]",
  "mask_token": "[MASK]",
  "model_max_length": 512
}
`
