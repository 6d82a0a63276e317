package tokenizer

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

// The template of the file is <s> and the text; <s> has id 1, </s> id 2.
func TestAddBOSAndEOSToken(t *testing.T) {
	file, err := os.ReadFile("testdata/sentencepiece/tokenizer.json")
	if err != nil {
		t.Fatal(err)
	}
	tests := []struct {
		name, config string
		want         []int32
		wrong        string
	}{
		{"neither given", `{"tokenizer_class":"LlamaTokenizer"}`, []int32{1, 7}, ""},
		{"neither given, null", `{"tokenizer_class":"LlamaTokenizer","add_bos_token":null}`, []int32{1, 7}, ""},
		{"as the file", `{"tokenizer_class":"LlamaTokenizer","add_bos_token":true,"add_eos_token":false,"bos_token":"<s>"}`, []int32{1, 7}, ""},
		{"both", `{"tokenizer_class":"LlamaTokenizerFast","add_bos_token":true,"add_eos_token":true,"bos_token":"<s>","eos_token":{"content":"</s>"}}`, []int32{1, 7, 2}, ""},
		{"end alone", `{"tokenizer_class":"GemmaTokenizer","add_bos_token":false,"add_eos_token":true,"eos_token":"</s>"}`, []int32{7, 2}, ""},
		{"end given", `{"tokenizer_class":"LlamaTokenizer","add_eos_token":true,"bos_token":"<s>","eos_token":"</s>"}`, []int32{1, 7, 2}, ""},
		{"none", `{"tokenizer_class":"LlamaTokenizer","add_bos_token":false}`, []int32{7}, ""},
		{"a class that does not go by them", `{"tokenizer_class":"PreTrainedTokenizerFast","add_eos_token":true,"eos_token":"</s>"}`, []int32{1, 7}, ""},
		{"no token", `{"tokenizer_class":"LlamaTokenizer","add_bos_token":true}`, nil, "tokenizer_config.json: add_bos_token is true, but there is no bos_token"},
		{"token outside", `{"tokenizer_class":"LlamaTokenizer","add_eos_token":true,"bos_token":"<s>","eos_token":"<end>"}`, nil, `tokenizer_config.json: eos_token "<end>" is not in the vocabulary`},
		{"no flag", `{"tokenizer_class":"LlamaTokenizer","add_eos_token":"yes"}`, nil, "tokenizer_config.json: add_eos_token: want true, false or null"},
	}
	for _, tc := range tests {
		t.Run(tc.name, func(t *testing.T) {
			dir := directory(t, map[string]string{"tokenizer.json": string(file), "tokenizer_config.json": tc.config})
			tok, err := Load(dir)
			if tc.wrong != "" {
				if err == nil || !strings.Contains(err.Error(), tc.wrong) {
					t.Errorf("got error %v, want it to contain %s", err, tc.wrong)
				}
				return
			}
			if err != nil {
				t.Fatal(err)
			}
			if diff := cmp.Diff(tc.want, tok.WithSpecials(nil, []int32{7}, 0)); diff != "" {
				t.Errorf("(-want +got):\n%s", diff)
			}
			checkAround(t, dir, tok)
		})
	}
}

// checkAround holds what Around says of a directory to the tokens that its tokenizer puts there.
func checkAround(t *testing.T, dir string, tok *Tokenizer) {
	t.Helper()
	around(t, dir, func(name string) ([]byte, error) {
		data, err := os.ReadFile(filepath.Join(dir, name))
		if errors.Is(err, os.ErrNotExist) {
			return nil, nil
		}
		return data, err
	}, tok)
}

func around(t *testing.T, dir string, read func(name string) ([]byte, error), tok *Tokenizer) {
	t.Helper()
	before, after, err := Around(dir, read)
	if err != nil {
		t.Fatal(err)
	}
	got := []string{before, after}
	want := []string{"", ""}
	at := 0
	for _, id := range tok.WithSpecials(nil, []int32{-1}, 0) {
		if id == -1 {
			at = 1
			continue
		}
		want[at] += tok.Token(id)
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("around a text (-want +got):\n%s", diff)
	}
}

func TestAroundOfEveryPostProcessor(t *testing.T) {
	special := func(content string, id int) string {
		return fmt.Sprintf(`{"id": %d, "content": %q, "special": true}`, id, content)
	}
	for name, processor := range map[string]string{
		"none":       `null`,
		"byte level": `{"type": "ByteLevel", "add_prefix_space": false, "trim_offsets": true, "use_regex": true}`,
		"roberta":    `{"type": "RobertaProcessing", "sep": ["</s>", 1], "cls": ["<s>", 0], "trim_offsets": true, "add_prefix_space": true}`,
		"template": `{"type": "TemplateProcessing", "single": [{"SpecialToken": {"id": "<s>", "type_id": 0}}, {"SpecialToken": {"id": "</s>", "type_id": 0}}, {"Sequence": {"id": "A", "type_id": 0}}],
			"pair": [], "special_tokens": {"<s>": {"id": "<s>", "ids": [0], "tokens": ["<s>"]}, "</s>": {"id": "</s>", "ids": [1], "tokens": ["</s>"]}}}`,
		"sequence": `{"type": "Sequence", "processors": [{"type": "ByteLevel", "add_prefix_space": true, "trim_offsets": false, "use_regex": true},
			{"type": "TemplateProcessing", "single": [{"Sequence": {"id": "A", "type_id": 0}}, {"SpecialToken": {"id": "</s>", "type_id": 0}}], "pair": [],
			"special_tokens": {"</s>": {"id": "</s>", "ids": [1], "tokens": ["</s>"]}}}]}`,
	} {
		t.Run(name, func(t *testing.T) {
			dir := directory(t, map[string]string{"tokenizer.json": fmt.Sprintf(`{"version": "1.0", "added_tokens": [%s, %s],
				"post_processor": %s, "model": {"type": "WordLevel", "vocab": {"<s>": 0, "</s>": 1, "a": 2}, "unk_token": "a"}}`, special("<s>", 0), special("</s>", 1), processor)})
			tok, err := Load(dir)
			if err != nil {
				t.Fatal(err)
			}
			checkAround(t, dir, tok)
		})
	}
}
