package model

import (
	"maps"
	"path/filepath"
	"strings"
	"testing"
	"testing/fstest"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"

	"github.com/quarry-ml/quarry/compute/tensor"
	"github.com/quarry-ml/quarry/model/transformer"
)

const (
	testConfig = `{"model_type": "bert", "architectures": ["BertModel"], "hidden_size": 8, "num_hidden_layers": 1,
		"num_attention_heads": 2, "intermediate_size": 12, "vocab_size": 20, "max_position_embeddings": 64}`
	testModules = `[{"idx": 0, "name": "0", "path": "", "type": "sentence_transformers.models.Transformer"},
		{"idx": 1, "name": "1", "path": "1_Pooling", "type": "sentence_transformers.models.Pooling"},
		{"idx": 2, "name": "2", "path": "2_Normalize", "type": "sentence_transformers.models.Normalize"}]`
	testPooling = `{"word_embedding_dimension": 8, "pooling_mode_cls_token": false, "pooling_mode_mean_tokens": true}`
)

// directory is a model directory in memory with some files changed; an empty text removes a file.
func directory(changes map[string]string) fstest.MapFS {
	files := map[string]string{"config.json": testConfig, "modules.json": testModules, "1_Pooling/config.json": testPooling}
	maps.Copy(files, changes)
	fsys := fstest.MapFS{}
	for name, content := range files {
		if content != "" {
			fsys[name] = &fstest.MapFile{Data: []byte(content)}
		}
	}
	return fsys
}

func with(json, key, value string) string {
	return strings.Replace(json, "{", `{"`+key+`": `+value+", ", 1)
}

// dense is modules.json with a Dense between pooling and normalisation.
var dense = strings.Replace(testModules, `{"idx": 2, "name": "2", "path": "2_Normalize"`,
	`{"idx": 2, "path": "2_Dense", "type": "sentence_transformers.models.Dense"}, {"idx": 3, "path": "3_Normalize"`, 1)

