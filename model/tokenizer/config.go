package tokenizer

import (
	"encoding/json"
	"fmt"
	"path/filepath"
	"slices"
)

// config is what tokenizer_config.json says, with special_tokens_map.json for the tokens that it does not name. Only
// the keys that bear on token ids are looked at.
type config struct {
	name string // of tokenizer_config.json
	keys map[string]json.RawMessage

	files map[string]string // by key, the name of the file that says it
}

// readConfigBy reads both files by a function that returns nil for one that is not there.
func readConfigBy(dir string, read func(name string) ([]byte, error)) (config, error) {
	c := config{name: filepath.Join(dir, "tokenizer_config.json"), keys: map[string]json.RawMessage{}, files: map[string]string{}}
	for _, file := range []string{"special_tokens_map.json", "tokenizer_config.json"} {
		name := filepath.Join(dir, file)
		data, err := read(file)
		if err != nil {
			return config{}, err
		}
		if data == nil {
			continue
		}
		var keys map[string]json.RawMessage
		if err := (section{name, topLevel, data}).decodeSome(&keys); err != nil {
			return config{}, err
		}
		for key, raw := range keys {
			c.keys[key], c.files[key] = raw, name
		}
	}
	for _, key := range []string{"unk_token", "sep_token", "pad_token", "cls_token", "mask_token", "bos_token", "eos_token"} {
		if _, err := c.parseToken(key); err != nil {
			return config{}, err
		}
	}
	return c, nil
}

// token returns the special token of a key, nil when there is none.
func (c config) token(key string) *addedToken {
	t, _ := c.parseToken(key)
	return t
}

// parseToken reads a token that is written as a text or as an object with flags.
func (c config) parseToken(key string) (*addedToken, error) {
	raw, ok := c.keys[key]
	if !ok || string(raw) == "null" {
		return nil, nil
	}
	t := addedToken{Special: true}
	if json.Unmarshal(raw, &t.Content) == nil {
		return &t, nil
	}
	if err := json.Unmarshal(raw, &t); err != nil || t.Content == nil {
		return nil, fmt.Errorf("%s: %s: want a text, or an object with content", c.files[key], key)
	}
	t.ID, t.Special = nil, true
	return &t, nil
}

// flag returns a setting that is true, false or absent (nil).
func (c config) flag(key string) (*bool, error) {
	raw, ok := c.keys[key]
	if !ok {
		return nil, nil
	}
	var value *bool
	if err := json.Unmarshal(raw, &value); err != nil {
		return nil, fmt.Errorf("%s: %s: want true, false or null", c.files[key], key)
	}
	return value, nil
}

// bertClasses are the tokenizer classes that a vocab.txt makes.
var bertClasses = []string{"BertTokenizer", "BertTokenizerFast", "DistilBertTokenizer", "DistilBertTokenizerFast",
	"ElectraTokenizer", "ElectraTokenizerFast"}

func (c config) class() string {
	var class string
	if json.Unmarshal(c.keys["tokenizer_class"], &class) != nil {
		return ""
	}
	return class
}

// bertFlags are the settings of BERT's normalizer; nil where the configuration does not say.
type bertFlags struct{ lower, chinese, strip *bool }

func (c config) bert() (b bertFlags, err error) {
	if b.lower, err = c.flag("do_lower_case"); err != nil {
		return b, err
	}
	if b.chinese, err = c.flag("tokenize_chinese_chars"); err != nil {
		return b, err
	}
	b.strip, err = c.flag("strip_accents")
	return b, err
}

// templateClasses are the tokenizer classes that put bos_token and eos_token around a text as add_bos_token and
// add_eos_token say, whatever the template of tokenizer.json.
var templateClasses = []string{"LlamaTokenizer", "LlamaTokenizerFast", "CodeLlamaTokenizer", "CodeLlamaTokenizerFast",
	"GemmaTokenizer", "GemmaTokenizerFast", "CohereTokenizer", "CohereTokenizerFast"}

