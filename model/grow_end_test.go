package model_test

import (
	"encoding/json"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/quarry-ml/quarry/model"
	"github.com/quarry-ml/quarry/model/lora"
)

// unended is a small Mistral with a tokenizer whose texts begin with <s> and end with nothing, of a class and with flags.
func unended(t *testing.T, config string) string {
	t.Helper()
	dir := filepath.Join(t.TempDir(), "base")
	if err := os.CopyFS(dir, os.DirFS(filepath.Join(decoders, "mistral"))); err != nil {
		t.Fatal(err)
	}
	raw, err := os.ReadFile(filepath.Join(grown, "base", "tokenizer.json"))
	if err != nil {
		t.Fatal(err)
	}
	const end = `{"SpecialToken": {"id": "</s>", "type_id": 0}}`
	text := strings.ReplaceAll(strings.ReplaceAll(string(raw), ", "+end, ""), end+", ", "")
	for file, content := range map[string]string{"tokenizer.json": text, "tokenizer_config.json": config} {
		if err := os.WriteFile(filepath.Join(dir, file), []byte(content), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	return dir
}

// TestTextsEndAsTransformersEndsThem: what AutoTokenizer.from_pretrained(dir, add_eos_token=True) of transformers 4.57 gives for each class.
func TestTextsEndAsTransformersEndsThem(t *testing.T) {
	const tokens = `"bos_token": "<s>", "eos_token": "</s>", "unk_token": "<unk>"`
	for _, tc := range []struct {
		name, config string
		want         []int32
	}{
		{"Mistral's as published", `{"tokenizer_class": "LlamaTokenizer", "add_bos_token": true, "add_eos_token": false, ` + tokens + `}`, []int32{1, 5, 6, 2}},
		{"without flags", `{"tokenizer_class": "GemmaTokenizer", ` + tokens + `}`, []int32{1, 5, 6, 2}},
		{"without a beginning", `{"tokenizer_class": "LlamaTokenizerFast", "add_bos_token": false, ` + tokens + `}`, []int32{5, 6, 2}},
		{"Qwen2's", `{"tokenizer_class": "Qwen2Tokenizer", ` + tokens + `}`, []int32{1, 5, 6}},
		{"no class of its own", `{"tokenizer_class": "PreTrainedTokenizerFast", "add_eos_token": false, ` + tokens + `}`, []int32{1, 5, 6}},
	} {
		t.Run(tc.name, func(t *testing.T) {
			o := lastToken()
			o.EOS = true
			m := open(t, unended(t, tc.config), o)
			s, err := m.Sequence("w5 w6", model.Prompt{}, 0)
			if err != nil || !slices.Equal(s.IDs, tc.want) || (m.Contract.EOS != "") != (tc.want[len(tc.want)-1] == 2) {
				t.Errorf("ids %v, want %v; the contract says %q (%v)", s.IDs, tc.want, m.Contract.EOS, err)
			}
		})
	}
}

// TestAdaptersKeepTheEnd: an adapter brings the tokenizer that it was trained with, and so does what it is merged into; all that
// read one end texts so. The template is also that of tokenizer.json, which releases of transformers from 5 on go by alone.
func TestAdaptersKeepTheEnd(t *testing.T) {
	base := unended(t, `{"tokenizer_class": "LlamaTokenizer", "add_bos_token": true, "add_eos_token": false, "bos_token": "<s>", "eos_token": "</s>"}`)
	o := lastToken()
	o.EOS = true
	m := open(t, base, o)
	a, err := lora.Open(filepath.Join(decoders, "mistral", "lora"), m.Base())
	if err != nil {
		t.Fatal(err)
	}
	adapter, whole := t.TempDir(), t.TempDir()
	if err := m.WriteAdapter(a, into(adapter)); err != nil {
		t.Fatal(err)
	}
	network, dense := m.Entries(nil)
	if err := model.WriteDirectory(into(whole), m.Directory, network, model.WriteOptions{Dense: dense}); err != nil {
		t.Fatal(err)
	}
	adapted, err := model.OpenAdapted(base, adapter, lastToken())
	if err != nil {
		t.Fatal(err)
	}
	defer adapted.Close()
	for name, m := range map[string]*model.Model{"the adapter": adapted, "the merged model": open(t, whole, model.Options{})} {
		if s, err := m.Sequence("w5", model.Prompt{}, 0); err != nil || !slices.Equal(s.IDs, []int32{1, 5, 2}) || m.Contract.EOS != "</s>" {
			t.Errorf("%s reads %v, contract %q (%v)", name, s.IDs, m.Contract.EOS, err)
		}
	}
	var file struct {
		PostProcessor struct{ Single []map[string]map[string]any } `json:"post_processor"`
	}
	raw, err := os.ReadFile(filepath.Join(adapter, "tokenizer.json"))
	if err == nil {
		err = json.Unmarshal(raw, &file)
	}
	if single := file.PostProcessor.Single; err != nil || len(single) != 3 || single[2]["SpecialToken"]["id"] != "</s>" {
		t.Errorf("tokenizer.json has the template %v (%v)", single, err)
	}
}