func TestReadDirectoryRefuses(t *testing.T) {
	const st, sbert, tok, stored = "config_sentence_transformers.json", "sentence_bert_config.json", "tokenizer_config.json", "quarry.json"
	contract := string(Contract{BOS: "[CLS]", EOS: "[SEP]", Pooling: PoolMean, IncludePrompt: true, Normalize: true, Score: Cosine, MaxLength: 64}.Encode())
	for _, tc := range []struct {
		name, file, content string
		want                string
	}{
		{"no config.json", "config.json", "", "config.json: missing: this is not a model directory"},
		{"config.json cut short", "config.json", `{"model_type": "bert"`, "config.json: not valid JSON: unexpected EOF"},
		{"config.json of a list", "config.json", `[]`, "config.json: begins with [, not with an object"},
		{"config.json not UTF-8", "config.json", "{\"a\": \"\xff\"}", "config.json: is not valid UTF-8"},
		{"key twice", "config.json", with(testConfig, "hidden_size", "8"), `config.json: key "hidden_size" comes twice`},
		{"other model", "config.json", strings.Replace(testConfig, `"bert"`, `"deberta"`, 1), `model_type "deberta" is not supported; supported are bert`},
		{"no model", "config.json", `{}`, `no "model_type"`},
		{"other architecture", "config.json", strings.Replace(testConfig, "BertModel", "BertLMHeadModel", 1), `architecture "BertLMHeadModel" is not supported; supported are BertModel, `},
		{"relative positions", "config.json", with(testConfig, "position_embedding_type", `"relative_key"`), `position_embedding_type "relative_key" is not supported; supported is absolute`},
		{"decoder", "config.json", with(testConfig, "is_decoder", "true"), "is_decoder true is not supported"},
		{"activation", "config.json", with(testConfig, "hidden_act", `"mish"`), `hidden_act "mish" is not supported; supported are gelu, `},
		{"size missing", "config.json", strings.Replace(testConfig, `"vocab_size": 20, `, "", 1), `no "vocab_size"`},
		{"size as text", "config.json", strings.Replace(testConfig, `"hidden_size": 8`, `"hidden_size": "8"`, 1), "hidden_size: found string where int belongs"},
		{"size 0", "config.json", strings.Replace(testConfig, `"vocab_size": 20`, `"vocab_size": 0`, 1), "vocab_size 0 is not a size"},
		{"heads", "config.json", strings.Replace(testConfig, `"num_attention_heads": 2`, `"num_attention_heads": 3`, 1), "hidden_size 8 is not a multiple of num_attention_heads 3"},
		{"dropout", "config.json", with(testConfig, "hidden_dropout_prob", "1.5"), "hidden_dropout_prob 1.5 is not a probability"},
		{"epsilon", "config.json", with(testConfig, "layer_norm_eps", "-1"), "layer_norm_eps -1 is not in [0, 1)"},
		{"padding", "config.json", with(testConfig, "pad_token_id", "20"), "pad_token_id 20 is outside the vocabulary of 20"},

		{"modules not a list", "modules.json", `{}`, "modules.json: is not a list of modules"},
		{"one module", "modules.json", testModules[:strings.Index(testModules, ",\n")] + "]", "modules.json: the first two modules must be Transformer and Pooling"},
		{"unknown module", "modules.json", strings.Replace(testModules, "models.Normalize", "models.LayerNorm", 1), `module 2: type "sentence_transformers.models.LayerNorm" is not supported; supported are sentence_transformers' Transformer, Pooling, Dense, Normalize`},
		{"custom module", "modules.json", strings.Replace(testModules, "sentence_transformers.models.Pooling", "custom.Pooling", 1), `type "custom.Pooling" is not supported`},
		{"module with kwargs", "modules.json", strings.Replace(testModules, `"idx": 0`, `"kwargs": ["task"], "idx": 0`, 1), "module 0: kwargs [task] are not supported"},
		{"module with an unknown key", "modules.json", strings.Replace(testModules, `"idx": 0`, `"weight": 2, "idx": 0`, 1), `module 0: unknown key "weight"`},
		{"module out of order", "modules.json", strings.Replace(testModules, `"idx": 2`, `"idx": 1`, 1), "module 2: idx 1 is out of order"},
		{"two poolings", "modules.json", strings.Replace(testModules, "models.Normalize", "models.Pooling", 1), "module 2: a second Pooling is not supported"},
		{"normalize before dense", "modules.json", strings.NewReplacer("models.Dense", "models.Normalize", "models.Normalize", "models.Dense").Replace(dense), "module 2: Normalize is supported at the end only"},
		{"path outside", "modules.json", strings.Replace(testModules, "1_Pooling", "../1_Pooling", 1), `path "../1_Pooling" is not a folder of the model directory`},

		{"pooling missing", "1_Pooling/config.json", "", "config.json: missing: the Pooling module needs it"},
		{"two modes", "1_Pooling/config.json", with(testPooling, "pooling_mode_max_tokens", "true"), "2 pooling modes [max mean] are not supported together"},
		{"two modes, new form", "1_Pooling/config.json", `{"embedding_dimension": 8, "pooling_mode": ["cls", "max"]}`, "2 pooling modes [cls max] are not supported together"},
		{"square root", "1_Pooling/config.json", `{"embedding_dimension": 8, "pooling_mode": "mean_sqrt_len_tokens"}`, `pooling "mean_sqrt_len_tokens" is not supported; supported are cls, mean, max, lasttoken, weightedmean`},
		{"square root, old form", "1_Pooling/config.json", `{"word_embedding_dimension": 8, "pooling_mode_mean_sqrt_len_tokens": true}`, `pooling "mean_sqrt_len_tokens" is not supported`},
		{"no mode", "1_Pooling/config.json", `{"embedding_dimension": 8}`, "names no pooling mode"},
		{"pooling key", "1_Pooling/config.json", with(testPooling, "pooling_mode_median", "true"), `unknown key "pooling_mode_median"`},
		{"pooling dimension", "1_Pooling/config.json", strings.Replace(testPooling, "8", "9", 1), "takes vectors of 9, but 8 come in"},
		{"normalize of tokens", "2_Normalize/config.json", `{"module_input_name": "token_embeddings"}`, `module_input_name "token_embeddings" is not supported`},

		{"length 0", sbert, `{"max_seq_length": 0}`, "max_seq_length 0 is not positive"},
		{"length above positions", sbert, `{"max_seq_length": 65}`, "max_seq_length 65 is above the model's 64 positions"},
		{"task", sbert, `{"transformer_task": "fill-mask"}`, `transformer_task "fill-mask" is not supported`},
		{"modality", sbert, `{"modality_config": {"image": {"method": "forward"}}}`, "modality_config is not supported"},
		{"arguments", sbert, `{"model_args": {"use_cache": true}}`, "model_args is not supported"},
		{"query length", sbert, `{"query_length": 32}`, `sentence_bert_config.json: unknown key "query_length"`},
		{"other encoder's file", "sentence_gpt_config.json", `{}`, "sentence_gpt_config.json: is not a name that sentence-transformers reads"},
		{"tokenizer settings", tok, `{"model_max_length": {}}`, "tokenizer_config.json: model_max_length: found object"},

		{"similarity", st, `{"similarity_fn_name": "manhattan"}`, `similarity_fn_name: score function "manhattan" is not supported; supported are cosine, dot`},
		{"vectors cut to nothing", st, `{"truncate_dim": 0}`, "truncate_dim 0 is not positive"},
		{"vectors cut beyond their length", st, `{"truncate_dim": 9}`, "truncate_dim 9: the model's vectors have 8 numbers"},
		{"another key", st, `{"trust_remote_code": true}`, `unknown key "trust_remote_code"`},
		{"other kind", st, `{"model_type": "SparseEncoder"}`, `model_type "SparseEncoder" is not supported`},
		{"default without prompt", st, `{"prompts": {"query": "q"}, "default_prompt_name": "task"}`, `default_prompt_name "task" is not among the prompts: query`},
		{"placeholder in a prompt", st, `{"prompts": {"query": "say {} now"}}`, "prompts: query: contains {}"},

		{"newer contract", stored, strings.Replace(contract, `"version": 1`, `"version": 2`, 1), "quarry.json: version 2; this program reads version 1"},
		{"contract lacks a key", stored, strings.Replace(contract, `"eos": "[SEP]",`, "", 1), `quarry.json: no "eos"`},
		{"contract with an unknown key", stored, with(contract, "temperature", "1"), `quarry.json: unknown key "temperature"`},
		{"contract's pooling", stored, strings.Replace(contract, `"mean"`, `"cls"`, 1), "quarry.json: disagrees with the model's other files; correct one of them: pooling: cls, not mean"},
		{"contract's length", stored, strings.Replace(contract, "64", "32", 1), "max_length: 32, not 64"},
		{"contract's prompt", stored, with(contract, "query", `{"template": "q: "}`), `query prompt: "q: ", not ""`},
		{"contract's template", stored, with(contract, "query", `{"template": "{}{}"}`), "2 placeholders {}"},
	} {
		t.Run(tc.name, func(t *testing.T) {
			files := directory(map[string]string{tc.file: tc.content})
			if tc.name == "normalize before dense" {
				files["3_Normalize/config.json"] = &fstest.MapFile{Data: []byte(`{"in_features": 8, "out_features": 8}`)}
			}
			_, err := readDirectory(files, "dir", Options{})
			if err == nil || !strings.Contains(err.Error(), tc.want) || !strings.HasPrefix(err.Error(), "dir"+string(filepath.Separator)) {
				t.Errorf("got %v, want %q", err, tc.want)
			}
		})
	}
}

