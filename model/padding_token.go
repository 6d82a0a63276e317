package model

import (
	"encoding/json"
	"path"
	"slices"
)

// paddingless are the classes of transformers' tokenizers that have no padding token where no file names one.
var paddingless = []string{"LlamaTokenizer", "LlamaTokenizerFast", "GPT2Tokenizer", "GPT2TokenizerFast", "PreTrainedTokenizerFast", "TokenizersBackend"}

// withPadding is tokenizer_config.json with a padding token where there is none: unk_token, else eos_token, as FlagEmbedding's
// trainers have it. Without one transformers and sentence-transformers refuse two texts of unequal length, which published decoders
// such as Mistral-7B leave to whoever trains them. What stands for padding changes no vector.
func withPadding(r *reader, root string, raw []byte) ([]byte, error) {
	var files []*object // the first to name a token counts
	for _, name := range []string{tokenizerConfigName, "special_tokens_map.json"} {
		content := raw
		if name != tokenizerConfigName {
			var err error
			if content, err = r.read(path.Join(root, name)); err != nil {
				return nil, err
			}
		}
		if content == nil {
			continue
		}
		o, err := parseObject(content, r.path(path.Join(root, name)))
		if err != nil {
			return nil, err
		}
		files = append(files, o)
	}
	named := func(token string) json.RawMessage {
		for _, o := range files {
			if value, ok := o.values[token]; ok && string(value) != "null" {
				return value
			}
		}
		return nil
	}
	config := files[0]
	var class string
	if json.Unmarshal(config.values["tokenizer_class"], &class) != nil || !slices.Contains(paddingless, class) || named("pad_token") != nil {
		return raw, nil
	}
	for _, token := range []string{"unk_token", "eos_token"} {
		if value := named(token); value != nil {
			config.set("pad_token", value)
			return config.encode("  "), nil
		}
	}
	return raw, nil
}
