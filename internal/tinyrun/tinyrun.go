// Package tinyrun writes small run directories, with the data they were made of, for the tests of what shows a run. Nothing
// in one was computed by a model: scores are drawn, the same for the same options, and rise for positives round by round.
package tinyrun

import (
	"context"
	"encoding/json"
	"fmt"
	"hash/fnv"
	"io"
	"path/filepath"

	"github.com/quarry-ml/quarry/internal/unsynced"
	"github.com/quarry-ml/quarry/rundir"
)

// Options says what is in a run; zero values take the defaults in parentheses.
type Options struct {
	Rounds   int // (2)
	Epochs   int // of a round, besides the base (3)
	Passages int // (40)
	Train    int // queries (12)
	Dev      int // queries (8)
	Test     int // queries; 0 is no test split, and others have scores with Ranked alone
	Depth    int // hits kept a query (20)
	Seed     uint64
	Rise     float64  // by which a round's training lifts the scores of positives (0.15)
	Name     string   // of the run (tiny)
	Hostile  []string // in place of the first texts of queries and passages, in their keys and ids, the reasons of choices, and the names of files and models
	Also     []string // sets of data.also that every epoch has scores on; with Ranked they have files, the second and later ones a corpus of their own
	Sets     []string // sets of data.sets, of as many queries as Train; the first is over the run's corpus, the others have one of their own
	ByQuery  bool     // scores of every epoch are kept by query, too
	Ranked   bool     // what every epoch ranks is kept, too
	Fused    bool     // rounds fuse the miner's ranking and another one, bm25, by reciprocal ranks
	Models   bool     // a teacher, a guide and a further model have a part in every round, as its manifest tells
	Unmined  bool     // no candidates and no negatives, as of rounds with source none
}

func (o Options) withDefaults() Options {
	for _, n := range []struct {
		value    *int
		standard int
	}{{&o.Rounds, 2}, {&o.Epochs, 3}, {&o.Passages, 40}, {&o.Train, 12}, {&o.Dev, 8}, {&o.Depth, 20}} {
		if *n.value == 0 {
			*n.value = n.standard
		}
	}
	if o.Name == "" {
		o.Name = "tiny"
	}
	if o.Rise == 0 {
		o.Rise = 0.15
	}
	return o
}

// Negatives is how many negatives each query has.
const Negatives = 4

// Run is a run directory and what it was made of.
type Run struct {
	Folder  string // of corpus.jsonl, train.jsonl, dev.jsonl, test.jsonl, those of sets (NAME.jsonl, NAME-corpus.jsonl) and runs/NAME
	Dir     string // the run directory
	options Options
	data    []rundir.Source
}

// Write makes the data in a folder and a finished run of it in runs/NAME.
func Write(folder string, o Options) (*Run, error) {
	r, err := Begin(folder, o)
	for round := 0; err == nil && round < r.options.Rounds; round++ {
		err = r.Round(round)
	}
	return r, err
}

// Begin makes the data, and a run directory without rounds.
func Begin(folder string, o Options) (*Run, error) {
	r := &Run{Folder: folder, options: o.withDefaults()}
	r.Dir = filepath.Join(folder, "runs", r.options.Name)
	type file struct {
		name  string
		count int
		row   func(i int) any
	}
	passages := func(prefix string) func(i int) any {
		return func(i int) any {
			return map[string]any{"id": r.PassageID(prefix, i), "text": prefix + r.passage(i)}
		}
	}
	files := []file{{"corpus.jsonl", r.options.Passages, passages("")}}
	for _, p := range append(r.parts(), r.held()...) {
		if p.prefix != "" {
			files = append(files, file{p.corpus, r.options.Passages, passages(p.prefix)})
		}
		files = append(files, file{p.queries, r.count(p.name), func(i int) any {
			return map[string]any{"id": r.Key(p.name, i), "query": r.query(p.name, i), "positive_ids": []string{r.PassageID(p.prefix, r.positive(p.name, i))}}
		}})
	}
	for _, file := range files {
		path := filepath.Join(folder, file.name)
		err := rundir.WriteFile(unsynced.FS{}, path, func(w io.Writer) error {
			encoder := json.NewEncoder(w)
			encoder.SetEscapeHTML(false)
			for i := range file.count {
				if err := encoder.Encode(file.row(i)); err != nil {
					return err
				}
			}
			return nil
		})
		if err != nil {
			return nil, err
		}
		digest, _, err := rundir.DigestFile(context.Background(), unsynced.FS{}, path)
		if err != nil {
			return nil, err
		}
		r.data = append(r.data, rundir.Source{Name: file.name, Digest: digest})
	}
	return r, r.within(func(d *rundir.Dir) error {
		text := fmt.Sprintf("version: 1\nname: %q\ndata:\n  corpus: corpus.jsonl\n  train: train.jsonl\n  dev: dev.jsonl\n", r.options.Name)
		if r.options.Test > 0 {
			text += "  test: test.jsonl\n"
		}
		for i, name := range r.options.Also {
			if i == 0 {
				text += "  also:\n"
			}
			text += fmt.Sprintf("    - name: %q\n", name)
			if r.options.Ranked {
				p := r.also(i)
				text += fmt.Sprintf("      queries: %q\n", p.queries)
				if p.prefix != "" {
					text += fmt.Sprintf("      corpus: %q\n", p.corpus)
				}
			}
		}
		for i, p := range r.parts()[2:] {
			if i == 0 {
				text += "  sets:\n"
			}
			text += fmt.Sprintf("    - name: %q\n      train: %q\n", p.set, p.queries)
			if p.prefix != "" {
				text += fmt.Sprintf("      corpus: %q\n", p.corpus)
			}
		}
		text += "rounds:\n"
		for range r.options.Rounds {
			text += "  - mine: {window: 1-10}\n"
		}
		return rundir.WriteFile(d.FS, d.Recipe(), func(w io.Writer) error {
			_, err := io.WriteString(w, text)
			return err
		})
	})
}

