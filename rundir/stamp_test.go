package rundir_test

import (
	"context"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/quarry-ml/quarry/rundir"
)

type stampOptions struct {
	Mine struct {
		Window    string   `json:"window"`
		Negatives int      `json:"negatives"`
		Margin    *float64 `json:"margin,omitempty"`
	} `json:"mine"`
	Metrics []string `json:"metrics"`
}

func stageForTest() rundir.Stage {
	var options stampOptions
	options.Mine.Window, options.Mine.Negatives = "2-200", 15
	options.Metrics = []string{"map@25", "recall@25"}
	return rundir.Stage{
		Name: "mine", Round: 0, Algorithm: 1, Options: options,
		Inputs: []rundir.Input{{Name: "train.jsonl", Digest: "t"}, {Name: "candidates", Digest: "c"}},
	}
}

func TestCheckSaysWhatChanged(t *testing.T) {
	for _, tc := range []struct {
		name   string
		change func(t *testing.T, s *rundir.Stage, d *rundir.Dir)
		want   []string
	}{
		{"nothing", func(*testing.T, *rundir.Stage, *rundir.Dir) {}, nil},
		{"inputs in another order", func(_ *testing.T, s *rundir.Stage, _ *rundir.Dir) {
			s.Inputs = []rundir.Input{s.Inputs[1], s.Inputs[0]}
		}, nil},
		{"never done", func(_ *testing.T, s *rundir.Stage, _ *rundir.Dir) { s.Name = "merge" }, []string{"not done yet"}},
		{"an option", func(_ *testing.T, s *rundir.Stage, _ *rundir.Dir) {
			options := s.Options.(stampOptions)
			options.Mine.Window, options.Metrics = "2-100", []string{"map@25"}
			s.Options = options
		}, []string{
			`options changed: metrics ["map@25","recall@25"] → ["map@25"]`,
			`options changed: mine.window "2-200" → "2-100"`,
		}},
		{"an option added", func(_ *testing.T, s *rundir.Stage, _ *rundir.Dir) {
			options, margin := s.Options.(stampOptions), 0.05
			options.Mine.Margin = &margin
			s.Options = options
		}, []string{"option added: mine.margin 0.05"}},
		{"an option removed", func(_ *testing.T, s *rundir.Stage, _ *rundir.Dir) {
			s.Options = map[string]any{"metrics": []string{"map@25", "recall@25"}, "mine": map[string]any{"window": "2-200"}}
		}, []string{"option removed: mine.negatives 15"}},
		{"algorithm", func(_ *testing.T, s *rundir.Stage, _ *rundir.Dir) { s.Algorithm = 2 }, []string{"algorithm changed: version 1 → 2"}},
		{"inputs", func(_ *testing.T, s *rundir.Stage, _ *rundir.Dir) {
			s.Inputs = []rundir.Input{{Name: "candidates", Digest: "d"}, {Name: "test.jsonl", Digest: "t"}}
		}, []string{"input changed: candidates", "input added: test.jsonl", "input no longer used: train.jsonl"}},
		{"output missing", func(t *testing.T, _ *rundir.Stage, d *rundir.Dir) {
			remove(t, d.Round(0).Negatives(rundir.Train))
		}, []string{"output round-0/negatives.jsonl missing"}},
		{"output of another length", func(t *testing.T, _ *rundir.Stage, d *rundir.Dir) {
			write("round-0/negatives.jsonl", "longer")(t, string(d.Layout))
		}, []string{"output round-0/negatives.jsonl changed"}},
		{"output of the same length", func(t *testing.T, _ *rundir.Stage, d *rundir.Dir) {
			write("round-0/negatives.jsonl", "b")(t, string(d.Layout))
		}, []string{"output round-0/negatives.jsonl changed"}},
		{"a file of an output directory", func(t *testing.T, _ *rundir.Stage, d *rundir.Dir) {
			write("round-0/merged/1_Pooling/config.json", "[]")(t, string(d.Layout))
		}, []string{"output round-0/merged/1_Pooling/config.json changed"}},
		{"stamp damaged", func(t *testing.T, _ *rundir.Stage, d *rundir.Dir) {
			write("round-0/stamps/mine.json", "{")(t, string(d.Layout))
		}, []string{"stamp cannot be read: "}},
		{"stamp of another version", func(t *testing.T, _ *rundir.Stage, d *rundir.Dir) {
			write("round-0/stamps/mine.json", `{"version":9,"options":{}}`)(t, string(d.Layout))
		}, []string{"stamp has version 9, not 1"}},
	} {
		t.Run(tc.name, func(t *testing.T) {
			d, stage := stamped(t)
			tc.change(t, &stage, d)
			verdict, err := d.Check(context.Background(), stage)
			if err != nil {
				t.Fatal(err)
			}
			got := verdict.Reasons
			if tc.name == "stamp damaged" && len(got) == 1 {
				got = []string{got[0][:len(tc.want[0])]}
			}
			if diff := cmp.Diff(tc.want, got); diff != "" {
				t.Errorf("reasons (-want +got):\n%s", diff)
			}
			if verdict.Fresh() != (len(tc.want) == 0) {
				t.Errorf("fresh: %v", verdict.Fresh())
			}
		})
	}
}