func TestReadDenseRefuses(t *testing.T) {
	for _, tc := range []struct{ name, content, want string }{
		{"missing", "", "missing: the Dense module needs it"},
		{"features", `{"in_features": 8, "out_features": 0}`, "in_features 8 and out_features 0 must be positive"},
		{"width", `{"in_features": 9, "out_features": 4}`, "takes vectors of 9, but 8 come in"},
		{"activation", `{"in_features": 8, "out_features": 4, "activation_function": "torch.nn.modules.activation.Mish"}`, `activation_function "torch.nn.modules.activation.Mish" is not supported; supported are torch.nn's Identity, Tanh, ReLU, GELU`},
		{"own activation", `{"in_features": 8, "out_features": 4, "activation_function": "mine.Tanh"}`, "is not supported"},
		{"residual", `{"in_features": 8, "out_features": 4, "use_residual": true}`, "use_residual true is not supported"},
		{"input", `{"in_features": 8, "out_features": 4, "module_input_name": "token_embeddings"}`, "module_input_name"},
	} {
		t.Run(tc.name, func(t *testing.T) {
			_, err := readDirectory(directory(map[string]string{"modules.json": dense, "2_Dense/config.json": tc.content}), "dir", Options{})
			if err == nil || !strings.Contains(err.Error(), tc.want) || !strings.HasPrefix(err.Error(), filepath.Join("dir", "2_Dense", "config.json")) {
				t.Errorf("got %v, want %q", err, tc.want)
			}
		})
	}
}

