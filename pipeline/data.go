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
	also     []evalSet           // of data.also, in its order, and what data.sets hold out

	name    string                       // of one of data.sets; empty of the run's own
	shared  bool                         // the corpus of one of data.sets is the run's own
	sets    []*data                      // of data.sets, in its order
	corpora map[corpusKey]*corpus.Corpus // read so far
}

// corpusKey is what makes a file of passages another corpus.
type corpusKey struct{ file, idField, groupField string }

// evalSet is queries that a model is scored on, and the passages that they are searched in.
type evalSet struct {
	split   rundir.Split
	corpus  *corpus.Corpus
	queries []corpus.Query
	also    *recipe.Also // its entry in data.also; nil of dev and test
	role    string       // of its corpus among the run's files
	at      string       // the key that names its queries
	set     int          // 1 + the place in data.sets of the set that holds it out; 0 of others
}

// set is a split of the run's own.
func (d *data) set(split rundir.Split) evalSet {
	return evalSet{split: split, corpus: d.corpus, queries: d.queries[split], role: "corpus", at: "data." + string(split)}
}

// readData reads all texts that a recipe names. Files that are not there are told of together; other faults end the reading.
func readData(ctx context.Context, r *recipe.Recipe, fsys rundir.FS) (*data, error) {
	fsys = rundir.RowFiles(fsys)
	if err := missingFiles(r, fsys); err != nil {
		return nil, err
	}
	d := &data{queries: map[rundir.Split][]corpus.Query{}, corpora: map[corpusKey]*corpus.Corpus{}}
	o := corpus.ReadOptions{IDField: r.Data.IDField, GroupField: r.Data.GroupField, Fields: exampleFields(r)}
	var err error
	if d.corpus, err = d.readCorpus(ctx, fsys, r.At("data.corpus"), "corpus", r.Data.Corpus, corpus.ReadOptions{IDField: o.IDField, GroupField: r.Data.PassageGroupField}); err != nil {
		return nil, err
	}
	for _, s := range []struct {
		split rundir.Split
		path  recipe.Path
	}{{rundir.Train, r.Data.Train}, {rundir.Dev, r.Data.Dev}, {rundir.Test, r.Data.Test}} {
		if s.path.File == "" {
			continue
		}
		if d.queries[s.split], err = d.readQueries(ctx, fsys, r.At("data."+string(s.split)), string(s.split), s.path, d.corpus, o, r.Prompts.FromRow); err != nil {
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
	if err := d.readSets(ctx, fsys, r); err != nil {
		return nil, err
	}
	return d, d.checkLeaks(r)
}

// readCorpus reads passages. A corpus that several sets name alike is read once.
func (d *data) readCorpus(ctx context.Context, fsys rundir.FS, at, role string, path recipe.Path, o corpus.ReadOptions) (*corpus.Corpus, error) {
	key := corpusKey{path.File, o.IDField, o.GroupField}
	err := d.read(ctx, fsys, at, role, path, func(f io.Reader, name string) (int, []corpus.Warning, error) {
		var warnings []corpus.Warning
		if d.corpora[key] == nil {
			read, more, err := corpus.ReadPassages(f, name, o)
			if err != nil {
				return 0, nil, err
			}
			d.corpora[key], warnings = read, more
		}
		return d.corpora[key].Len(), warnings, nil
	})
	return d.corpora[key], err
}

// same says whether two corpora are the same passages under the same ids: whatever else was read of the file.
func (d *data) same(a, b *corpus.Corpus) bool {
	if a == b {
		return true
	}
	var of [2]corpusKey
	for key, c := range d.corpora {
		key.groupField = ""
		switch c {
		case a:
			of[0] = key
		case b:
			of[1] = key
		}
	}
	return of[0] == of[1] && of[0].file != ""
}

// readQueries reads queries over a corpus, at least one.
func (d *data) readQueries(ctx context.Context, fsys rundir.FS, at, role string, path recipe.Path, over *corpus.Corpus, o corpus.ReadOptions, fromRow bool) (queries []corpus.Query, err error) {
	err = d.read(ctx, fsys, at, role, path, func(f io.Reader, name string) (int, []corpus.Warning, error) {
		var warnings []corpus.Warning
		queries, warnings, err = corpus.ReadQueries(f, name, over, o)
		if err == nil && fromRow {
			err = corpus.CheckPrompts(queries, name)
		}
		if err == nil && len(queries) == 0 {
			err = fmt.Errorf("%s: no queries", name)
		}
		return len(queries), warnings, err
	})
	return queries, err
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
	d.addSource(rundir.Source{Name: path.Written, Digest: digest})
	d.files = append(d.files, rundir.ManifestData{Role: role, Name: path.Written, Digest: digest, Count: count})
	return nil
}

// addSource notes a file, once: sets may share it.
func (d *data) addSource(s rundir.Source) {
	if !slices.Contains(d.sources, s) {
		d.sources = append(d.sources, s)
	}
}

// leaking is what a held-out set shares with one that must not know it.
type leaking struct {
	known    string // what of the run knows it
	from, to string // roles of their files
	at       string // the key that names the held-out set
	leaks    []corpus.Leak
}

// leaksOf are held-out queries that others know. Ids and groups mean the same thing only where both are over one corpus.
func (d *data) leaksOf(known []corpus.Query, in *corpus.Corpus, held evalSet) []corpus.Leak {
	leaks := corpus.Leaks(known, held.queries)
	if d.same(held.corpus, in) {
		return leaks
	}
	var texts []corpus.Leak
	for _, l := range leaks {
		if l.Kind == corpus.LeakText {
			texts = append(texts, l)
		}
	}
	return texts
}

// checkLeaks refuses held-out queries that training sees, and test queries that epochs are chosen by.
func (d *data) checkLeaks(r *recipe.Recipe) error {
	dev, test := d.set(rundir.Dev), d.set(rundir.Test)
	var found []leaking
	add := func(known string, by *data, split rundir.Split, held evalSet) {
		found = append(found, leaking{known, by.role(string(split)), string(held.split), held.at, d.leaksOf(by.queries[split], by.corpus, held)})
	}
	add("training", d, rundir.Train, dev)
	add("training", d, rundir.Train, test)
	add("dev, which chooses epochs", d, rundir.Dev, test)
	for _, set := range d.also {
		add("training", d, rundir.Train, set)
	}
	for _, one := range d.sets {
		for _, held := range append([]evalSet{dev, test}, d.also...) {
			add("training, by the set "+one.name, one, rundir.Train, held)
		}
	}
	for _, pair := range found {
		if len(pair.leaks) == 0 {
			continue
		}
		rows, text := corpus.DescribeLeaks(pair.leaks, d.manifestOf(pair.from).Name, d.manifestOf(pair.to).Name)
		if !r.Data.AllowLeakage {
			return fmt.Errorf("%s: %d %s queries are known from %s; remove them, or set data.allow_leakage: true%s", r.At(pair.at), rows, pair.to, pair.known, text)
		}
		d.warnings = append(d.warnings, fmt.Sprintf("%d %s queries are known from %s, allowed by data.allow_leakage", rows, pair.to, pair.known))
	}
	return nil
}

// role is a file of the data among all files of the run.
func (d *data) role(role string) string {
	if d.name == "" || role == "corpus" && d.shared {
		return role
	}
	return role + " of " + rundir.TrainingSet(d.name)
}

// manifestOf is the file of a role among all files of the run, of which there is none where its digest says so.
func (d *data) manifestOf(role string) rundir.ManifestData {
	for _, f := range d.files {
		if f.Role == role {
			return f
		}
	}
	return rundir.ManifestData{Role: role, Name: role, Digest: "none"}
}

// input is a data file as a stage's input.
func (d *data) input(role string) rundir.Input {
	f := d.manifestOf(d.role(role))
	return rundir.Input{Name: f.Role, Digest: f.Digest}
}

// judged is a set's judgments for evaluation; a query is seen when training has one of its positives, which only passages
// of a corpus that is trained on can be.
func (d *data) judged(set evalSet) []eval.Judged {
	trained := map[int32]bool{}
	for _, q := range d.trainedIn(set.corpus) {
		for _, p := range q.Positives {
			trained[p] = true
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
