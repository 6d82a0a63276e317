package main

import (
	"encoding/json"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/quarry-ml/quarry/finetune"
	"github.com/quarry-ml/quarry/hub"
	"github.com/quarry-ml/quarry/hub/hubtest"
	"github.com/quarry-ml/quarry/internal/tinymodel"
	"github.com/quarry-ml/quarry/rundir"
)

const tinyCommit = "0123456789abcdef0123456789abcdef01234567"

// onHub serves the project's model as acme/tiny, and makes the host's environment point there and to a cache of its own.
func (p project) onHub(t *testing.T, h *testHost) *hubtest.Server {
	t.Helper()
	m := &hubtest.Model{Commit: tinyCommit, Branches: []string{"v1"}, Files: map[string]hubtest.File{"README.md": {Content: []byte("# tiny")}}}
	root := p.path("model")
	mustBe(t, filepath.WalkDir(root, func(path string, entry os.DirEntry, err error) error {
		if err != nil || entry.IsDir() {
			return err
		}
		name, err := filepath.Rel(root, path)
		if err != nil {
			return err
		}
		content, err := os.ReadFile(path)
		m.Files[filepath.ToSlash(name)] = hubtest.File{Content: content, LFS: filepath.Ext(name) == ".safetensors"}
		return err
	}))
	s := hubtest.New(t, map[string]*hubtest.Model{"acme/tiny": m})
	h.environ = append(h.environ, "HF_HOME="+p.path("hf"), "HF_ENDPOINT="+s.Hub.URL, "HOME="+p.path("home"))
	return s
}

// pulled is a project whose model is in the Hugging Face cache, and nowhere else.
func pulled(t *testing.T) (project, *testHost) {
	t.Helper()
	p, h := newProject(t, tinymodel.Options{}), newTestHost()
	p.onHub(t, h)
	if code := h.run(t, "pull", "acme/tiny"); code != exitDone {
		t.Fatalf("exit code %d: %s", code, h.err.String())
	}
	mustBe(t, os.RemoveAll(p.path("model")))
	return p, h
}

func TestPull(t *testing.T) {
	p, h := newProject(t, tinymodel.Options{}), newTestHost()
	s := p.onHub(t, h)
	mustBe(t, runPull(t.Context(), PullOptions{Name: "acme/tiny@v1", JSON: true}, h.host))
	var got struct {
		Schema              int
		Name, Revision, Dir string
	}
	mustBe(t, json.Unmarshal(h.out.Bytes(), &got))
	if want := p.path("hf/hub/models--acme--tiny/snapshots/" + tinyCommit); got.Schema != 1 || got.Name != "acme/tiny" || got.Revision != tinyCommit || got.Dir != want {
		t.Errorf("printed %s", h.out.String())
	}
	if _, err := os.Stat(filepath.Join(got.Dir, "README.md")); err == nil {
		t.Error("the README came too")
	}
	// Offline, what is there is taken, and what is not is refused.
	h.environ = append(h.environ, "HF_HUB_OFFLINE=1")
	s.Requests()
	mustBe(t, runPull(t.Context(), PullOptions{Name: "acme/tiny@v1"}, h.host))
	refused(t, runPull(t.Context(), PullOptions{Name: "acme/tiny"}, h.host), "HF_HUB_OFFLINE forbids to download, and acme/tiny is not in the Hugging Face cache")
	if asked := s.Requests(); len(asked) > 0 {
		t.Errorf("offline, the hub was asked %q", asked)
	}
	refused(t, runPull(t.Context(), PullOptions{Name: "../x"}, h.host), "is no name of a model on the hub")
}

// TestModelsByName has every command find the model that was pulled.
func TestModelsByName(t *testing.T) {
	p, h := pulled(t)
	for _, args := range [][]string{
		{"tokenize", "--model", "acme/tiny", "--input", p.path("corpus.jsonl"), "--output", p.path("ids")},
		{"embed", "--model", "acme/tiny@" + tinyCommit, "--input", p.path("corpus.jsonl"), "--output", p.path("corpus.npy")},
		{"search", "--model", "acme/tiny", "--corpus", p.path("corpus.jsonl"), "--queries", p.path("dev.jsonl"), "--output", p.path("run")},
		{"doctor", "--model", "acme/tiny"},
		{"init", "--model", "acme/tiny", "--corpus", p.path("corpus.jsonl"), "--train", p.path("train.jsonl"), "--dev", p.path("dev.jsonl"), "--output", p.path("recipe.yaml")},
		{"plan", p.path("recipe.yaml")},
	} {
		if code := h.run(t, args...); code != exitDone {
			t.Errorf("%s: exit code %d: %s", args[0], code, h.err.String())
		}
	}
	if recipe := p.read(t, "recipe.yaml"); !strings.Contains(recipe, "\nmodel: acme/tiny\n") {
		t.Errorf("recipe:\n%s", recipe)
	}
}