func TestReadDirectory(t *testing.T) {
	current := strings.NewReplacer("models.Transformer", "base.modules.transformer.Transformer", "models.Pooling", "sentence_transformer.modules.pooling.Pooling",
		"models.Normalize", "base.modules.normalize.Normalize").Replace(testModules)
	base := Contract{BOS: "[CLS]", EOS: "[SEP]", Pooling: PoolMean, IncludePrompt: true, Normalize: true, Score: Cosine, MaxLength: 64}
	change := func(f func(*Contract)) Contract {
		c := base
		f(&c)
		return c
	}
	yes := true
	for _, tc := range []struct {
		name    string
		files   map[string]string
		options Options
		want    Contract
		assumed int
	}{
		{name: "old form", want: base},
		{name: "new form", files: map[string]string{
			"modules.json": current, "1_Pooling/config.json": `{"embedding_dimension": 8, "pooling_mode": "lasttoken", "include_prompt": false}`,
			"2_Normalize/config.json":           `{"module_input_name": "sentence_embedding", "module_output_name": "sentence_embedding"}`,
			"sentence_bert_config.json":         `{"transformer_task": "feature-extraction", "modality_config": {"text": {"method": "forward", "method_output_name": "last_hidden_state"}}, "module_output_name": "token_embeddings"}`,
			"tokenizer_config.json":             `{"model_max_length": 32, "cls_token": {"content": "<s>"}, "sep_token": "</s>"}`,
			"config_sentence_transformers.json": `{"model_type": "SentenceTransformer", "__version__": {}, "prompts": {"query": "q: ", "document": ""}, "default_prompt_name": null, "similarity_fn_name": "dot"}`,
		}, want: Contract{
			Query: Prompt{Name: "query", Template: "q: "}, Passage: Prompt{Name: "document"}, BOS: "<s>", EOS: "</s>",
			Pooling: PoolLastToken, Normalize: true, Score: Dot, MaxLength: 32,
		}},
		{name: "plain", files: map[string]string{"modules.json": "", "1_Pooling/config.json": ""}, want: change(func(c *Contract) { c.Normalize = false }), assumed: 2},
		{name: "plain with options", files: map[string]string{"modules.json": ""}, options: Options{Pooling: PoolCLS, Normalize: &yes, Score: Dot},
			want: change(func(c *Contract) { c.Pooling, c.Score = PoolCLS, Dot })},
		{name: "plain with a pooling", files: map[string]string{"modules.json": ""}, options: Options{Pooling: PoolCLS},
			want: change(func(c *Contract) { c.Pooling, c.Normalize = PoolCLS, false }), assumed: 1},
		{name: "in a folder of its own", files: map[string]string{
			"modules.json": strings.Replace(testModules, `"path": ""`, `"path": "0_Transformer"`, 1), "config.json": "", "0_Transformer/config.json": testConfig,
			"0_Transformer/sentence_bert_config.json": `{"max_seq_length": 16, "do_lower_case": false}`,
		}, want: change(func(c *Contract) { c.MaxLength = 16 })},
		{name: "length of sentence_bert_config first", files: map[string]string{
			"sentence_bert_config.json": `{"max_seq_length": 48}`, "tokenizer_config.json": `{"model_max_length": 32}`,
		}, want: change(func(c *Contract) { c.MaxLength = 48 })},
		{name: "length null, tokenizer without limit", files: map[string]string{
			"sentence_bert_config.json": `{"max_seq_length": null}`, "tokenizer_config.json": `{"model_max_length": 1000000000000000019884624838656}`,
		}, want: base},
		{name: "length in a file of an old name", files: map[string]string{
			"sentence_xlm-roberta_config.json": `{"max_seq_length": 48}`, "tokenizer_config.json": `{"model_max_length": 32}`,
		}, want: change(func(c *Contract) { c.MaxLength = 48 })},
		{name: "lowering that the tokenizer does", files: map[string]string{"sentence_bert_config.json": `{"do_lower_case": true}`}, want: base},
		{name: "prompts", files: map[string]string{
			"config_sentence_transformers.json": `{"prompts": {"passage": "p: ", "query": null, "s2s": "t\nq: "}, "default_prompt_name": "s2s"}`,
		}, want: change(func(c *Contract) {
			c.Query, c.Passage, c.Default = Prompt{Name: "query"}, Prompt{Name: "passage", Template: "p: "}, Prompt{Name: "s2s", Template: "t\nq: "}
		})},
		{name: "all booleans false", files: map[string]string{"1_Pooling/config.json": `{"word_embedding_dimension": 8, "pooling_mode_mean_tokens": false}`}, want: base},
		{name: "both forms", files: map[string]string{"1_Pooling/config.json": with(testPooling, "pooling_mode", `"max"`)}, want: change(func(c *Contract) { c.Pooling = PoolMax })},
		{name: "contract of a plain directory", files: map[string]string{
			"modules.json": "", "quarry.json": string(change(func(c *Contract) { c.Pooling, c.Query = PoolCLS, Prompt{Template: "<{}>", Suffix: "!"} }).Encode()),
		}, want: change(func(c *Contract) { c.Pooling, c.Query = PoolCLS, Prompt{Template: "<{}>", Suffix: "!"} })},
		{name: "contract's template for the same prefix", files: map[string]string{
			"config_sentence_transformers.json": `{"prompts": {"query": "q: "}}`,
			"quarry.json":                       string(change(func(c *Contract) { c.Query = Prompt{Template: "q: {}"} }).Encode()),
		}, want: change(func(c *Contract) { c.Query = Prompt{Template: "q: {}"} })},
	} {
		t.Run(tc.name, func(t *testing.T) {
			d, err := readDirectory(directory(tc.files), "dir", tc.options)
			if err != nil {
				t.Fatal(err)
			}
			if diff := cmp.Diff(tc.want, d.Contract); diff != "" {
				t.Error(diff)
			}
			if len(d.Assumed) != tc.assumed {
				t.Errorf("assumed %v", d.Assumed)
			}
			if got := d.Modules[1].Pooling; got.Mode != tc.want.Pooling || got.IncludePrompt != tc.want.IncludePrompt || normalizes(d.Modules) != tc.want.Normalize {
				t.Errorf("the modules do otherwise: %+v", got)
			}
		})
	}
}

