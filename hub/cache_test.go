package hub_test

import (
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/quarry-ml/quarry/hub"
)

func TestParseName(t *testing.T) {
	for _, tc := range []struct {
		text string
		want hub.Name
	}{
		{"BAAI/bge-en-icl", hub.Name{ID: "BAAI/bge-en-icl"}},
		{"gpt2", hub.Name{ID: "gpt2"}},
		{"a/b.c_d-e", hub.Name{ID: "a/b.c_d-e"}},
		{"a/b@v1.0", hub.Name{ID: "a/b", Revision: "v1.0"}},
		{"a/b@refs/pr/3", hub.Name{ID: "a/b", Revision: "refs/pr/3"}},
	} {
		t.Run(tc.text, func(t *testing.T) {
			got, err := hub.ParseName(tc.text)
			if err != nil || got != tc.want {
				t.Errorf("got %v, %v; want %v", got, err, tc.want)
			}
			if got.String() != tc.text {
				t.Errorf("written %q", got)
			}
		})
	}
	for _, text := range []string{
		"", "/", "a/", "/b", "a/b/c", "./a", "../a", "a/..", "-a/b", "a/b-", "a/.b", "a--b/c", "a/b..c", "a/b.git", "a b", "ä/b", strings.Repeat("x", 97),
		`C:\models`, "a/b@", "a/b@..", "a/b@../x", "a/b@/x", "a/b@x/", "a/b@x//y", "a/b@.x", "a/b@x y", "a/b@x:y", `a/b@x\y`, "a/b@x.lock", "a/b@-x", "a/b@x/.",
	} {
		t.Run("bad "+text, func(t *testing.T) {
			if got, err := hub.ParseName(text); err == nil {
				t.Errorf("got %v", got)
			}
		})
	}
}

// snapshot writes a cache by hand: links for names, files for the others.
func snapshot(t *testing.T, files map[string]string, links map[string]string) hub.Cache {
	t.Helper()
	cache := t.TempDir()
	repo := filepath.Join(cache, "models--a--b")
	dir := filepath.Join(repo, "snapshots", commit)
	put(t, filepath.Join(repo, "refs", "main"), commit+"\n")
	if err := os.MkdirAll(dir, 0o755); err != nil {
		t.Fatal(err)
	}
	for name, content := range files {
		put(t, filepath.Join(dir, name), content)
	}
	for name, target := range links {
		if err := os.Symlink(filepath.Join("..", "..", "blobs", target), filepath.Join(dir, name)); err != nil {
			t.Fatal(err)
		}
	}
	return hub.Cache(cache)
}

func put(t *testing.T, path, content string) {
	t.Helper()
	if err := errors.Join(os.MkdirAll(filepath.Dir(path), 0o755), os.WriteFile(path, []byte(content), 0o600)); err != nil {
		t.Fatal(err)
	}
}

func TestAHalfDownloadedCache(t *testing.T) {
	const index = `{"weight_map": {"x": "model-00001-of-00002.safetensors", "y": "model-00002-of-00002.safetensors"}}`
	torchIndex := strings.NewReplacer("model-", "pytorch_model-", ".safetensors", ".bin").Replace(index)
	for _, tc := range []struct {
		name         string
		files, links map[string]string
		want         []string
	}{
		{"whole", map[string]string{"config.json": "{}", "model.safetensors": "x"}, nil, nil},
		{"in a folder of its own", map[string]string{"modules.json": `[{"path": "0_Transformer"}]`, "0_Transformer/config.json": "{}", "0_Transformer/model.safetensors": "x"}, nil, nil},
		{"of torch.save", map[string]string{"config.json": "{}", "pytorch_model.bin": "x"}, nil, nil},
		{"a shard of torch.save", map[string]string{"config.json": "{}", "pytorch_model.bin.index.json": torchIndex, "pytorch_model-00001-of-00002.bin": "x"}, nil, []string{"pytorch_model-00002-of-00002.bin"}},
		{"shards of torch.save without their index", map[string]string{"config.json": "{}", "pytorch_model-00001-of-00002.bin": "x"}, nil, []string{"model.safetensors"}},
		{"a shard of safetensors, and torch.save's whole", map[string]string{"config.json": "{}", "model.safetensors.index.json": index, "model-00001-of-00002.safetensors": "x", "pytorch_model.bin": "x"}, nil, []string{"model-00002-of-00002.safetensors"}},
		{"nothing", nil, nil, []string{"config.json", "model.safetensors"}},
		{"no weights", map[string]string{"config.json": "{}"}, nil, []string{"model.safetensors"}},
		{"no configuration", map[string]string{"model.safetensors": "x"}, nil, []string{"config.json"}},
		{"a shard", map[string]string{"config.json": "{}", "model.safetensors.index.json": index, "model-00001-of-00002.safetensors": "x"}, nil, []string{"model-00002-of-00002.safetensors"}},
		{"a shard's blob", map[string]string{"config.json": "{}", "model.safetensors.index.json": index, "model-00001-of-00002.safetensors": "x"},
			map[string]string{"model-00002-of-00002.safetensors": "gone"}, []string{"model-00002-of-00002.safetensors"}},
		{"a tokenizer's blob", map[string]string{"config.json": "{}", "model.safetensors": "x"}, map[string]string{"tokenizer.json": "gone"}, []string{"tokenizer.json"}},
	} {
		t.Run(tc.name, func(t *testing.T) {
			n := hub.Name{ID: "a/b"}
			s, err := snapshot(t, tc.files, tc.links).Find(n)
			if err != nil {
				t.Fatal(err)
			}
			err = s.Check(n)
			var got []string
			if incomplete := (*hub.IncompleteError)(nil); errors.As(err, &incomplete) {
				got = incomplete.Missing
				if want := "a/b is in the Hugging Face cache in part only: " + s.Dir + " has no " + got[0]; !strings.HasPrefix(err.Error(), want) {
					t.Errorf("error %v, want %q", err, want)
				}
			} else if err != nil {
				t.Fatal(err)
			}
			if diff := cmp.Diff(tc.want, got); diff != "" {
				t.Errorf("missing (-want +got):\n%s", diff)
			}
		})
	}
}

func TestFindRefuses(t *testing.T) {
	cache := snapshot(t, nil, nil)
	refs := filepath.Join(string(cache), "models--a--b", "refs")
	put(t, filepath.Join(refs, "odd"), "../../elsewhere")
	put(t, filepath.Join(refs, "gone"), strings.Repeat("f", 40))
	put(t, filepath.Join(refs, "pr", "1"), commit)
	for _, tc := range []struct {
		name, want string
	}{
		{"a/b@odd", "is no commit"},
		{"a/b@gone", "is not in the Hugging Face cache"},
		{"a/b@pr", "is not in the Hugging Face cache"},
		{"a/b@" + strings.Repeat("e", 40), "is not in the Hugging Face cache"},
		{"a/c", "is not in the Hugging Face cache"},
	} {
		t.Run(tc.name, func(t *testing.T) {
			if got, err := cache.Find(name(t, tc.name)); err == nil || !strings.Contains(err.Error(), tc.want) {
				t.Errorf("got %v, %v; want %q", got, err, tc.want)
			}
		})
	}
	if got, err := cache.Find(name(t, "a/b@pr/1")); err != nil || got.Commit != commit {
		t.Errorf("got %v, %v", got, err)
	}
}
