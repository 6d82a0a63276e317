package model

import (
	"encoding/json"
	"fmt"
	"path"
)

// describe writes modules.json, what the modules and sentence-transformers want beside it, and quarry.json.
func (w *directoryWriter) describe() error {
	if err := w.bytes("modules.json", w.moduleList()); err != nil {
		return err
	}
	for i, m := range w.modules {
		var content []byte
		switch m.Kind {
		case KindPooling:
			content = m.Pooling.encode(w.current)
		case KindDense:
			content = m.Dense.encode(w.current)
		case KindNormalize:
			content = []byte("{}\n") // releases before the sixth want the folder, later ones take their defaults
		case KindTransformer:
			continue
		}
		if err := w.bytes(path.Join(folder(i, m), "config.json"), content); err != nil {
			return err
		}
	}
	if err := w.bytes("sentence_bert_config.json", w.sentenceConfig()); err != nil {
		return err
	}
	if err := w.bytes("config_sentence_transformers.json", w.src.prompts.encode(w.contract, w.current)); err != nil {
		return err
	}
	return w.bytes(ContractName, w.contract.Encode())
}

// folder names a module's folder as sentence-transformers does.
func folder(i int, m Module) string {
	if m.Kind == KindTransformer {
		return ""
	}
	return fmt.Sprintf("%d_%s", i, m.Kind)
}

// currentClasses are the class paths of sentence-transformers 6.
var currentClasses = map[Kind]string{
	KindTransformer: "sentence_transformers.base.modules.transformer.Transformer",
	KindPooling:     "sentence_transformers.sentence_transformer.modules.pooling.Pooling",
	KindDense:       "sentence_transformers.base.modules.dense.Dense",
	KindNormalize:   "sentence_transformers.base.modules.normalize.Normalize",
}

func (w *directoryWriter) moduleList() []byte {
	type listed struct {
		Index int    `json:"idx"`
		Name  string `json:"name"`
		Path  string `json:"path"`
		Type  string `json:"type"`
	}
	modules := make([]listed, len(w.modules))
	for i, m := range w.modules {
		class := "sentence_transformers.models." + string(m.Kind)
		if w.current {
			class = currentClasses[m.Kind]
		}
		modules[i] = listed{i, fmt.Sprint(i), folder(i, m), class}
	}
	return encodeJSON(modules, "  ")
}

// sentenceConfig states the length in the old form always, in the current one where tokenizer and positions alone
// would not give it.
func (w *directoryWriter) sentenceConfig() []byte {
	o := &object{values: map[string]json.RawMessage{}}
	if !w.current {
		o.set("max_seq_length", w.contract.MaxLength)
		o.set("do_lower_case", w.src.limits.lowercase)
		return o.encode("  ")
	}
	o.set("transformer_task", "feature-extraction")
	o.set("modality_config", map[string]map[string]string{
		"text": {"method": "forward", "method_output_name": "last_hidden_state"},
	})
	o.set("module_output_name", "token_embeddings")
	if w.contract.MaxLength != w.src.limits.unstated() {
		o.set("max_seq_length", w.contract.MaxLength)
	}
	return o.encode("    ")
}
