package main

import (
	"encoding/json"
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/quarry-ml/quarry/finetune"
	"github.com/quarry-ml/quarry/internal/tinymodel"
	"github.com/quarry-ml/quarry/merging"
	"github.com/quarry-ml/quarry/model"
	"github.com/quarry-ml/quarry/model/safetensors"
)

// adapted is a project with an adapter in tuned/epoch-1.
func adapted(t testing.TB) (project, MergeOptions) {
	t.Helper()
	p := newProject(t, tinymodel.Options{})
	o := p.finetuneOptions("tuned")
	o.Train, o.Dev, o.Tune.Epochs, o.Tune.Method = p.path("train.jsonl"), "", 1, finetune.LoRA
	mustBe(t, runFinetune(t.Context(), o, newTestHost().host))
	return p, MergeOptions{Base: p.path("model"), Adapter: p.path("tuned/epoch-1"), Output: p.path("merged"), Seed: 42}
}

func TestMerge(t *testing.T) {
	p, o := adapted(t)
	o.JSON = true
	h := newTestHost()
	mustBe(t, runMerge(t.Context(), o, h.host))
	var got struct {
		Schema int
		Check  merging.Check
	}
	mustBe(t, json.Unmarshal(h.out.Bytes(), &got))
	if got.Schema != 1 || got.Check.Probes != merging.Count || got.Check.MaxDifference > 1e-5 || got.Check.Change < 1e-4 {
		t.Errorf("check %s", h.out.String())
	}
	// The merged model is not the base.
	if p.read(t, "merged/model.safetensors") == p.read(t, "model/model.safetensors") {
		t.Error("the merged model has the base's weights")
	}
	card := p.read(t, "merged/README.md")
	for _, want := range []string{"\n# merged\n", "- base: `" + o.Base + "`, digest `", "- adapter: `" + o.Adapter + "`, digest `", "It reads 64 tokens of a text, and its vectors are compared by cosine."} {
		if !strings.Contains(card, want) {
			t.Errorf("the card has no %q:\n%s", want, card)
		}
	}
	refused(t, runMerge(t.Context(), o, h.host), "is there already")
}

func TestMergeIntoShards(t *testing.T) {
	p, o := adapted(t)
	mustBe(t, o.ShardSize.UnmarshalText([]byte("16kB")))
	h := newTestHost()
	mustBe(t, runMerge(t.Context(), o, h.host))
	names, err := safetensors.Files(p.path("merged"))
	if err != nil || len(names) < 3 {
		t.Errorf("files %v, %v", names, err)
	}
	for _, name := range names {
		if info, err := os.Stat(filepath.Join(p.path("merged"), name)); err != nil || name != safetensors.IndexName && info.Size() > 16000+2000 { // the header comes on top
			t.Errorf("%s: %v, %v", name, info, err)
		}
	}
}

func TestMergeOnProbesOfAFile(t *testing.T) {
	p, o := adapted(t)
	o.Probes = p.path("dev.jsonl")
	h := newTestHost()
	mustBe(t, runMerge(t.Context(), o, h.host))
	if !strings.Contains(h.err.String(), "10 probes within") {
		t.Errorf("told %q", h.err.String())
	}
}

// TestMergeUnderTheAdaptersContract: the check embeds as the merged model does, whatever the base's own files say.
func TestMergeUnderTheAdaptersContract(t *testing.T) {
	p, good := adapted(t)
	mustBe(t, os.CopyFS(p.path("bare"), os.DirFS(p.path("model"))))
	mustBe(t, errors.Join(os.Remove(p.path("bare/modules.json")), os.RemoveAll(p.path("bare/1_Pooling"))))
	no := false
	for _, tc := range []struct {
		name   string
		trains func(c *model.Contract)
		change func(o *MergeOptions)
		want   func(c *model.Contract) bool
	}{
		{"another pooling", func(c *model.Contract) { c.Pooling = model.PoolCLS }, nil,
			func(c *model.Contract) bool { return c.Pooling == model.PoolCLS && c.Normalize }},
		{"the first numbers of a vector", func(c *model.Contract) { c.TruncateDim = 8 }, nil,
			func(c *model.Contract) bool { return c.TruncateDim == 8 && c.Pooling == model.PoolMean }},
		{"not normalised", func(c *model.Contract) { c.Normalize = false }, nil,
			func(c *model.Contract) bool { return !c.Normalize }},
		{"a base that says nothing", func(c *model.Contract) { c.Pooling = model.PoolCLS }, func(o *MergeOptions) { o.Base = p.path("bare") },
			func(c *model.Contract) bool { return c.Pooling == model.PoolCLS && c.Normalize }},
		{"flags stand above it", func(c *model.Contract) { c.Pooling, c.TruncateDim = model.PoolCLS, 8 },
			func(o *MergeOptions) { o.Model = ModelOptions{Pooling: "max", Truncate: 4, Normalize: &no} },
			func(c *model.Contract) bool {
				return c.Pooling == model.PoolMax && c.TruncateDim == 4 && !c.Normalize
			}},
	} {
		t.Run(tc.name, func(t *testing.T) {
			o := good
			o.Adapter, o.Output = filepath.Join(t.TempDir(), "adapter"), filepath.Join(t.TempDir(), "merged") // away from its training, any base is taken
			mustBe(t, os.CopyFS(o.Adapter, os.DirFS(good.Adapter)))
			c, err := model.ReadContract(o.Adapter)
			mustBe(t, err)
			tc.trains(c)
			mustBe(t, os.WriteFile(filepath.Join(o.Adapter, model.ContractName), c.Encode(), 0o600))
			if tc.change != nil {
				tc.change(&o)
			}
			mustBe(t, runMerge(t.Context(), o, newTestHost().host))
			m, err := model.Open(o.Output, model.Options{})
			mustBe(t, err)
			defer m.Close()
			if !tc.want(&m.Contract) {
				t.Errorf("merged contract %+v", m.Contract)
			}
		})
	}
}

func TestMergeRefuses(t *testing.T) {
	p, good := adapted(t)
	p.write(t, "ids.jsonl", `{"ids":[1]}`)
	p.write(t, "empty.jsonl", "\n")
	for _, tc := range []struct {
		name, want string
		change     func(*MergeOptions)
	}{
		{"no base", "--base is needed", func(o *MergeOptions) { o.Base = "" }},
		{"no such base", "--base: ", func(o *MergeOptions) { o.Base = p.path("nowhere") }},
		{"no adapter there", "tuned: the output of a fine-tuning, not an adapter: meant ", func(o *MergeOptions) { o.Adapter = p.path("tuned") }},
		{"probes of ids", "probes are texts", func(o *MergeOptions) { o.Probes = p.path("ids.jsonl") }},
		{"no probes", "empty.jsonl: no texts", func(o *MergeOptions) { o.Probes = p.path("empty.jsonl") }},
		{"no such probes", "--probes: ", func(o *MergeOptions) { o.Probes = p.path("none.jsonl") }},
	} {
		t.Run(tc.name, func(t *testing.T) {
			o := good
			tc.change(&o)
			refused(t, runMerge(t.Context(), o, newTestHost().host), tc.want)
			nothingLeft(t, p, o.Output)
		})
	}
}

// nothingLeft checks that a failed merge leaves neither output nor a part of it.
func nothingLeft(t *testing.T, p project, output string) {
	t.Helper()
	if _, err := os.Stat(output); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("a failed merge left %s", output)
	}
	found, err := filepath.Glob(p.path(".*.tmp"))
	if err != nil || len(found) > 0 {
		t.Errorf("a failed merge left %v, %v", found, err)
	}
}