// TestAnAdapterNamesItsBase as PEFT does: the name on the hub, and the commit.
func TestAnAdapterNamesItsBase(t *testing.T) {
	p, h := pulled(t)
	o := p.finetuneOptions("tuned")
	o.Model.Model, o.Train, o.Dev, o.Tune.Epochs, o.Tune.Method = "acme/tiny@main", p.path("train.jsonl"), "", 1, finetune.LoRA
	mustBe(t, runFinetune(t.Context(), o, h.host))
	for _, want := range []string{`"base_model_name_or_path": "acme/tiny"`, `"revision": "` + tinyCommit + `"`} {
		if config := p.read(t, "tuned/epoch-1/adapter_config.json"); !strings.Contains(config, want) {
			t.Errorf("no %s in\n%s", want, config)
		}
	}
	mustBe(t, runMerge(t.Context(), MergeOptions{Base: "acme/tiny", Adapter: p.path("tuned/epoch-1"), Output: p.path("merged"), Seed: 1}, h.host))
}

// TestGuidesAndMiningSourcesTakeNames: stored candidates have the digest of what lies in the cache.
func TestGuidesAndMiningSourcesTakeNames(t *testing.T) {
	p, h := pulled(t)
	candidates := map[string]string{}
	for name, model := range map[string]string{"path": p.path("hf/hub/models--acme--tiny/snapshots/" + tinyCommit), "name": "acme/tiny"} {
		if code := h.run(t, "mine", "--model", model, "--corpus", p.path("corpus.jsonl"), "--queries", p.path("train.jsonl"), "--window", "0-5", "--negatives", "2",
			"--save-candidates", p.path(name+".cand"), "--output", p.path(name+".jsonl")); code != exitDone {
			t.Fatalf("exit code %d: %s", code, h.err.String())
		}
		candidates[name] = p.read(t, name+".cand")
	}
	if candidates["name"] != candidates["path"] {
		t.Error("the model's name and its path make different candidates")
	}
	o := p.finetuneOptions("guided")
	o.Model.Model, o.Guide, o.Train, o.Dev, o.Tune.Epochs, o.Tune.Guide = "acme/tiny", "acme/tiny@main", p.path("train.jsonl"), "", 1, finetune.GuideOptions{Mask: finetune.AbsoluteMargin}
	mustBe(t, runFinetune(t.Context(), o, h.host))
	o.Guide, o.Output = "acme/other", p.path("none")
	refused(t, runFinetune(t.Context(), o, h.host), "--guide: acme/other: no such directory")
}

// TestARunRecordsTheNameAndTheCommit of a model that its recipe calls by name.
func TestARunRecordsTheNameAndTheCommit(t *testing.T) {
	p, h := pulled(t)
	recipe := p.write(t, "recipe.yaml", `model: acme/tiny
data: {corpus: corpus.jsonl, train: train.jsonl, dev: dev.jsonl}
mine: {window: 0-5, negatives: 2}
mine_with: acme/tiny@`+tinyCommit+`
finetune: {epochs: 1, batch: 4, group_size: 3}
eval: {metrics: [map@5]}
select: {metric: map@5}
`)
	if code := h.run(t, "run", recipe); code != exitDone {
		t.Fatalf("exit code %d: %s", code, h.err.String())
	}
	m, err := rundir.ParseManifest([]byte(p.read(t, "runs/recipe/round-0/manifest.json")), "manifest.json")
	mustBe(t, err)
	digest, err := rundir.ModelDigest(t.Context(), rundir.OS{}, p.path("hf/hub/models--acme--tiny/snapshots/"+tinyCommit))
	mustBe(t, err)
	if want := (rundir.ManifestModel{Name: "acme/tiny", Revision: tinyCommit, Digest: digest}); m.Base != want {
		t.Errorf("base %+v, want %+v", m.Base, want)
	}
	if want := (rundir.ManifestModel{Name: "acme/tiny@" + tinyCommit, Revision: tinyCommit, Digest: digest}); m.Miner != want {
		t.Errorf("miner %+v, want %+v", m.Miner, want)
	}
}