func TestLowercaseRefused(t *testing.T) {
	files := directory(map[string]string{"sentence_bert_config.json": `{"do_lower_case": true}`, "tokenizer_config.json": `{"do_lower_case": false}`})
	_, err := readDirectory(files, "dir", Options{})
	if err == nil || !strings.Contains(err.Error(), "sentence_bert_config.json: do_lower_case true is supported only with a tokenizer that lowers") {
		t.Errorf("got %v", err)
	}
}

func TestParseConfig(t *testing.T) {
	c, err := ParseConfig([]byte(with(testConfig, "torch_dtype", `"float16"`)), "config.json")
	if err != nil {
		t.Fatal(err)
	}
	want := &Config{ModelType: "bert", Architectures: []string{"BertModel"}, HiddenSize: 8, Layers: 1,
		HiddenDropout: 0.1, AttentionDropout: 0.1, VocabSize: 20, MaxPositions: 64, Positions: 64, DType: "float16"}
	if diff := cmp.Diff(want, c, cmpopts.IgnoreUnexported(Config{})); diff != "" {
		t.Error(diff)
	}
	network := transformer.BERT{Hidden: 8, Layers: 1, Heads: 2, Intermediate: 12, Activation: tensor.GELU, Epsilon: 1e-12, Vocabulary: 20, Positions: 64, Types: 2}
	if diff := cmp.Diff(network, c.network); diff != "" {
		t.Error(diff)
	}
	for name, want := range map[string]tensor.Activation{
		"gelu": tensor.GELU, "gelu_new": tensor.GELUTanh, "gelu_fast": tensor.GELUTanh, "gelu_pytorch_tanh": tensor.GELUTanh, "relu": tensor.ReLU,
	} {
		c, err := ParseConfig([]byte(with(testConfig, "hidden_act", `"`+name+`"`)), "config.json")
		if err != nil || c.network.(transformer.BERT).Activation != want {
			t.Errorf("%s: got %v, %v", name, c, err)
		}
	}
}

