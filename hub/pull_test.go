package hub_test

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/gofrs/flock"
	"github.com/google/go-cmp/cmp"

	"github.com/quarry-ml/quarry/hub"
	"github.com/quarry-ml/quarry/hub/hubtest"
	"github.com/quarry-ml/quarry/rundir"
)

const (
	id     = "BAAI/bge-tiny"
	commit = "0123456789abcdef0123456789abcdef01234567"
)

// weights is content long enough to be cut.
var weights = bytes.Repeat([]byte("quarry weights. "), 64<<10) // 1 MiB

func text(content string) hubtest.File { return hubtest.File{Content: []byte(content)} }

// tiny is a model of one file of weights, with files beside it that nobody needs.
func tiny() *hubtest.Model {
	return &hubtest.Model{Commit: commit, Branches: []string{"v1", "refs/pr/2"}, Files: map[string]hubtest.File{
		".gitattributes":                    text("*.safetensors filter=lfs"),
		"1_Pooling/config.json":             text(`{"pooling_mode_mean_tokens": true}`),
		"README.md":                         text("# tiny"),
		"config.json":                       text(`{"model_type": "bert"}`),
		"config_sentence_transformers.json": text(`{}`),
		"model.safetensors":                 {Content: weights, LFS: true},
		"modules.json":                      text(`[{"path": ""}, {"path": "1_Pooling"}]`),
		"onnx/config.json":                  text(`{}`),
		"onnx/model.onnx":                   {Content: weights[:100], LFS: true},
		"pytorch_model.bin":                 {Content: weights[:200], LFS: true},
		"quarry_trained.json":               text(`{"version":1,"queries":[]}`),
		"sentence_bert_config.json":         text(`{"max_seq_length": 8}`),
		"tokenizer.json":                    {Content: []byte(`{"version": "1.0"}`), LFS: true},
		"vocab.txt":                         text(""),
	}}
}

var tinyNames = []string{
	"1_Pooling/config.json", "config.json", "config_sentence_transformers.json", "model.safetensors", "modules.json",
	"quarry_trained.json", "sentence_bert_config.json", "tokenizer.json", "vocab.txt",
}

// sharded is a model in two shards.
func sharded() *hubtest.Model {
	return &hubtest.Model{Commit: commit, Files: map[string]hubtest.File{
		"config.json": text(`{}`),
		"model.safetensors.index.json": text(`{"metadata": {"total_size": 8},
			"weight_map": {"a": "model-00001-of-00002.safetensors", "b": "model-00002-of-00002.safetensors", "c": "model-00002-of-00002.safetensors"}}`),
		"model-00001-of-00002.safetensors": {Content: weights[:300], LFS: true},
		"model-00002-of-00002.safetensors": {Content: weights[:400], LFS: true},
		"consolidated.safetensors":         {Content: weights[:500], LFS: true},
	}}
}

// setup is a server with one model, a client that does not wait, and a cache.
func setup(t *testing.T, m *hubtest.Model) (*hubtest.Server, hub.Client, hub.Cache) {
	s := hubtest.New(t, map[string]*hubtest.Model{id: m})
	return s, hub.Client{Endpoint: s.Hub.URL, Pause: time.Nanosecond, Attempts: 3}, hub.Cache(filepath.Join(t.TempDir(), "hub"))
}

func name(t *testing.T, text string) hub.Name {
	t.Helper()
	n, err := hub.ParseName(text)
	if err != nil {
		t.Fatal(err)
	}
	return n
}

