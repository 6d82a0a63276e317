package pipeline

import (
	"context"
	"fmt"
	"io"
	"slices"

	"github.com/quarry-ml/quarry/corpus"
	"github.com/quarry-ml/quarry/eval"
	"github.com/quarry-ml/quarry/incontext"
	"github.com/quarry-ml/quarry/recipe"
	"github.com/quarry-ml/quarry/rundir"
)

// data is the texts of a run, read once and checked against each other.
type data struct {
	corpus   *corpus.Corpus
	queries  map[rundir.Split][]corpus.Query
	sources  []rundir.Source
	files    []rundir.ManifestData
	warnings []string

	examples []incontext.Example // nil without data.examples
	also     []evalSet           // of data.also, in its order
}

// evalSet is queries that a model is scored on, and the passages that they are searched in.
type evalSet struct {
	split   rundir.Split
	corpus  *corpus.Corpus
	queries []corpus.Query
	also    *recipe.Also // its entry in data.also; nil of dev and test
}

// set is a split of the run's own.
func (d *data) set(split rundir.Split) evalSet {
	return evalSet{split: split, corpus: d.corpus, queries: d.queries[split]}
}

func readData(ctx context.Context, r *recipe.Recipe, fsys rundir.FS) (*data, error) {
	d := &data{queries: map[rundir.Split][]corpus.Query{}}
	o := corpus.ReadOptions{IDField: r.Data.IDField, GroupField: r.Data.GroupField, Fields: exampleFields(r)}
	err := d.read(ctx, fsys, r.At("data.corpus"), "corpus", r.Data.Corpus, func(f io.Reader, name string) (int, []corpus.Warning, error) {
		var warnings []corpus.Warning
		var err error
		d.corpus, warnings, err = corpus.ReadPassages(f, name, corpus.ReadOptions{IDField: o.IDField, GroupField: r.Data.PassageGroupField})
		if err != nil {
			return 0, nil, err
		}
		return d.corpus.Len(), warnings, nil
	})
	if err != nil {
		return nil, err
	}
	for _, s := range []struct {
		split rundir.Split
		path  recipe.Path
	}{{rundir.Train, r.Data.Train}, {rundir.Dev, r.Data.Dev}, {rundir.Test, r.Data.Test}} {
		if s.path.File == "" {
			continue
		}
		err := d.read(ctx, fsys, r.At("data."+string(s.split)), string(s.split), s.path, func(f io.Reader, name string) (int, []corpus.Warning, error) {
			queries, warnings, err := corpus.ReadQueries(f, name, d.corpus, o)
			d.queries[s.split] = queries
			if err == nil && r.Prompts.FromRow {
				err = corpus.CheckPrompts(queries, name)
			}
			if err == nil && len(queries) == 0 {
				err = fmt.Errorf("%s: no queries", name)
			}
			return len(queries), warnings, err
		})
		if err != nil {
			return nil, err
		}
	}
	if r.Data.Examples.File != "" {
		err := d.read(ctx, fsys, r.At("data.examples"), "examples", r.Data.Examples, func(f io.Reader, name string) (int, []corpus.Warning, error) {
			var err error
			d.examples, err = incontext.Read(f, name, o.Fields)
			return len(d.examples), nil, err
		})
		if err != nil {
			return nil, err
		}
	}
	if err := d.readAlso(ctx, fsys, r); err != nil {
		return nil, err
	}
	return d, d.checkLeaks(r)
}