// FuzzReadDirectory puts arbitrary text into each file: no panic, and what is accepted can be used and written.
func FuzzReadDirectory(f *testing.F) {
	names := []string{"config.json", "modules.json", "1_Pooling/config.json", "2_Normalize/config.json", "2_Dense/config.json",
		"sentence_bert_config.json", "config_sentence_transformers.json", "tokenizer_config.json", "quarry.json"}
	for i, content := range []string{testConfig, testModules, testPooling, `{}`, `{"in_features": 8, "out_features": 4}`,
		`{"max_seq_length": 32, "modality_config": {"text": {"method": "forward", "method_output_name": "last_hidden_state"}}}`,
		`{"prompts": {"query": "q", "document": null}, "default_prompt_name": "query"}`, `{"cls_token": {"content": "x"}, "model_max_length": 1e30}`,
		string(Contract{Pooling: PoolMean, IncludePrompt: true, Normalize: true, Score: Cosine, MaxLength: 64, BOS: "[CLS]", EOS: "[SEP]"}.Encode())} {
		f.Add(uint8(i), content)
	}
	f.Fuzz(func(t *testing.T, which uint8, content string) {
		changes := map[string]string{names[int(which)%len(names)]: content}
		if int(which)%len(names) == 4 {
			changes["modules.json"] = dense
		}
		d, err := readDirectory(directory(changes), "dir", Options{})
		if err != nil {
			return
		}
		if err := d.Contract.Validate(); err != nil {
			t.Fatal(err)
		}
		if d.Dimension() < 1 || d.Contract.MaxLength > d.Config.MaxPositions {
			t.Fatalf("dimension %d, length %d of %d", d.Dimension(), d.Contract.MaxLength, d.Config.MaxPositions)
		}
		again, err := ParseContract(d.Contract.Encode(), "again")
		if err != nil {
			t.Fatalf("the contract is not read back: %v", err)
		}
		if diff := cmp.Diff(d.Contract, again); diff != "" {
			t.Fatal(diff)
		}
	})
}
