package main

import (
	"encoding/json"
	"fmt"
	"os"
	"slices"
	"strings"
	"testing"

	"github.com/quarry-ml/quarry/format/flagembedding"
	"github.com/quarry-ml/quarry/internal/tinymodel"
	"github.com/quarry-ml/quarry/model"
	"github.com/quarry-ml/quarry/model/tokenizer"
)

// smallDecoder puts a small Mistral where the pipeline has BAAI/bge-en-icl: of words, its tokenizer as Mistral's is published: texts begin with <s>, and end with nothing.
func smallDecoder(t *testing.T, p project) {
	t.Helper()
	mustBe(t, os.CopyFS(p.path("bge-en-icl"), os.DirFS("../../model/testdata/decoders/mistral")))
	mustBe(t, os.RemoveAll(p.path("bge-en-icl/lora")))
	config := p.read(t, "bge-en-icl/config.json")
	p.write(t, "bge-en-icl/config.json", strings.Replace(config, `"max_position_embeddings": 32,`, `"max_position_embeddings": 2048,`, 1))
	vocabulary := map[string]int{"<unk>": 0, "<s>": 1, "</s>": 2}
	for i := 3; i < 40; i++ {
		vocabulary[fmt.Sprint("w", i)] = i
	}
	special := func(token string, id int) map[string]any {
		return map[string]any{"id": id, "content": token, "single_word": false, "lstrip": false, "rstrip": false, "normalized": false, "special": true}
	}
	end := func(token string) map[string]any {
		return map[string]any{"SpecialToken": map[string]any{"id": token, "type_id": 0}}
	}
	text := map[string]any{"Sequence": map[string]any{"id": "A", "type_id": 0}}
	raw, err := json.Marshal(map[string]any{
		"version": "1.0", "added_tokens": []any{special("<unk>", 0), special("<s>", 1), special("</s>", 2)},
		"pre_tokenizer": map[string]any{"type": "Whitespace"}, "decoder": nil,
		"post_processor": map[string]any{
			"type": "TemplateProcessing", "single": []any{end("<s>"), text}, "pair": []any{text, map[string]any{"Sequence": map[string]any{"id": "B", "type_id": 1}}},
			"special_tokens": map[string]any{"<s>": map[string]any{"id": "<s>", "ids": []int{1}, "tokens": []string{"<s>"}}, "</s>": map[string]any{"id": "</s>", "ids": []int{2}, "tokens": []string{"</s>"}}},
		},
		"model": map[string]any{"type": "WordLevel", "vocab": vocabulary, "unk_token": "<unk>"},
	})
	mustBe(t, err)
	p.write(t, "bge-en-icl/tokenizer.json", string(raw))
	p.write(t, "bge-en-icl/tokenizer_config.json", `{"tokenizer_class": "LlamaTokenizer", "add_bos_token": true, "add_eos_token": false, "unk_token": "<unk>", "bos_token": "<s>", "eos_token": "</s>", "model_max_length": 2048}`)
}

// word is one of the small decoder's, by any number.
func word(n int) string { return fmt.Sprint("w", 3+n%37) }

// referenceData has a corpus of 230 passages, and rows to train on and to test by.
func referenceData(t *testing.T, p project) (corpus []string) {
	t.Helper()
	var file strings.Builder
	for i := range 230 {
		corpus = append(corpus, strings.Join([]string{word(i), word(i / 37), word(i * i), word(7 * i)}, " "))
		fmt.Fprintf(&file, "{\"text\": %q}\n", corpus[i])
	}
	p.write(t, "corpus.jsonl", file.String())
	for name, first := range map[string]int{"train.jsonl": 0, "test.jsonl": 150} {
		file.Reset()
		for i := range 20 {
			at := first + 3*i
			fmt.Fprintf(&file, "{\"query\": %q, \"pos\": [%q], \"neg\": []}\n", word(at)+" "+word(2*at)+" "+word(at/37), corpus[at])
		}
		p.write(t, name, file.String())
	}
	// What the fork measures epochs on: queries that name their answers by the corpus' lines, and a JSON list of examples.
	file.Reset()
	for i := range 8 {
		fmt.Fprintf(&file, "{\"query\": %q, \"correct_id\": %d, \"subject_id\": %d}\n", word(150+3*i)+" "+word(7), 150+3*i, i%2)
	}
	p.write(t, "eval_queries.jsonl", file.String())
	p.write(t, "examples.json", fmt.Sprintf(`[{"query": %q, "response": %q, "subject_id": 0}, {"query": %q, "response": %q, "subject_id": 1}]`, word(1), corpus[1], word(2), corpus[2]))
	return corpus
}

