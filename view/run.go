package view

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"path/filepath"
	"slices"

	"github.com/quarry-ml/quarry/corpus"
	"github.com/quarry-ml/quarry/format/candidates"
	"github.com/quarry-ml/quarry/format/provenance"
	"github.com/quarry-ml/quarry/ranking"
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

// run is a run directory with its texts. Texts are read once; files of rounds anew when they have changed.
type run struct {
	dir     *rundir.Dir
	corpora []*passages // the run's own, then those that sets of data.sets have for themselves
	sets    map[rundir.Split]*set
	order   []rundir.Split // train and dev, then the training queries of data.sets as setSplit calls them, then what else epochs are scored on
	folder  string         // that the recipe's relative paths start at
	ranked  keptEpochs
	byEpoch map[rankedSet]*searched // what epochs rank
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

// files are a round's files of the set.
func (r *run) files(s *set, round int) rundir.RoundLayout {
	if s.folder == "" {
		return r.dir.Round(round)
	}
	return r.dir.Round(round).Set(s.folder)
}

// searched is the candidates of a round, and the rank of the best positive of each query, counted from 0; -1 is none.
type searched struct {
	state string
	file  *pieces
	index *candidates.Index
	ranks []int32 // nil until it is asked for
}

// mined is the negatives of each query.
type mined struct {
	state     string
	negatives [][]negative
}

type negative struct {
	passage int32
	rank    int32 // -1 where it was drawn at random

	teacher, positive *float32 // scores by the round's teacher, of it and of the row's lowest positive; nil without
}

// taughtAbove says whether the round's teacher scores the negative at least as high as the row's lowest positive.
func (n negative) taughtAbove() bool { return n.teacher != nil && *n.teacher >= *n.positive }

// openRun reads the texts of a run. They must be those that the run was made of.
func openRun(ctx context.Context, dir *rundir.Dir, files Files) (*run, error) {
	r := &run{dir: dir, sets: map[rundir.Split]*set{}, folder: files.Folder}
	if r.folder == "" {
		r.folder = filepath.Join(filepath.Dir(dir.Recipe()), "..", "..") // runs/NAME beside the recipe
	}
	own, err := r.readPassages(ctx, "corpus", files.Corpus, files.IDField)
	if err != nil {
		return nil, err
	}
	for _, s := range []*set{{name: rundir.Train, split: rundir.Train, over: own}, {name: rundir.Dev, split: rundir.Dev, over: own}} {
		path := files.Train
		if s.split == rundir.Dev {
			path = files.Dev
		}
		if err := r.readSet(ctx, s, path, files.IDField, files.GroupField); err != nil {
			return nil, err
		}
	}
	for _, f := range files.Sets {
		s := &set{name: setSplit(f.Name), split: rundir.Train, folder: f.Name, over: own}
		if f.Corpus != "" {
			if s.over, err = r.readPassages(ctx, "corpus of "+string(s.name), f.Corpus, f.IDField); err != nil {
				return nil, err
			}
		}
		if err := r.readSet(ctx, s, f.Train, f.IDField, f.GroupField); err != nil {
			return nil, err
		}
	}
	for _, f := range files.Held {
		s := &set{name: f.Split, split: f.Split, over: own, held: true}
		if f.Corpus != "" {
			if s.over, err = r.readPassages(ctx, "corpus of "+string(s.name), f.Corpus, f.IDField); err != nil {
				return nil, err
			}
		}
		if err := r.readSet(ctx, s, f.Queries, f.IDField, f.GroupField); err != nil {
			return nil, err
		}
	}
	return r, nil
}

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

// read reads a file and returns its digest.
func (r *run) read(ctx context.Context, role, path string, parse func(io.Reader) error) (digest string, err error) {
	if digest, _, err = rundir.DigestFile(ctx, r.dir.FS, path); err != nil {
		return "", fmt.Errorf("%s: %w", role, err)
	}
	f, err := r.dir.FS.Open(path)
	if err != nil {
		return "", err
	}
	defer func() { err = errors.Join(err, f.Close()) }()
	return digest, parse(f)
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

// release closes the files that a request has opened: an open file would be in the way of a run that replaces it, on
// systems that are strict about that.
func (r *run) release() error {
	var failed error
	for _, s := range r.sets {
		for _, round := range s.rounds {
			failed = errors.Join(failed, round.file.Close())
		}
	}
	for _, epoch := range r.byEpoch {
		failed = errors.Join(failed, epoch.file.Close())
	}
	return failed
}

// searched is the numbers of the rounds that have candidates of dev, and with them of train.
func (r *run) searched() ([]int, error) {
	rounds, err := r.rounds()
	found := []int{}
	for _, i := range rounds {
		there, failed := r.dir.Exists(r.dir.Round(i).Candidates(rundir.Dev))
		err = errors.Join(err, failed)
		if there {
			found = append(found, i)
		}
	}
	return found, err
}

// rounds is the numbers of the rounds that have a directory.
func (r *run) rounds() ([]int, error) {
	all := []int{}
	for i := 0; ; i++ {
		there, err := r.dir.Exists(r.dir.Round(i).Dir())
		if err != nil || !there {
			return all, err
		}
		all = append(all, i)
	}
}

// candidates returns what a round's search kept of a split; nil where it has not searched.
func (r *run) candidates(round int, split rundir.Split) (*searched, error) {
	s := r.sets[split]
	path := r.files(s, round).Candidates(s.split)
	state, err := stateOf(r.dir, path)
	if err != nil || state == "" {
		return nil, err
	}
	if was := s.rounds[round]; was != nil && was.state == state {
		return was, nil
	}
	now, err := r.openCandidates(path, state, s)
	if err != nil {
		return nil, err
	}
	s.rounds[round] = now
	return now, nil
}

func (r *run) openCandidates(path, state string, s *set) (*searched, error) {
	info, err := r.dir.FS.Stat(path)
	if err != nil {
		return nil, err
	}
	file := &pieces{dir: r.dir, path: path, state: state}
	x, err := candidates.OpenIndex(file, info.Size(), path)
	if err == nil {
		if h := x.Header(); h.CorpusDigest != s.over.digest || h.QueriesDigest != s.digest || h.Queries != len(s.queries) {
			err = fmt.Errorf("%s: candidates of other data than %s and corpus are now", path, s.name)
		}
	}
	if err != nil {
		return nil, errors.Join(err, file.Close())
	}
	return &searched{state: state, file: file, index: x}, nil
}

// pieces reads a file in pieces, which is open from the first one to Close.
type pieces struct {
	dir   *rundir.Dir
	path  string
	state string // that the file has to be in
	file  io.ReadCloser
}

// ReadAt implements io.ReaderAt.
func (p *pieces) ReadAt(b []byte, offset int64) (int, error) {
	if p.file == nil {
		f, err := p.dir.FS.Open(p.path)
		if err != nil {
			return 0, err
		}
		p.file = f
		if state, err := stateOf(p.dir, p.path); err != nil || state != p.state {
			return 0, errors.Join(fmt.Errorf("%s has changed meanwhile: load again", p.path), err)
		}
	}
	at, ok := p.file.(io.ReaderAt)
	if !ok {
		return 0, fmt.Errorf("%s: cannot be read in pieces", p.path)
	}
	return at.ReadAt(b, offset)
}

// Close closes the file until the next piece.
func (p *pieces) Close() error {
	if p.file == nil {
		return nil
	}
	f := p.file
	p.file = nil
	return f.Close()
}

// bestRanks is the rank of the best positive of each query. The first call reads the whole file.
func (s *searched) bestRanks() ([]int32, error) {
	if s.ranks != nil {
		return s.ranks, nil
	}
	ranks := make([]int32, s.index.Header().Queries)
	for i := range ranks {
		c, err := s.index.At(i)
		if err != nil {
			return nil, err
		}
		ranks[i] = bestRank(c)
	}
	s.ranks = ranks
	return ranks, nil
}

func bestRank(c ranking.Candidates) int32 {
	if len(c.Positives) == 0 {
		return -1
	}
	return c.Positives[0].Rank
}

// negatives returns what a round mined for each query of a split; nil where it has not mined.
func (r *run) negatives(round int, split rundir.Split) ([][]negative, error) {
	s := r.sets[split]
	path := r.files(s, round).Negatives(s.split)
	state, err := stateOf(r.dir, path)
	if err != nil || state == "" {
		return nil, err
	}
	if was := s.mined[round]; was != nil && was.state == state {
		return was.negatives, nil
	}
	strange, err := r.eachMined(s, round, func(provenance.Row) error { return nil })
	if err := cmp.Or(err, strange); err != nil {
		return nil, err
	}
	return s.mined[round].negatives, nil
}

// eachMined visits what a round mined for a set, and keeps the negatives: what draws the charts and what lists the negatives
// read the same large file, which is parsed once for both. strange is a row of other data than the view's; nothing is kept then.
func (r *run) eachMined(s *set, round int, visit func(provenance.Row) error) (strange, err error) {
	path := r.files(s, round).Negatives(s.split)
	state, err := stateOf(r.dir, path)
	if err != nil {
		return nil, err
	}
	all := make([][]negative, len(s.queries))
	err = r.dir.EachMinedOf(r.files(s, round), s.split, func(m provenance.Row) error {
		if strange == nil {
			strange = s.take(all, path, m)
		}
		return visit(m)
	})
	if err == nil && strange == nil {
		s.mined[round] = &mined{state: state, negatives: all}
	}
	return strange, err
}

// take adds the negatives of a mined row to those of its query.
func (s *set) take(all [][]negative, path string, m provenance.Row) error {
	q, ok := s.queryOf(m)
	if !ok {
		return fmt.Errorf("%s: query %q is not in %s", path, m.Key, s.name)
	}
	all[q] = slices.Grow(all[q], len(m.Negatives))
	for _, n := range m.Negatives {
		p, ok := s.over.corpus.ByID(n.ID)
		if !ok {
			return fmt.Errorf("%s: passage %q is not in the corpus", path, n.ID)
		}
		one := negative{passage: p, rank: -1}
		if n.TeacherScore != nil && m.TeacherPositive != nil {
			one.teacher, one.positive = n.TeacherScore, m.TeacherPositive
		}
		if n.Rank != nil {
			one.rank = *n.Rank
		}
		all[q] = append(all[q], one)
	}
	return nil
}

// queryOf is the query that a mined row belongs to.
func (s *set) queryOf(m provenance.Row) (query int32, ok bool) {
	for _, key := range m.QueryKeys() {
		if query, ok = s.byKey[key]; ok {
			return query, true
		}
	}
	return 0, false
}

// stateOf tells one content of a file from the next, as a run replaces it; empty is no file.
func stateOf(d *rundir.Dir, path string) (string, error) {
	info, err := d.FS.Stat(path)
	if errors.Is(err, fs.ErrNotExist) {
		return "", nil
	}
	if err != nil {
		return "", err
	}
	return fmt.Sprintf("%d %d", info.Size(), info.ModTime().UnixNano()), nil
}