// inside lists the files below a folder with their content, links by where they lead.
func inside(t *testing.T, dir string) []string {
	t.Helper()
	var found []string
	err := filepath.WalkDir(dir, func(path string, entry os.DirEntry, err error) error {
		if err != nil || entry.IsDir() {
			return err
		}
		relative, err := filepath.Rel(dir, path)
		if err != nil {
			return err
		}
		relative = filepath.ToSlash(relative)
		if target, err := os.Readlink(path); err == nil {
			relative += " -> " + filepath.ToSlash(target)
		}
		found = append(found, relative)
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	return found
}

// holds checks that the snapshot has exactly these files, with the content that the hub has.
func holds(t *testing.T, s hub.Snapshot, m *hubtest.Model, names []string) {
	t.Helper()
	var got []string
	for _, file := range inside(t, s.Dir) {
		got = append(got, strings.Split(file, " -> ")[0])
	}
	if diff := cmp.Diff(names, got); diff != "" {
		t.Errorf("files of the snapshot (-want +got):\n%s", diff)
	}
	for _, file := range names {
		raw, err := os.ReadFile(filepath.Join(s.Dir, filepath.FromSlash(file)))
		if err != nil || !bytes.Equal(raw, m.Files[file].Content) {
			t.Errorf("%s: other content than the hub's, or %v", file, err)
		}
	}
}

func TestPullMakesTheLayoutOfHuggingFace(t *testing.T) {
	m := tiny()
	s, c, cache := setup(t, m)
	got, err := c.Pull(t.Context(), cache, name(t, id), hub.PullOptions{})
	if err != nil {
		t.Fatal(err)
	}
	holds(t, got, m, tinyNames)
	var want []string
	for _, file := range tinyNames {
		want = append(want, "models--BAAI--bge-tiny/blobs/"+m.Files[file].Digest())
	}
	slices.Sort(want)
	want = append(want, "models--BAAI--bge-tiny/refs/main")
	for _, file := range tinyNames {
		up := strings.Repeat("../", 2+strings.Count(file, "/"))
		want = append(want, "models--BAAI--bge-tiny/snapshots/"+commit+"/"+file+" -> "+up+"blobs/"+m.Files[file].Digest())
	}
	files := slices.DeleteFunc(inside(t, string(cache)), func(f string) bool { return strings.HasPrefix(f, ".locks/models--BAAI--bge-tiny/") })
	if diff := cmp.Diff(want, files); diff != "" {
		t.Errorf("cache (-want +got):\n%s", diff)
	}
	if raw, err := os.ReadFile(filepath.Join(string(cache), "models--BAAI--bge-tiny/refs/main")); err != nil || string(raw) != commit {
		t.Errorf("refs/main is %q, %v", raw, err)
	}
	found, err := cache.Find(name(t, id))
	if err != nil || found != got {
		t.Errorf("found %v, %v; want %v", found, err, got)
	}
	if err := found.Check(name(t, id)); err != nil {
		t.Error(err)
	}
	// The second time, the hub is asked for the commit alone.
	s.Requests()
	if _, err := c.Pull(t.Context(), cache, name(t, id), hub.PullOptions{}); err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff([]string{"GET /api/models/BAAI/bge-tiny/revision/main"}, s.Requests()); diff != "" {
		t.Errorf("requests of the second download (-want +got):\n%s", diff)
	}
}

func TestPullOfRevisions(t *testing.T) {
	for _, tc := range []struct{ revision, ref string }{{"v1", "v1"}, {"refs/pr/2", "refs/pr/2"}, {commit, ""}} {
		t.Run(tc.revision, func(t *testing.T) {
			_, c, cache := setup(t, tiny())
			n := name(t, id+"@"+tc.revision)
			if _, err := cache.Find(n); !errors.Is(err, hub.ErrNotCached) {
				t.Errorf("before: %v, want ErrNotCached", err)
			}
			if _, err := c.Pull(t.Context(), cache, n, hub.PullOptions{}); err != nil {
				t.Fatal(err)
			}
			if found, err := cache.Find(n); err != nil || found.Commit != commit {
				t.Errorf("found %v, %v", found, err)
			}
			if _, err := cache.Find(name(t, id)); !errors.Is(err, hub.ErrNotCached) {
				t.Errorf("main: %v, want ErrNotCached: it was not asked for", err)
			}
			refs := filepath.Join(string(cache), "models--BAAI--bge-tiny", "refs", filepath.FromSlash(tc.ref))
			if _, err := os.Stat(refs); (err == nil) != (tc.ref != "") {
				t.Errorf("refs: %v", err)
			}
		})
	}
}

func TestPullOfShards(t *testing.T) {
	m := sharded()
	_, c, cache := setup(t, m)
	var last hub.Progress
	got, err := c.Pull(t.Context(), cache, name(t, id), hub.PullOptions{Progress: func(_ string, p hub.Progress) {
		if p.Done < last.Done || p.Done > p.Total {
			t.Errorf("progress %v after %v", p, last)
		}
		last = p
	}})
	if err != nil {
		t.Fatal(err)
	}
	holds(t, got, m, []string{"config.json", "model-00001-of-00002.safetensors", "model-00002-of-00002.safetensors", "model.safetensors.index.json"})
	if last.Done != last.Total || last.Total < 700 {
		t.Errorf("last progress %v", last)
	}
}

// TestPullOfTorchWeights takes them where there are no safetensors in the same folder, and there alone.
func TestPullOfTorchWeights(t *testing.T) {
	const index = `{"weight_map": {"a": "pytorch_model-00001-of-00002.bin", "b": "pytorch_model-00002-of-00002.bin"}}`
	for _, tc := range []struct{ name, files, want string }{
		{"one file", "config.json pytorch_model.bin colbert_linear.pt training_args.bin optimizer.pt", "config.json pytorch_model.bin"},
		{"shards", "config.json pytorch_model.bin.index.json pytorch_model-00001-of-00002.bin pytorch_model-00002-of-00002.bin",
			"config.json pytorch_model-00001-of-00002.bin pytorch_model-00002-of-00002.bin pytorch_model.bin.index.json"},
		{"one file beside shards", "config.json pytorch_model.bin pytorch_model.bin.index.json pytorch_model-00001-of-00002.bin", "config.json pytorch_model.bin"},
		{"safetensors in shards", "config.json pytorch_model.bin model.safetensors.index.json pytorch_model-00001-of-00002.bin pytorch_model-00002-of-00002.bin",
			"config.json model.safetensors.index.json pytorch_model-00001-of-00002.bin pytorch_model-00002-of-00002.bin"}, // as the index has them
		{"a Dense", "2_Dense/config.json 2_Dense/pytorch_model.bin 3_Dense/model.safetensors 3_Dense/pytorch_model.bin config.json model.safetensors",
			"2_Dense/config.json 2_Dense/pytorch_model.bin 3_Dense/model.safetensors config.json model.safetensors"},
		{"an adapter", "adapter_config.json adapter_model.bin", "adapter_config.json adapter_model.bin"},
		{"an adapter of FlagEmbedding's", "adapter_config.json adapter_model.bin embedding/emb.pth embedding/more", "adapter_config.json adapter_model.bin embedding/emb.pth"},
		{"an adapter of both", "adapter_config.json adapter_model.bin adapter_model.safetensors", "adapter_config.json adapter_model.safetensors"},
	} {
		t.Run(tc.name, func(t *testing.T) {
			m := &hubtest.Model{Commit: commit, Files: map[string]hubtest.File{}}
			for _, file := range strings.Fields(tc.files) {
				m.Files[file] = text(file)
				if strings.HasSuffix(file, "index.json") {
					m.Files[file] = text(index)
				}
			}
			_, c, cache := setup(t, m)
			got, err := c.Pull(t.Context(), cache, name(t, id), hub.PullOptions{})
			if err != nil {
				t.Fatal(err)
			}
			holds(t, got, m, strings.Fields(tc.want))
			if err := got.Check(name(t, id)); err != nil && !strings.Contains(tc.want, "adapter") {
				t.Errorf("what was downloaded is not whole: %v", err)
			}
		})
	}
}

func TestPullIncludes(t *testing.T) {
	m := tiny()
	_, c, cache := setup(t, m)
	got, err := c.Pull(t.Context(), cache, name(t, id), hub.PullOptions{Include: []string{"*.md", "onnx/*"}})
	if err != nil {
		t.Fatal(err)
	}
	want := append(slices.Clone(tinyNames), "README.md", "onnx/config.json", "onnx/model.onnx")
	slices.Sort(want)
	holds(t, got, m, want)
}

// TestPullGoesOn cuts connections: inside one download, which asks again for the rest, and for good, so that the next
// download goes on.
func TestPullGoesOn(t *testing.T) {
	m := tiny()
	blob := m.Files["model.safetensors"].Digest()
	t.Run("at once", func(t *testing.T) {
		s, c, cache := setup(t, m)
		s.Fail(hubtest.Faults{CutAfter: 100 << 10, Cuts: 100})
		var notes []string
		c.Note = func(line string) { notes = append(notes, line) }
		got, err := c.Pull(t.Context(), cache, name(t, id), hub.PullOptions{})
		if err != nil {
			t.Fatal(err)
		}
		holds(t, got, m, tinyNames)
		if len(notes) != 10 || !strings.Contains(notes[0], "trying again") { // 1024 KiB at 100 KiB each
			t.Errorf("notes %q", notes)
		}
		asked := s.Requests()
		if !slices.Contains(asked, "GET /"+blob+" bytes=102400-") || !slices.Contains(asked, "GET /"+blob+" bytes=1024000-") {
			t.Errorf("asked %q", asked)
		}
	})
	t.Run("next time", func(t *testing.T) {
		s, c, cache := setup(t, m)
		ctx, cancel := context.WithCancel(t.Context())
		_, err := c.Pull(ctx, cache, name(t, id), hub.PullOptions{Progress: func(file string, p hub.Progress) {
			if file == "model.safetensors" {
				cancel()
			}
		}})
		if !errors.Is(err, context.Canceled) {
			t.Fatalf("error %v, want context.Canceled", err)
		}
		if _, err := cache.Find(name(t, id)); !errors.Is(err, hub.ErrNotCached) {
			t.Errorf("half a download counts as one: %v", err)
		}
		var incomplete *hub.IncompleteError
		half, err := cache.Find(name(t, id+"@"+commit))
		if err != nil {
			t.Fatal(err)
		}
		if err := half.Check(name(t, id)); !errors.As(err, &incomplete) || !slices.Contains(incomplete.Missing, "model.safetensors") {
			t.Errorf("half a download: %v", err)
		}
		part, err := os.Stat(filepath.Join(string(cache), "models--BAAI--bge-tiny", "blobs", blob+".incomplete"))
		if err != nil || part.Size() == 0 {
			t.Fatalf("no beginning is left: %v, %v", part, err)
		}
		s.Requests()
		got, err := c.Pull(t.Context(), cache, name(t, id), hub.PullOptions{})
		if err != nil {
			t.Fatal(err)
		}
		holds(t, got, m, tinyNames)
		if want := fmt.Sprintf("GET /%s bytes=%d-", blob, part.Size()); !slices.Contains(s.Requests(), want) {
			t.Errorf("the rest was not asked for by %q", want)
		}
	})
}

// TestPullOfABeginning has something under the name of a beginning already.
func TestPullOfABeginning(t *testing.T) {
	m := tiny()
	for _, tc := range []struct {
		name   string
		part   []byte
		faults hubtest.Faults
	}{
		{"a good one", weights[:1000], hubtest.Faults{}},
		{"the whole", weights, hubtest.Faults{}},
		{"another file's", []byte("something else"), hubtest.Faults{}},
		{"as long and wrong", bytes.Repeat([]byte("x"), len(weights)), hubtest.Faults{}},
		{"longer", append(bytes.Clone(weights), 'x'), hubtest.Faults{}},
		{"and no ranges", weights[:1000], hubtest.Faults{NoRanges: true}},
		{"and a range refused", weights[:1000], hubtest.Faults{Statuses: []int{416}}},
	} {
		t.Run(tc.name, func(t *testing.T) {
			s, c, cache := setup(t, m)
			// Everything but the weights is there, so that the fault meets them.
			blobs := filepath.Join(string(cache), "models--BAAI--bge-tiny", "blobs")
			if _, err := c.Pull(t.Context(), cache, name(t, id), hub.PullOptions{}); err != nil {
				t.Fatal(err)
			}
			blob := filepath.Join(blobs, m.Files["model.safetensors"].Digest())
			if err := errors.Join(os.Remove(blob), os.WriteFile(blob+".incomplete", tc.part, 0o600)); err != nil {
				t.Fatal(err)
			}
			if len(tc.faults.Statuses) > 0 { // the listing comes first, then the hub's redirect
				tc.faults.Statuses = append([]int{0, 0}, tc.faults.Statuses...)
			}
			s.Fail(tc.faults)
			got, err := c.Pull(t.Context(), cache, name(t, id), hub.PullOptions{})
			if err != nil {
				t.Fatal(err)
			}
			holds(t, got, m, tinyNames)
			if _, err := os.Stat(blob + ".incomplete"); err == nil {
				t.Error("the beginning is still there")
			}
		})
	}
}

func TestPullRefuses(t *testing.T) {
	with := func(change func(m *hubtest.Model)) *hubtest.Model {
		m := tiny()
		change(m)
		return m
	}
	for _, tc := range []struct {
		name, model string
		hub         *hubtest.Model
		faults      hubtest.Faults
		token       string
		want        string
	}{
		{name: "no such model", model: "BAAI/bge-none", want: "there is no model BAAI/bge-none"},
		{name: "no such revision", model: id + "@v9", want: "BAAI/bge-tiny has no revision v9"},
		{name: "unauthorised", faults: hubtest.Faults{Statuses: []int{401}}, want: "is private and wants a token (HF_TOKEN"},
		{name: "token refused", faults: hubtest.Faults{Statuses: []int{401}}, token: "old", want: "the token is refused"},
		{name: "forbidden", faults: hubtest.Faults{Statuses: []int{403}}, token: "t", want: "the token has no access to BAAI/bge-tiny"},
		{name: "gated", hub: with(func(m *hubtest.Model) { m.Gated = true }), want: "is gated: accept its terms at http://127.0.0.1"},
		{name: "gated for the account", hub: with(func(m *hubtest.Model) { m.Gated = true }), token: "other", want: "the token's account has no access"},
		{name: "server out of order", faults: hubtest.Faults{Statuses: []int{503, 500, 502}}, want: "502 Bad Gateway (3 attempts)"},
		{name: "wrong bytes", faults: hubtest.Faults{Corrupt: true}, want: "has another digest than the hub says"},
		{name: "more bytes", faults: hubtest.Faults{Longer: true}, want: "more bytes come than the"},
		{name: "no bytes", faults: hubtest.Faults{Cuts: 1000}, want: "(3 attempts)"},
		{name: "no weights", hub: with(func(m *hubtest.Model) {
			delete(m.Files, "model.safetensors")
			delete(m.Files, "pytorch_model.bin")
		}), want: "its weights are in another format (onnx/model.onnx)"},
		{name: "nothing of a model", hub: &hubtest.Model{Commit: commit, Files: map[string]hubtest.File{"README.md": text("x")}}, want: "no file that a model is made of"},
		{name: "shard that the hub has not", hub: with(func(m *hubtest.Model) {
			delete(m.Files, "model.safetensors")
			m.Files["model.safetensors.index.json"] = text(`{"weight_map": {"a": "model-00001-of-00002.safetensors"}}`)
		}), want: "model.safetensors.index.json lists the shard model-00001-of-00002.safetensors, which the hub does not have"},
		{name: "a name that leads out", hub: with(func(m *hubtest.Model) { m.Files["../config.json"] = text("x") }), want: `"../config.json" is no name of a file`},
		{name: "no commit", hub: with(func(m *hubtest.Model) { m.Commit = "../x" }), want: `sha "../x" is no commit`},
		{name: "redirect to another scheme", faults: hubtest.Faults{LFSHost: "ftp://elsewhere"}, want: "redirects to ftp://elsewhere, which is not followed"},
	} {
		t.Run(tc.name, func(t *testing.T) {
			m := tc.hub
			if m == nil {
				m = tiny()
			}
			s, c, cache := setup(t, m)
			s.Token = "right"
			s.Fail(tc.faults)
			c.Token = tc.token
			n := name(t, first(tc.model, id))
			_, err := c.Pull(t.Context(), cache, n, hub.PullOptions{})
			if err == nil || !strings.Contains(err.Error(), tc.want) {
				t.Errorf("error %v, want one with %q", err, tc.want)
			}
			if err != nil && strings.Contains(err.Error(), "signature") {
				t.Errorf("error %v shows a signed address", err)
			}
			if _, err := cache.Find(n); !errors.Is(err, hub.ErrNotCached) {
				t.Errorf("a refused download is found: %v", err)
			}
		})
	}
}

// TestWrongBytesAreNotKept: the next download does not go on from them.
func TestWrongBytesAreNotKept(t *testing.T) {
	m := tiny()
	s, c, cache := setup(t, m)
	s.Fail(hubtest.Faults{Corrupt: true})
	if _, err := c.Pull(t.Context(), cache, name(t, id), hub.PullOptions{}); err == nil {
		t.Fatal("no error")
	}
	s.Fail(hubtest.Faults{})
	got, err := c.Pull(t.Context(), cache, name(t, id), hub.PullOptions{})
	if err != nil {
		t.Fatal(err)
	}
	holds(t, got, m, tinyNames)
}

func TestTheTokenGoesToTheHubAlone(t *testing.T) {
	m := tiny()
	m.Gated = true
	s, c, cache := setup(t, m)
	s.Token, c.Token = "right", "right"
	if _, err := c.Pull(t.Context(), cache, name(t, id), hub.PullOptions{}); err != nil {
		t.Fatal(err)
	}
	if leaked := s.Leaked(); len(leaked) > 0 {
		t.Errorf("the token was sent to the storage: %q", leaked)
	}
}

func TestAnotherProcessDownloads(t *testing.T) {
	m := tiny()
	_, c, cache := setup(t, m)
	blob := m.Files["model.safetensors"].Digest()
	lock := filepath.Join(string(cache), ".locks", "models--BAAI--bge-tiny", blob+".lock")
	if err := os.MkdirAll(filepath.Dir(lock), 0o755); err != nil {
		t.Fatal(err)
	}
	held := flock.New(lock)
	if ok, err := held.TryLock(); err != nil || !ok {
		t.Fatal(ok, err)
	}
	waits := make(chan string, 10)
	c.Note = func(line string) {
		waits <- line
		if err := held.Unlock(); err != nil {
			t.Error(err)
		}
	}
	got, err := c.Pull(t.Context(), cache, name(t, id), hub.PullOptions{})
	if err != nil {
		t.Fatal(err)
	}
	holds(t, got, m, tinyNames)
	if line := <-waits; line != "model.safetensors: another process downloads it: waiting" {
		t.Errorf("note %q", line)
	}
}

// TestTwoDownloadsAtOnce share one cache.
func TestTwoDownloadsAtOnce(t *testing.T) {
	m := tiny()
	s, c, cache := setup(t, m)
	n := name(t, id)
	ends := make(chan error)
	for range 2 {
		go func() {
			_, err := c.Pull(t.Context(), cache, n, hub.PullOptions{})
			ends <- err
		}()
	}
	if err := errors.Join(<-ends, <-ends); err != nil {
		t.Fatal(err)
	}
	found, err := cache.Find(n)
	if err != nil {
		t.Fatal(err)
	}
	holds(t, found, m, tinyNames)
	contents := 0
	for _, asked := range s.Requests() {
		if asked == "GET /"+m.Files["model.safetensors"].Digest() {
			contents++
		}
	}
	if contents != 1 {
		t.Errorf("the weights were asked for %d times", contents)
	}
}

func TestAStalledConnectionIsClosed(t *testing.T) {
	s, c, cache := setup(t, tiny())
	s.Fail(hubtest.Faults{Stall: time.Hour})
	c.Patience = time.Millisecond
	_, err := c.Pull(t.Context(), cache, name(t, id), hub.PullOptions{})
	if err == nil || !strings.Contains(err.Error(), "nothing came for too long") {
		t.Errorf("error %v", err)
	}
}

func TestAFolderThatCannotBeWritten(t *testing.T) {
	_, c, cache := setup(t, tiny())
	if err := os.WriteFile(string(cache), nil, 0o600); err != nil { // a file where the cache belongs
		t.Fatal(err)
	}
	_, err := c.Pull(t.Context(), cache, name(t, id), hub.PullOptions{})
	var write *rundir.WriteError
	if !errors.As(err, &write) || !strings.HasPrefix(write.Path, string(cache)) {
		t.Errorf("error %v, want one of writing into %s", err, cache)
	}
}

func first(texts ...string) string {
	return texts[slices.IndexFunc(texts, func(t string) bool { return t != "" })]
}
