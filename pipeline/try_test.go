package pipeline

import (
	"context"
	"fmt"
	"github.com/quarry-ml/quarry/compute/kernel"
	"github.com/quarry-ml/quarry/demo"
	"github.com/quarry-ml/quarry/recipe"
	"github.com/quarry-ml/quarry/rundir"
	"io"
	"os"
	"path/filepath"
	"testing"
	"time"
)

func TestDemoTry(t *testing.T) {
	dir := os.Getenv("DEMODIR")
	if dir == "" {
		t.Skip("x")
	}
	d, err := demo.Generate(demo.DefaultOptions())
	if err != nil {
		t.Fatal(err)
	}
	w := func(name string, f func(io.Writer) error) {
		if err := rundir.WriteFile(rundir.OS{}, filepath.Join(dir, name), f); err != nil {
			t.Fatal(err)
		}
	}
	w("corpus.jsonl", func(o io.Writer) error { return demo.WriteCorpus(o, d.Passages) })
	w("train.jsonl", func(o io.Writer) error { return demo.WriteQueries(o, d.Train) })
	w("dev.jsonl", func(o io.Writer) error { return demo.WriteQueries(o, d.Dev) })
	if err := d.WriteModel(fileSink(rundir.OS{}, filepath.Join(dir, "base")), demo.DefaultEncoder()); err != nil {
		t.Fatal(err)
	}
	if _, err := os.Stat(filepath.Join(dir, "recipe.yaml")); err != nil {
		w("recipe.yaml", func(o io.Writer) error { _, e := io.WriteString(o, demo.Recipe()); return e })
	}
	r, err := recipe.Load(filepath.Join(dir, "recipe.yaml"))
	if err != nil {
		t.Fatal(err)
	}
	fmt.Println(len(d.Passages), len(d.Train), len(d.Dev))
	t0 := time.Now()
	p, err := Open(context.Background(), r, Options{Path: kernel.Path(os.Getenv("QCPU")), Events: Events{Note: func(s string) { fmt.Printf("%6.1fs %s\n", time.Since(t0).Seconds(), s) }, Epoch: func(i int, s *rundir.Scores, _ *int) {
		e := s.Epochs[len(s.Epochs)-1]
		fmt.Printf("%6.1fs   round %d epoch %d loss %.4f %v %.4f unseen %.4f\n", time.Since(t0).Seconds(), i, e.Epoch, *e.EvalLoss, s.Measures, e.Dev.All, e.Dev.Unseen.Means)
	}}})
	if err != nil {
		t.Fatal(err)
	}
	if err := p.Run(context.Background()); err != nil {
		t.Fatal(err)
	}
	p.Close()
}
