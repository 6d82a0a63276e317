package tinymodel

import "github.com/quarry-ml/quarry/model/safetensors"

func (o Options) config() map[string]any {
	dtype := map[safetensors.DType]string{safetensors.F32: "float32", safetensors.F16: "float16", safetensors.BF16: "bfloat16"}[o.DType]
	return map[string]any{
		"architectures":                []string{"BertModel"},
		"model_type":                   "bert",
		"hidden_size":                  o.Hidden,
		"num_hidden_layers":            o.Layers,
		"num_attention_heads":          o.Heads,
		"intermediate_size":            o.Intermediate,
		"hidden_act":                   o.Activation,
		"hidden_dropout_prob":          o.Dropout,
		"attention_probs_dropout_prob": o.Dropout,
		"layer_norm_eps":               1e-12,
		"vocab_size":                   len(o.Vocabulary),
		"max_position_embeddings":      o.Positions,
		"type_vocab_size":              2,
		"pad_token_id":                 0,
		"position_embedding_type":      "absolute",
		"initializer_range":            0.02,
		"dtype":                        dtype,
	}
}

func (o Options) modules() []map[string]any {
	modules := []map[string]any{
		{"idx": 0, "name": "0", "path": "", "type": "sentence_transformers.models.Transformer"},
		{"idx": 1, "name": "1", "path": "1_Pooling", "type": "sentence_transformers.models.Pooling"},
	}
	if !o.NoNormalize {
		modules = append(modules, map[string]any{"idx": 2, "name": "2", "path": "2_Normalize", "type": "sentence_transformers.models.Normalize"})
	}
	return modules
}

func tokenizerConfig(positions int) map[string]any {
	return map[string]any{
		"tokenizer_class": "BertTokenizer", "do_lower_case": true, "model_max_length": positions,
		"tokenize_chinese_chars": true, "strip_accents": nil,
		"unk_token": "[UNK]", "sep_token": "[SEP]", "pad_token": "[PAD]", "cls_token": "[CLS]", "mask_token": "[MASK]",
	}
}

// tokenizer is tokenizer.json of an uncased BERT: lowered, WordPiece, [CLS] text [SEP].
func tokenizer(vocabulary []string) map[string]any {
	type object = map[string]any
	ids := object{}
	for i, word := range vocabulary {
		ids[word] = i
	}
	var added []object
	for i, word := range vocabulary[:5] {
		added = append(added, object{"id": i, "content": word, "single_word": false, "lstrip": false, "rstrip": false, "normalized": false, "special": true})
	}
	special := func(id string, segment int) object {
		return object{"SpecialToken": object{"id": id, "type_id": segment}}
	}
	text := func(id string, segment int) object { return object{"Sequence": object{"id": id, "type_id": segment}} }
	return object{
		"version": "1.0", "truncation": nil, "padding": nil, "added_tokens": added,
		"normalizer":    object{"type": "BertNormalizer", "clean_text": true, "handle_chinese_chars": true, "strip_accents": nil, "lowercase": true},
		"pre_tokenizer": object{"type": "BertPreTokenizer"},
		"post_processor": object{
			"type":   "TemplateProcessing",
			"single": []object{special("[CLS]", 0), text("A", 0), special("[SEP]", 0)},
			"pair":   []object{special("[CLS]", 0), text("A", 0), special("[SEP]", 0), text("B", 1), special("[SEP]", 1)},
			"special_tokens": object{
				"[CLS]": object{"id": "[CLS]", "ids": []int{2}, "tokens": []string{"[CLS]"}},
				"[SEP]": object{"id": "[SEP]", "ids": []int{3}, "tokens": []string{"[SEP]"}},
			},
		},
		"decoder": object{"type": "WordPiece", "prefix": "##", "cleanup": true},
		"model":   object{"type": "WordPiece", "unk_token": "[UNK]", "continuing_subword_prefix": "##", "max_input_chars_per_word": 100, "vocab": ids},
	}
}