func TestIdentityChange(t *testing.T) {
	d, stage := stamped(t)
	path := string(d.Layout)
	if err := d.Close(); err != nil {
		t.Fatal(err)
	}
	idle := open(t, path, rundir.OpenOptions{}) // as quarry select, which computes nothing
	if verdict, err := idle.Check(context.Background(), stage); err != nil || !verdict.Fresh() || idle.Identity() != "portable f32" {
		t.Errorf("no identity given: got %v, %v, identity %q", verdict.Reasons, err, idle.Identity())
	}
	if err := idle.Close(); err != nil {
		t.Fatal(err)
	}
	allowed := open(t, path, rundir.OpenOptions{Identity: "avx512 f32", AllowIdentityChange: true})
	if verdict, err := allowed.Check(context.Background(), stage); err != nil || !verdict.Fresh() {
		t.Errorf("allowed: got %v, %v; finished work is kept", verdict.Reasons, err)
	}
	if err := allowed.Close(); err != nil {
		t.Fatal(err)
	}
	// The directory now is of the new identity and remembers the old one; work of any other is stale.
	strict := open(t, path, rundir.OpenOptions{Identity: "avx512 f32"})
	if verdict, err := strict.Check(context.Background(), stage); err != nil || !verdict.Fresh() {
		t.Errorf("after an allowed change: got %v, %v; finished work is kept", verdict.Reasons, err)
	}
	if err := strict.Close(); err != nil {
		t.Fatal(err)
	}
	if _, err := rundir.Open(path, rundir.OpenOptions{Identity: "portable f32"}); err == nil || !strings.Contains(err.Error(), "allow the identity to change") {
		t.Errorf("back to the old identity is another change, to be allowed anew; got %v", err)
	}
	write("quarry.json", `{"format":1,"identity":"avx512 f32"}`)(t, path)
	stranger := open(t, path, rundir.OpenOptions{Identity: "avx512 f32"})
	defer stranger.Close()
	verdict, err := stranger.Check(context.Background(), stage)
	if err != nil {
		t.Fatal(err)
	}
	want := []string{`numeric identity changed: "portable f32" → "avx512 f32"`}
	if diff := cmp.Diff(want, verdict.Reasons); diff != "" {
		t.Errorf("reasons (-want +got):\n%s", diff)
	}
}

func TestStampReadsBackAsWritten(t *testing.T) {
	d, stage := stamped(t)
	written, err := d.WriteStamp(context.Background(), stage, []string{d.Round(0).Merged(), d.Round(0).Negatives(rundir.Train)})
	if err != nil {
		t.Fatal(err)
	}
	read, err := d.ReadStamp(0, "mine")
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(written, read); diff != "" {
		t.Errorf("(-written +read):\n%s", diff)
	}
	// SHA-256 of "a" (FIPS 180: known answer).
	want := rundir.Output{Path: "round-0/negatives.jsonl", SHA256: "ca978112ca1bbdcafac231b39a23dc4da786eff8147c4e72b9807785afee48bb", Size: 1}
	if got, _ := read.Output(want.Path); got != want {
		t.Errorf("got %+v, want %+v", got, want)
	}
	if err := d.DropStamp(0, "mine"); err != nil {
		t.Fatal(err)
	}
	if verdict, _ := d.Check(context.Background(), stage); verdict.Fresh() {
		t.Error("fresh without a stamp")
	}
}

func TestStampRefuses(t *testing.T) {
	d, stage := stamped(t)
	if _, err := d.WriteStamp(context.Background(), stage, []string{t.TempDir()}); err == nil {
		t.Error("an output outside the run directory was stamped")
	}
	stage.Inputs = append(stage.Inputs, stage.Inputs[0])
	if _, err := d.WriteStamp(context.Background(), stage, nil); err == nil {
		t.Error("two inputs of one name were stamped")
	}
	cancelled, cancel := context.WithCancel(context.Background())
	cancel()
	if _, err := d.WriteStamp(cancelled, stageForTest(), []string{d.Round(0).Merged()}); err == nil {
		t.Error("a cancelled context was ignored")
	}
}

func TestTreeDigestSeesNamesAndContent(t *testing.T) {
	digest := func(files map[string]string) string {
		dir := t.TempDir()
		for name, content := range files {
			write(name, content)(t, dir)
		}
		d, err := rundir.TreeDigest(context.Background(), rundir.OS{}, dir)
		if err != nil {
			t.Fatal(err)
		}
		return d
	}
	base := digest(map[string]string{"a": "1", "sub/b": "2"})
	if again := digest(map[string]string{"sub/b": "2", "a": "1", ".c.tmp": "half"}); again != base {
		t.Error("the same files have another digest")
	}
	for name, other := range map[string]map[string]string{
		"content": {"a": "2", "sub/b": "2"},
		"name":    {"c": "1", "sub/b": "2"},
		"place":   {"a": "1", "b": "2"},
		"more":    {"a": "1", "sub/b": "2", "sub/c": ""},
	} {
		if digest(other) == base {
			t.Errorf("another %s has the same digest", name)
		}
	}
}

// stamped is a run directory with one finished stage.
func stamped(t *testing.T) (*rundir.Dir, rundir.Stage) {
	t.Helper()
	path := filepath.Join(t.TempDir(), "run")
	d := open(t, path, rundir.OpenOptions{Create: true, Identity: "portable f32"})
	t.Cleanup(func() { d.Close() })
	write("round-0/negatives.jsonl", "a")(t, path)
	write("round-0/merged/1_Pooling/config.json", "{}")(t, path)
	write("round-0/merged/model.safetensors", "weights")(t, path)
	stage := stageForTest()
	if _, err := d.WriteStamp(context.Background(), stage, []string{d.Round(0).Negatives(rundir.Train), d.Round(0).Merged()}); err != nil {
		t.Fatal(err)
	}
	if _, err := os.Stat(d.Stamp(0, "mine")); err != nil {
		t.Fatal(err)
	}
	return d, stage
}