// digest is that of a data file.
func (r *Run) digest(name string) string {
	for _, source := range r.data {
		if source.Name == name {
			return source.Digest
		}
	}
	return ""
}

// Round writes everything of a round.
func (r *Run) Round(round int) error {
	for _, step := range []func(int) error{r.Mine, r.Train, r.Score, r.Finish} {
		if err := step(round); err != nil {
			return err
		}
	}
	return nil
}

// Mine writes candidates and negatives of a round.
func (r *Run) Mine(round int) error {
	if r.options.Unmined {
		return nil
	}
	return r.within(func(d *rundir.Dir) error {
		for _, p := range r.parts() {
			found := r.search(round, p)
			if r.options.Fused {
				r.fuse(found, p)
			}
			if err := r.writeCandidates(d, round, p, found); err != nil {
				return err
			}
			if err := r.writeNegatives(d, round, p, found); err != nil {
				return err
			}
		}
		return nil
	})
}

// Train writes the steps of a round.
func (r *Run) Train(round int) error {
	return r.within(func(d *rundir.Dir) error { return r.AddSteps(d, round, 1, r.options.Epochs*5) })
}

// AddSteps writes the steps from first to last, five an epoch, behind those that are there.
func (r *Run) AddSteps(d *rundir.Dir, round, first, last int) error {
	log, err := rundir.OpenSteps(d.FS, d.Round(round).Steps(), first-1)
	if err != nil {
		return err
	}
	for n := first; n <= last; n++ {
		loss := 3/float64(n) + draw(r.options.Seed, round, "loss", n)/4
		err := log.Append(rundir.Step{Step: n, Epoch: 1 + (n-1)/5, Loss: loss, LearningRate: 1e-3 / float64(n), GradientNorm: 1, Queries: 4, Columns: 8})
		if err != nil {
			return err
		}
	}
	return log.Close()
}

// Finish writes times and manifest of a round.
func (r *Run) Finish(round int) error {
	return r.within(func(d *rundir.Dir) error {
		times, err := rundir.OpenLines(d.FS, d.Times())
		if err != nil {
			return err
		}
		for i, stage := range []string{"embed", "search", "mine", "eval-epoch-0", "eval-epoch-1", "finetune", "merge"} {
			t := rundir.StageTime{Round: round, Stage: stage, Seconds: float64(i + 1), Start: "2026-01-02T03:04:05Z", Memory: int64(i+1) << 26}
			if err := times.JSON(t); err != nil {
				return err
			}
		}
		if err := times.Close(); err != nil {
			return err
		}
		return d.WriteManifest(r.manifest(round))
	})
}

// within opens the run directory for one piece of work.
func (r *Run) within(work func(*rundir.Dir) error) error {
	d, err := rundir.Open(r.Dir, rundir.OpenOptions{FS: unsynced.FS{}, Create: true, Data: r.data, Identity: "portable/f32/amd64/any"})
	if err != nil {
		return err
	}
	if err := work(d); err != nil {
		_ = d.Close() // the first error is the one to tell
		return err
	}
	return d.Close()
}

// draw is a number in [0, 1) of what it is for.
func draw(seed uint64, key ...any) float64 {
	h := fnv.New64a()
	fmt.Fprint(h, seed, key)
	x := h.Sum64()
	x ^= x >> 29 // neighbouring keys differ in low bits alone
	x *= 0xbf58476d1ce4e5b9
	x ^= x >> 32
	return float64(x>>11) / (1 << 53)
}