func TestFindModel(t *testing.T) {
	p, h := pulled(t)
	snapshot := p.path("hf/hub/models--acme--tiny/snapshots/" + tinyCommit)
	for _, tc := range []struct {
		name, model, want string // of an error
		dir               string
	}{
		{name: "a name", model: "acme/tiny", dir: snapshot},
		{name: "a path", model: p.path("corpus.jsonl"), dir: p.path("corpus.jsonl")},
		{name: "not downloaded", model: "acme/other@v2", want: "acme/other@v2: no such directory, and acme/other@v2 is not in the Hugging Face cache " + p.path("hf/hub") + "; if the model of that name is meant, download it: quarry pull acme/other@v2"},
		{name: "another revision", model: "acme/tiny@v1", want: "download it: quarry pull acme/tiny@v1"},
		{name: "no name", model: "../models/x", want: "../models/x: no such directory, and no Hugging Face name"},
	} {
		t.Run(tc.name, func(t *testing.T) {
			found, err := h.findModel(tc.model)
			if tc.want == "" && (err != nil || found.dir != tc.dir) {
				t.Errorf("found %+v, %v", found, err)
			}
			if tc.want != "" && (err == nil || !strings.Contains(err.Error(), tc.want)) {
				t.Errorf("error %v, want %q", err, tc.want)
			}
		})
	}
	// A directory of the same name goes before the cache.
	t.Chdir(string(p))
	mustBe(t, os.MkdirAll("acme/tiny", 0o755))
	if found, err := h.findModel("acme/tiny"); err != nil || found.dir != "acme/tiny" || found.revision != "" {
		t.Errorf("found %+v, %v", found, err)
	}
	mustBe(t, os.RemoveAll("acme"))
	// Half a model is none; its tokenizer is one.
	mustBe(t, os.Remove(filepath.Join(snapshot, "model.safetensors")))
	if _, err := h.findModel("acme/tiny"); err == nil || !strings.Contains(err.Error(), "in part only: "+snapshot+" has no model.safetensors; what is missing is downloaded by: quarry pull acme/tiny") {
		t.Errorf("error %v", err)
	}
	if _, err := h.findTokenizer("acme/tiny"); err != nil {
		t.Error(err)
	}
}

func TestHubHome(t *testing.T) {
	dir := t.TempDir()
	mustBe(t, os.WriteFile(filepath.Join(dir, "token"), []byte("of-file\n"), 0o600))
	for _, tc := range []struct {
		name    string
		environ []string
		want    hubHome
	}{
		{"the user's folder", []string{"HOME=/u"}, hubHome{cache: "/u/.cache/huggingface/hub"}},
		{"XDG", []string{"HOME=/u", "XDG_CACHE_HOME=/x"}, hubHome{cache: "/x/huggingface/hub"}},
		{"HF_HOME with its token", []string{"HOME=/u", "XDG_CACHE_HOME=/x", "HF_HOME=" + dir}, hubHome{cache: hub.Cache(filepath.Join(dir, "hub")), token: "of-file"}},
		{"HF_HUB_CACHE", []string{"HOME=/u", "HF_HOME=/h", "HF_HUB_CACHE=~/c/$X", "X=y"}, hubHome{cache: "/u/c/y"}},
		{"the token's file", []string{"HF_HUB_CACHE=/c", "HF_TOKEN_PATH=" + filepath.Join(dir, "token")}, hubHome{cache: "/c", token: "of-file"}},
		{"the token", []string{"HF_HUB_CACHE=/c", "HF_TOKEN= t \n", "HF_TOKEN_PATH=/none"}, hubHome{cache: "/c", token: "t"}},
		{"no token by itself", []string{"HF_HUB_CACHE=/c", "HF_TOKEN=t", "HF_HUB_DISABLE_IMPLICIT_TOKEN=1"}, hubHome{cache: "/c"}},
		{"another hub, offline", []string{"HOME=/u", "HF_ENDPOINT=http://h/", "HF_HUB_OFFLINE=yes"}, hubHome{cache: "/u/.cache/huggingface/hub", endpoint: "http://h", offline: true}},
		{"transformers offline", []string{"HOME=/u", "TRANSFORMERS_OFFLINE=True"}, hubHome{cache: "/u/.cache/huggingface/hub", offline: true}},
	} {
		t.Run(tc.name, func(t *testing.T) {
			h := newTestHost()
			h.environ = tc.environ
			got, err := h.hubHome()
			mustBe(t, err)
			if got != tc.want {
				t.Errorf("got %+v, want %+v", got, tc.want)
			}
		})
	}
	h := newTestHost()
	if _, err := h.hubHome(); err == nil || !strings.Contains(err.Error(), "set HF_HOME or HOME") {
		t.Errorf("error %v", err)
	}
}
