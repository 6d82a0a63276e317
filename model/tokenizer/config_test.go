package tokenizer

import (
	"os"
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
			tok, err := Load(directory(t, map[string]string{"tokenizer.json": string(file), "tokenizer_config.json": tc.config}))
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
		})
	}
}
