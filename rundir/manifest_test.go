package rundir_test

import (
	"encoding/json"
	"os"
	"path/filepath"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/quarry-ml/quarry/internal/golden"
	"github.com/quarry-ml/quarry/rundir"
)

func manifestForTest() *rundir.Manifest {
	return &rundir.Manifest{
		Recipe: "eedi", Round: 0, Seed: 42, Identity: "portable f32 amd64 GenuineIntel",
		Data: []rundir.ManifestData{
			{Role: "corpus", Name: "data/corpus.jsonl", Digest: "d1", Count: 2587},
			{Role: "train", Name: "data/train.jsonl", Digest: "d2", Count: 3506},
		},
		Miner:   rundir.ManifestModel{Name: "models/minilm", Digest: "m0"},
		Base:    rundir.ManifestModel{Name: "models/minilm", Digest: "m0"},
		Prompts: rundir.ManifestPrompts{Query: "<instruct>{}\n"},
		Options: json.RawMessage(`{"mine":{"window":"2-200"}}`),
		Stages: []rundir.ManifestStage{
			{
				Stage: "embed", Algorithm: 1, Identity: "portable f32 amd64 GenuineIntel", OptionsDigest: "o1",
				Inputs:  []rundir.Input{{Name: "corpus", Digest: "d1"}, {Name: "miner", Digest: "m0"}},
				Outputs: []rundir.Output{{Path: "round-0/vectors/corpus.npy", SHA256: "v1", Size: 128}},
			},
			{
				Stage: "search", Algorithm: 1, OptionsDigest: "o2",
				Inputs:  []rundir.Input{{Name: "vectors", Digest: "v1"}},
				Outputs: []rundir.Output{{Path: "round-0/candidates/train.cand", SHA256: "c1", Size: 64}},
			},
		},
		Choice: rundir.ManifestChoice{Epoch: 3, By: "recipe", Because: "epoch 5 overfits"},
		Result: rundir.ManifestModel{Name: "round-0/merged", Digest: "m1"},
	}
}

func TestManifest(t *testing.T) {
	d := open(t, filepath.Join(t.TempDir(), "run"), rundir.OpenOptions{Create: true})
	defer d.Close()
	m := manifestForTest()
	if err := d.WriteManifest(m); err != nil {
		t.Fatal(err)
	}
	content, err := os.ReadFile(d.Round(0).Manifest())
	if err != nil {
		t.Fatal(err)
	}
	golden.Check(t, filepath.Join("testdata", "manifest.golden.json"), content)
	read, err := d.ReadManifest(0)
	if err != nil {
		t.Fatal(err)
	}
	if options, err := rundir.CanonicalJSON(read.Options); err != nil || string(options) != string(m.Options) {
		t.Errorf("options read back as %s, %v", options, err)
	}
	read.Options = m.Options
	if diff := cmp.Diff(m, read); diff != "" {
		t.Errorf("(-written +read):\n%s", diff)
	}
}

func TestGapsInTheChain(t *testing.T) {
	m := manifestForTest()
	if gaps := m.Gaps(); len(gaps) != 0 {
		t.Errorf("a whole chain has gaps %q", gaps)
	}
	m.Stages[0], m.Stages[1] = m.Stages[1], m.Stages[0] // search before its vectors exist
	if diff := cmp.Diff([]string{"search: input vectors (v1) comes from nowhere"}, m.Gaps()); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
	if gaps := m.Gaps("v1"); len(gaps) != 0 {
		t.Errorf("a known digest is a gap: %q", gaps)
	}
}

// TestAFolderIsAnOutput: the digest of a checkpoint is that of its folder, whose files the stamp lists in another order than
// the folder does.
func TestAFolderIsAnOutput(t *testing.T) {
	d := open(t, filepath.Join(t.TempDir(), "run"), rundir.OpenOptions{Create: true})
	defer d.Close()
	epochs := filepath.Join(string(d.Layout), "round-0", "epochs")
	for _, name := range []string{"epoch-1/1/a", "epoch-1/1-x", "epoch-1/model", "epoch-10/model"} {
		write("round-0/epochs/"+name, name)(t, string(d.Layout))
	}
	stamp, err := d.WriteStamp(t.Context(), rundir.Stage{Name: "finetune"}, []string{filepath.Join(epochs, "epoch-1"), filepath.Join(epochs, "epoch-10")})
	if err != nil {
		t.Fatal(err)
	}
	m := &rundir.Manifest{Stages: []rundir.ManifestStage{stamp.ManifestStage(), {Stage: "eval"}}}
	for _, of := range []struct {
		folder string
		gaps   int
	}{{"epoch-1", 0}, {"epoch-10", 0}, {"epoch-1/1", 0}, {".", 0}, {"epoch-2", 1}} {
		folder := filepath.Join(epochs, filepath.FromSlash(of.folder))
		if of.gaps > 0 {
			write("round-0/epochs/"+of.folder+"/model", "of elsewhere")(t, string(d.Layout))
		}
		digest, err := rundir.TreeDigest(t.Context(), d.FS, folder)
		if err != nil {
			t.Fatal(err)
		}
		m.Stages[1].Inputs = []rundir.Input{{Name: of.folder, Digest: digest}}
		if gaps := m.Gaps(); len(gaps) != of.gaps {
			t.Errorf("%s: gaps %q, want %d", of.folder, gaps, of.gaps)
		}
	}
}

func TestParseManifestRefuses(t *testing.T) {
	for name, content := range map[string]string{
		"newer":        `{"version":2}`,
		"unknown key":  `{"version":1,"colour":"red"}`,
		"trailing":     `{"version":1} {}`,
		"cut short":    `{"version":1`,
		"wrong type":   `{"version":1,"round":"zero"}`,
		"no manifest":  `[]`,
		"empty":        ``,
		"no version":   `{}`,
		"not a number": `{"version":"1"}`,
	} {
		t.Run(name, func(t *testing.T) {
			if _, err := rundir.ParseManifest([]byte(content), "manifest.json"); err == nil {
				t.Error("no error")
			} else if got := err.Error(); len(got) < 14 || got[:14] != "manifest.json:" {
				t.Errorf("%v does not name the file", err)
			}
		})
	}
}
