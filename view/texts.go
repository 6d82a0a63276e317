package view

import (
	"context"
	"errors"
	"fmt"
	"io"

	"github.com/quarry-ml/quarry/corpus"
	"github.com/quarry-ml/quarry/rundir"
)

// Files are the texts that a run was made of, and how they are read.
type Files struct {
	Corpus, Train, Dev  string // paths
	IDField, GroupField string // as in the recipe; may be empty
	Sets                []SetFiles
	Held                []HeldFiles

	Folder string // that the recipe's relative paths start at; empty is the one that holds the folder of the run directory
}

// SetFiles are the texts of a set of the recipe's data.sets.
type SetFiles struct {
	Name                string
	Corpus              string // empty for the run's own
	Train               string
	IDField, GroupField string
}

// HeldFiles are the texts of a set that epochs are scored on besides dev: the test split, or one of the recipe's data.also.
type HeldFiles struct {
	Split               rundir.Split // test, or rundir.AlsoSplit of its name
	Corpus              string       // empty for the run's own
	Queries             string
	IDField, GroupField string
}

// passages is a corpus that queries of the run search.
type passages struct {
	corpus        *corpus.Corpus
	digest        string
	path, idField string
	first         rundir.Split // of the sets over it
}

// set is the queries of a split, and what the rounds know of them.
type set struct {
	name    rundir.Split
	split   rundir.Split // of its files
	folder  string       // of the rounds' folders of sets; empty for the run's own data
	over    *passages
	digest  string
	queries []corpus.Query
	byKey   map[string]int32
	byText  map[string][]int32 // stripped
	rounds  map[int]*searched
	mined   map[int]*mined
	held    bool // from mining: epochs alone rank it
}

// setSplit is what the training queries of a set of data.sets are called. No split of the run itself is called so.
func setSplit(name string) rundir.Split { return rundir.Split(rundir.TrainingSet(name)) }

// trained says whether the set's queries are trained on: their negatives may be doubted, and mining goes by verdicts on them.
func (s *set) trained() bool { return s.split == rundir.Train }

// readPassages reads a corpus. One that two sets name, to be read alike, is read once.
func (r *run) readPassages(ctx context.Context, role, path, idField string) (*passages, error) {
	for _, known := range r.corpora {
		if known.path == path && known.idField == idField {
			return known, nil
		}
	}
	p := &passages{path: path, idField: idField}
	var err error
	p.digest, err = r.read(ctx, role, path, func(f io.Reader) (err error) {
		p.corpus, _, err = corpus.ReadPassages(f, path, corpus.ReadOptions{IDField: idField})
		return err
	})
	r.corpora = append(r.corpora, p)
	return p, err
}

// readSet reads the queries of a set.
func (r *run) readSet(ctx context.Context, s *set, path, idField, groupField string) error {
	var err error
	s.digest, err = r.read(ctx, string(s.name), path, func(f io.Reader) (err error) {
		s.queries, _, err = corpus.ReadQueries(f, path, s.over.corpus, corpus.ReadOptions{IDField: idField, GroupField: groupField})
		return err
	})
	if err != nil {
		return err
	}
	if s.over.first == "" {
		s.over.first = s.name
	}
	s.index()
	r.sets[s.name], r.order = s, append(r.order, s.name)
	return nil
}

// read reads a file, or the rows of a data set's folder, and returns its digest.
func (r *run) read(ctx context.Context, role, path string, parse func(io.Reader) error) (digest string, err error) {
	files := rundir.RowFiles(r.dir.FS)
	if digest, _, err = rundir.DigestFile(ctx, files, path); err != nil {
		return "", fmt.Errorf("%s: %w", role, err)
	}
	f, err := files.Open(path)
	if err != nil {
		return "", err
	}
	defer func() { err = errors.Join(err, f.Close()) }()
	return digest, parse(f)
}

// same says whether a set of another run is of the same data, so that places in one are those in the other.
func (s *set) same(other *set) bool {
	return other != nil && s.digest == other.digest && s.over.digest == other.over.digest
}

// index makes the set's look-ups.
func (s *set) index() {
	s.byKey, s.byText = make(map[string]int32, len(s.queries)), map[string][]int32{}
	s.rounds, s.mined = map[int]*searched{}, map[int]*mined{}
	for i, q := range s.queries {
		s.byKey[q.Key] = int32(i)
		s.byText[q.Stripped()] = append(s.byText[q.Stripped()], int32(i))
	}
}
