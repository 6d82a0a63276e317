package main

import (
	"bytes"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/quarry-ml/quarry/internal/tinymodel"
	"github.com/quarry-ml/quarry/model"
	"github.com/quarry-ml/quarry/model/safetensors"
)

// TestRerankerMerges: the head of a reranker's base stays, here with the rows of the adapter's added tokens, and nothing that
// only an embedder has is written.
func TestRerankerMerges(t *testing.T) {
	grown := filepath.FromSlash("../../model/testdata/grown")
	output := filepath.Join(t.TempDir(), "merged")
	h := newTestHost()
	if code := h.run(t, "merge", "--base_model_path", filepath.Join(grown, "base"), "--lora_path", filepath.Join(grown, "adapter"), "--output_dir", output, "--type", "reranker"); code != exitDone {
		t.Fatalf("exit code %d: %s", code, h.err.String())
	}
	var names []string
	found, err := os.ReadDir(output)
	mustBe(t, err)
	for _, f := range found {
		names = append(names, f.Name())
	}
	if want := []string{"config.json", "model.safetensors", "tokenizer.json", "tokenizer_config.json"}; !slices.Equal(names, want) {
		t.Errorf("files %q, want %q", names, want)
	}
	merged, err := safetensors.OpenDir(output)
	mustBe(t, err)
	defer merged.Close()
	expected, err := safetensors.Open(filepath.Join(grown, "expected.safetensors"))
	mustBe(t, err)
	defer expected.Close()
	want, err := expected.Tensor("head")
	mustBe(t, err)
	head, err := merged.Tensor("lm_head.weight")
	if err != nil || !slices.Equal(head.Shape, want.Shape) || !bytes.Equal(head.Data, want.Data) {
		t.Errorf("lm_head of %v, %v; want the %v of transformers and PEFT", head.Shape, err, want.Shape)
	}
}

// TestMergedAsItWasTrained: --sentence_pooling_method of the training goes before what the base says.
func TestMergedAsItWasTrained(t *testing.T) {
	p, o := adapted(t)
	c, err := model.ReadContract(o.Adapter)
	mustBe(t, err)
	c.Pooling = model.PoolCLS
	mustBe(t, os.WriteFile(filepath.Join(o.Adapter, model.ContractName), c.Encode(), 0o600))
	h := newTestHost()
	if code := h.run(t, "merge", "--base_model_path", o.Base, "--lora_path", o.Adapter, "--output_dir", p.path("merged")); code != exitDone {
		t.Fatalf("exit code %d: %s", code, h.err.String())
	}
	merged, err := model.ReadContract(p.path("merged"))
	if err != nil || merged == nil || merged.Pooling != model.PoolCLS {
		t.Errorf("merged contract %+v, %v", merged, err)
	}
}

// TestRerankersNeedAHead: transformers would draw one.
func TestRerankersNeedAHead(t *testing.T) {
	p := newProject(t, tinymodel.Options{Positions: 64, Vocabulary: distinctWords()})
	h := newTestHost()
	for _, dir := range []string{"base", "adapter"} {
		mustBe(t, os.CopyFS(p.path(dir), os.DirFS("../../model/testdata/grown/"+dir)))
	}
	whole, err := safetensors.OpenDir(p.path("base"))
	mustBe(t, err)
	defer whole.Close()
	var rest []safetensors.Entry
	for _, x := range whole.Tensors() {
		if x.Name != "lm_head.weight" {
			rest = append(rest, safetensors.Copy(x))
		}
	}
	var file bytes.Buffer
	mustBe(t, safetensors.Write(&file, rest, nil))
	mustBe(t, os.Remove(p.path("base/model.safetensors")))
	p.write(t, "base/model.safetensors", file.String())
	code := h.run(t, "merge", "--base_model_path", p.path("base"), "--lora_path", p.path("adapter"), "--output_dir", p.path("merged"), "--type", "reranker")
	if code != exitBadInput || !strings.Contains(h.err.String(), `has no head of a language model`) {
		t.Errorf("exit code %d: %s", code, h.err.String())
	}
	nothingLeft(t, p, p.path("merged"))
}