// setTemplate replaces the template of tokenizer.json where add_bos_token or add_eos_token is given for a class that goes
// by them. The one that is not given is true for bos_token and false for eos_token.
func (c config) setTemplate(t *Tokenizer) error {
	bos, eos, decides, err := c.adds()
	if err != nil || !decides {
		return err
	}
	var made template
	if bos {
		if made.before, made.textBefore, err = c.around(t, "bos_token"); err != nil {
			return err
		}
	}
	if eos {
		if made.after, made.textAfter, err = c.around(t, "eos_token"); err != nil {
			return err
		}
	}
	made.pair = noPairs // what a pair would be is no setting of theirs
	t.template = made
	return nil
}

// adds says whether bos_token and eos_token stand around a text, if that is for this file to decide.
func (c config) adds() (bos, eos, decides bool, err error) {
	if !slices.Contains(templateClasses, c.class()) {
		return false, false, false, nil
	}
	addBOS, err := c.flag("add_bos_token")
	if err != nil {
		return false, false, false, err
	}
	addEOS, err := c.flag("add_eos_token")
	if err != nil || addBOS == nil && addEOS == nil {
		return false, false, false, err
	}
	return addBOS == nil || *addBOS, isTrue(addEOS), true, nil
}

// around returns the id and the text of a special token that stands around a text.
func (c config) around(t *Tokenizer, key string) ([]int32, string, error) {
	text, err := c.needed(key)
	if err != nil {
		return nil, "", err
	}
	id, ok := t.ID(text)
	if !ok {
		return nil, "", fmt.Errorf("%s: %s %q is not in the vocabulary", c.files[key], key, text)
	}
	return []int32{id}, text, nil
}

// needed is the text of a special token that add_bos_token or add_eos_token asks for.
func (c config) needed(key string) (string, error) {
	token := c.token(key)
	if token == nil {
		return "", fmt.Errorf("%s: add_%s is true, but there is no %s", c.name, key, key)
	}
	return *token.Content, nil
}

// genericClasses are the tokenizer classes that leave tokenizer.json as it is. The others, BERT's among them, make a
// normalizer by tokenizer_config.json, whatever tokenizer.json says.
var genericClasses = []string{"PreTrainedTokenizerFast", "TokenizersBackend"}

// agree returns an error when transformers would make another BERT normalizer than that of tokenizer.json.
func (c config) agree(t *Tokenizer, name string) error {
	if slices.Contains(genericClasses, c.class()) || len(t.normalizer) != 1 {
		return nil
	}
	n, ok := t.normalizer[0].(*bertNormalizer)
	if !ok {
		return nil
	}
	b, err := c.bert()
	if err != nil {
		return err
	}
	for _, check := range []struct {
		key, other string
		says       *bool
		is         bool
	}{
		{"do_lower_case", "lowercase", b.lower, n.lower},
		{"tokenize_chinese_chars", "handle_chinese_chars", b.chinese, n.chinese},
		{"strip_accents", "strip_accents", b.strip, n.strip},
	} {
		if check.says != nil && *check.says != check.is {
			return fmt.Errorf("%s: %s is %t, but the normalizer of %s has %s %t; make them agree",
				c.name, check.key, *check.says, name, check.other, check.is)
		}
	}
	return nil
}

// untypedClasses are the tokenizer classes whose networks take no token types.
var untypedClasses = []string{"RobertaTokenizer", "RobertaTokenizerFast", "XLMRobertaTokenizer", "XLMRobertaTokenizerFast"}

// tokenTypes says whether token types are handed to the network; nil where neither model_input_names nor the class does.
func (c config) tokenTypes() (*bool, error) {
	var said bool
	if raw, ok := c.keys["model_input_names"]; ok && string(raw) != "null" {
		var names []string
		if err := json.Unmarshal(raw, &names); err != nil {
			return nil, fmt.Errorf("%s: model_input_names: want a list of names", c.files["model_input_names"])
		}
		said = slices.Contains(names, "token_type_ids")
		return &said, nil
	}
	class := c.class()
	said = slices.Contains(genericClasses, class) || slices.Contains(bertClasses, class)
	if said || slices.Contains(untypedClasses, class) {
		return &said, nil
	}
	return nil, nil
}