// read opens one file (at is its place in the recipe), lets it be read, and records its digest.
func (d *data) read(ctx context.Context, fsys rundir.FS, at, role string, path recipe.Path, parse func(io.Reader, string) (int, []corpus.Warning, error)) error {
	digest, _, err := rundir.DigestFile(ctx, fsys, path.File)
	if err != nil {
		return fmt.Errorf("%s: data.%s: %w", at, role, err)
	}
	f, err := fsys.Open(path.File)
	if err != nil {
		return fmt.Errorf("%s: data.%s: %w", at, role, err)
	}
	defer f.Close()
	count, warnings, err := parse(f, path.Written)
	if err != nil {
		return err
	}
	for _, w := range warnings {
		d.warnings = append(d.warnings, w.String())
	}
	if source := (rundir.Source{Name: path.Written, Digest: digest}); !slices.Contains(d.sources, source) { // sets may share a file
		d.sources = append(d.sources, source)
	}
	d.files = append(d.files, rundir.ManifestData{Role: role, Name: path.Written, Digest: digest, Count: count})
	return nil
}

// leaking is what a held-out set shares with one that must not know it.
type leaking struct {
	from, to rundir.Split
	at       string // the key that names the held-out set
	leaks    []corpus.Leak
}

// checkLeaks refuses held-out queries that training sees, and test queries that epochs are chosen by.
func (d *data) checkLeaks(r *recipe.Recipe) error {
	var found []leaking
	for _, pair := range []struct{ from, to rundir.Split }{
		{rundir.Train, rundir.Dev}, {rundir.Train, rundir.Test}, {rundir.Dev, rundir.Test},
	} {
		found = append(found, leaking{pair.from, pair.to, "data." + string(pair.to), corpus.Leaks(d.queries[pair.from], d.queries[pair.to])})
	}
	for i, set := range d.also {
		found = append(found, leaking{rundir.Train, set.split, fmt.Sprintf("data.also[%d].queries", i), d.alsoLeaks(set)})
	}
	for _, pair := range found {
		if len(pair.leaks) == 0 {
			continue
		}
		rows, text := corpus.DescribeLeaks(pair.leaks, d.file(pair.from), d.file(pair.to))
		known := "training"
		if pair.from == rundir.Dev {
			known = "dev, which chooses epochs"
		}
		if !r.Data.AllowLeakage {
			return fmt.Errorf("%s: %d %s queries are known from %s; remove them, or set data.allow_leakage: true%s", r.At(pair.at), rows, pair.to, known, text)
		}
		d.warnings = append(d.warnings, fmt.Sprintf("%d %s queries are known from %s, allowed by data.allow_leakage", rows, pair.to, known))
	}
	return nil
}

func (d *data) file(split rundir.Split) string {
	for _, f := range d.files {
		if f.Role == string(split) {
			return f.Name
		}
	}
	return string(split)
}

// input is a data file as a stage's input.
func (d *data) input(role string) rundir.Input {
	for _, f := range d.files {
		if f.Role == role {
			return rundir.Input{Name: role, Digest: f.Digest}
		}
	}
	return rundir.Input{Name: role, Digest: "none"}
}

// judged is a set's judgments for evaluation; a query is seen when training has one of its positives, which only passages
// of the run's own corpus can be.
func (d *data) judged(set evalSet) []eval.Judged {
	trained := map[int32]bool{}
	for _, q := range d.queries[rundir.Train] {
		for _, p := range q.Positives {
			trained[p] = set.corpus == d.corpus
		}
	}
	judged := make([]eval.Judged, 0, len(set.queries))
	for _, q := range set.queries {
		j := eval.Judged{Query: q.Key, Group: q.Group}
		if own, ok := set.corpus.ByID(q.ID); ok && q.ID != "" {
			j.OwnID = []int32{own}
		}
		for _, p := range q.Positives {
			j.Grades = append(j.Grades, eval.Grade{Passage: p, Grade: 1})
			j.Seen = j.Seen || trained[p]
		}
		judged = append(judged, j)
	}
	return judged
}

// answers is what is known to answer the queries of a split: by the rows of train and of the split itself.
func (d *data) answers(split rundir.Split) corpus.Answers {
	if split == rundir.Train {
		return d.corpus.AnswersOf(d.queries[split])
	}
	return d.corpus.AnswersOf(d.queries[rundir.Train], d.queries[split])
}