// TestTheReferencesFourMiningCommands runs the pipeline's commands for two rounds, with a small decoder in place of its model: mining
// for train and test with the model, training with in-context examples, merging, and mining for both with what was merged.
func TestTheReferencesFourMiningCommands(t *testing.T) {
	const instruction = "Given a multiple choice math question and a student's incorrect answer choice, identify and retrieve the specific mathematical misconception or error in the student's thinking that led to this wrong answer."
	p := newProject(t, tinymodel.Options{})
	smallDecoder(t, p)
	corpus := referenceData(t, p)
	command := func(words ...string) *testHost {
		t.Helper()
		h := newTestHost()
		if code := h.run(t, words...); code != exitDone {
			t.Fatalf("quarry %s: exit code %d: %s", words[0], code, h.err.String())
		}
		return h
	}
	mined := map[string][][]string{}
	mine := func(miner, split, window, output string) {
		t.Helper()
		h := command("mine", "--embedder_name_or_path", p.path(miner), "--embedder_model_class", "decoder-only-icl", "--pooling_method", "last_token",
			"--input_file", p.path(split), "--output_file", p.path(output), "--candidate_pool", p.path("corpus.jsonl"), "--range_for_sampling", window, "--negative_number", "15",
			"--devices", "cuda:0", "cuda:1", "--shuffle_data", "True", "--query_instruction_for_retrieval", instruction, "--query_instruction_format", `<instruct>{}\n<query>{}`,
			"--add_examples_for_task", "False", "--batch_size", "1024", "--embedder_query_max_length", "1024", "--embedder_passage_max_length", "512")
		f, err := os.Open(p.path(output))
		mustBe(t, err)
		defer f.Close()
		rows, err := flagembedding.ReadAll(f, output)
		mustBe(t, err)
		var queries []string
		for _, row := range rows {
			distinct := slices.Clone(row.Neg())
			slices.Sort(distinct)
			if len(slices.Compact(distinct)) != 15 || slices.ContainsFunc(row.Neg(), func(text string) bool { return !slices.Contains(corpus, text) || text == row.Pos()[0] }) {
				t.Errorf("%s: %q has the negatives %q", output, row.Query(), row.Neg())
			}
			mined[output] = append(mined[output], row.Neg())
			queries = append(queries, row.Query())
		}
		var before []string
		for _, line := range lines(p.read(t, split)) {
			var row struct{ Query string }
			mustBe(t, json.Unmarshal([]byte(line), &row))
			before = append(before, row.Query)
		}
		if slices.Equal(queries, before) {
			t.Errorf("%s: rows are not shuffled", output)
		}
		slices.Sort(before)
		slices.Sort(queries)
		if !slices.Equal(queries, before) {
			t.Errorf("%s: rows of %q, want %q", output, queries, before)
		}
		if !strings.Contains(h.err.String(), "--devices: everything runs on the processor") {
			t.Errorf("told %q", h.err.String())
		}
	}
	mine("bge-en-icl", "train.jsonl", "2-200", "train-0.jsonl")
	mine("bge-en-icl", "test.jsonl", "2-200", "test-0.jsonl")
	words := slices.Concat([]string{"finetune"}, reference, []string{"--model_name_or_path", p.path("bge-en-icl"), "--train_data", p.path("train-0.jsonl"), "--eval_data", p.path("test-0.jsonl"), "--eval_corpus_path", p.path("corpus.jsonl"), "--eval_queries_path", p.path("eval_queries.jsonl"), "--eval_examples_path", p.path("examples.json"),
		"--output_dir", p.path("out"), "--num_train_epochs", "3", "--learning_rate", "1e-2", "--query_instruction_for_retrieval", instruction})
	trained := command(words...)
	if n := strings.Count(p.read(t, "out/steps.jsonl"), `"columns":128`); n != 3 || strings.Count(trained.out.String(), "eval_loss") != 4 || strings.Count(trained.out.String(), "  map@25 0.") != 4 || strings.Count(trained.out.String(), "  recall@100 ") != 4 {
		t.Errorf("%d steps of 128 columns, printed %q", n, trained.out.String())
	}
	command("merge", "--base_model_path", p.path("bge-en-icl"), "--lora_path", p.path("out/lora_epoch_3"), "--output_dir", p.path("out/merged_model_lora_epoch_3"), "--type", "embedder")
	for dir, end := range map[string]string{"bge-en-icl": "", "out/lora_epoch_1": "</s>", "out/lora_epoch_3": "</s>", "out/merged_model_lora_epoch_3": "</s>"} {
		m, err := tokenizer.Load(p.path(dir))
		mustBe(t, err)
		if ids := m.WithSpecials(nil, []int32{5}, 0); len(ids) != 2+len(end)/4 || ids[0] != 1 {
			t.Errorf("%s: a text reads %v", dir, ids)
		}
		if c, err := model.ReadContract(p.path(dir)); end != "" && (err != nil || c == nil || c.EOS != end) {
			t.Errorf("%s: contract %+v, %v: want texts to end with %s", dir, c, err, end)
		}
	}
	for _, file := range []string{"model.safetensors", "tokenizer.json"} {
		if p.read(t, "out/merged_model_lora_epoch_3/"+file) != p.read(t, "out/merged_model/"+file) {
			t.Errorf("%s of save_merged_model.py's flags is another than that of --save_merged_lora_model", file)
		}
	}
	mustBe(t, os.CopyFS(p.path("foreign"), os.DirFS(p.path("out/lora_epoch_3"))))
	mustBe(t, os.Remove(p.path("foreign/quarry.json"))) // FlagEmbedding's adapters have none
	foreign := command("merge", "--base_model_path", p.path("bge-en-icl"), "--lora_path", p.path("foreign"), "--output_dir", p.path("merged-foreign"))
	if !strings.Contains(foreign.err.String(), "of the last token, to length 1, as FlagEmbedding's decoders") || p.read(t, "merged-foreign/model.safetensors") != p.read(t, "out/merged_model/model.safetensors") {
		t.Errorf("told %q, or another model", foreign.err.String())
	}
	mine("out/merged_model_lora_epoch_3", "train.jsonl", "2-100", "train-1.jsonl")
	mine("out/merged_model_lora_epoch_3", "test.jsonl", "2-100", "test-1.jsonl")
	for _, split := range []string{"train", "test"} {
		if slices.EqualFunc(mined[split+"-0.jsonl"], mined[split+"-1.jsonl"], slices.Equal) {
			t.Errorf("both rounds mined the same for %s", split)
		}
	}
}
