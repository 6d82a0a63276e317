package view

import (
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"path/filepath"
	"strings"

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

	Folder string // that the recipe's relative paths start at; empty is the one that holds the folder of the run directory
}

// Splits are the sets of queries that a run searches.
var splits = []rundir.Split{rundir.Train, rundir.Dev}

// run is a run directory with its texts. Texts are read once; files of rounds anew when they have changed.
type run struct {
	dir     *rundir.Dir
	corpus  *corpus.Corpus
	digests map[string]string // of corpus.jsonl, train.jsonl, dev.jsonl, by role
	sets    map[rundir.Split]*set
	folder  string // that the recipe's relative paths start at
	ranked  keptEpochs
	byEpoch map[ranker]*searched // what epochs rank for dev
}

// set is the queries of a split, and what the rounds know of them.
type set struct {
	queries []corpus.Query
	lower   []string // texts for searching
	byKey   map[string]int32
	byText  map[string][]int32 // stripped
	rounds  map[int]*searched
	mined   map[int]*mined
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
}

// openRun reads the texts of a run. They must be those that the run was made of.
func openRun(ctx context.Context, dir *rundir.Dir, files Files) (*run, error) {
	r := &run{dir: dir, digests: map[string]string{}, sets: map[rundir.Split]*set{}, folder: files.Folder}
	if r.folder == "" {
		r.folder = filepath.Join(filepath.Dir(dir.Recipe()), "..", "..") // runs/NAME beside the recipe
	}
	err := r.read(ctx, "corpus", files.Corpus, func(f io.Reader) (err error) {
		r.corpus, _, err = corpus.ReadPassages(f, files.Corpus, corpus.ReadOptions{IDField: files.IDField})
		return err
	})
	if err != nil {
		return nil, err
	}
	for _, s := range splits {
		path := files.Train
		if s == rundir.Dev {
			path = files.Dev
		}
		err := r.read(ctx, string(s), path, func(f io.Reader) error {
			queries, _, err := corpus.ReadQueries(f, path, r.corpus, corpus.ReadOptions{IDField: files.IDField, GroupField: files.GroupField})
			r.sets[s] = newSet(queries)
			return err
		})
		if err != nil {
			return nil, err
		}
	}
	return r, nil
}

func (r *run) read(ctx context.Context, role, path string, parse func(io.Reader) error) (err error) {
	digest, _, err := rundir.DigestFile(ctx, r.dir.FS, path)
	if err != nil {
		return fmt.Errorf("%s: %w", role, err)
	}
	r.digests[role] = digest
	f, err := r.dir.FS.Open(path)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, f.Close()) }()
	return parse(f)
}

func newSet(queries []corpus.Query) *set {
	s := &set{queries: queries, lower: make([]string, len(queries)), byKey: make(map[string]int32, len(queries)), byText: map[string][]int32{}, rounds: map[int]*searched{}, mined: map[int]*mined{}}
	for i, q := range queries {
		s.lower[i] = strings.ToLower(q.Key + "\n" + q.Text)
		s.byKey[q.Key] = int32(i)
		s.byText[q.Stripped()] = append(s.byText[q.Stripped()], int32(i))
	}
	return s
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
	path, s := r.dir.Round(round).Candidates(split), r.sets[split]
	state, err := stateOf(r.dir, path)
	if err != nil || state == "" {
		return nil, err
	}
	if was := s.rounds[round]; was != nil && was.state == state {
		return was, nil
	}
	now, err := r.openCandidates(path, state, split)
	if err != nil {
		return nil, err
	}
	s.rounds[round] = now
	return now, nil
}

func (r *run) openCandidates(path, state string, split rundir.Split) (*searched, error) {
	info, err := r.dir.FS.Stat(path)
	if err != nil {
		return nil, err
	}
	file := &pieces{dir: r.dir, path: path, state: state}
	x, err := candidates.OpenIndex(file, info.Size(), path)
	if err == nil {
		if h := x.Header(); h.CorpusDigest != r.digests["corpus"] || h.QueriesDigest != r.digests[string(split)] || h.Queries != len(r.sets[split].queries) {
			err = fmt.Errorf("%s: candidates of other data than %s and corpus are now", path, split)
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
	state, err := stateOf(r.dir, r.dir.Round(round).Negatives(split))
	if err != nil || state == "" {
		return nil, err
	}
	if was := s.mined[round]; was != nil && was.state == state {
		return was.negatives, nil
	}
	all := make([][]negative, len(s.queries))
	err = r.dir.EachMined(round, split, func(m provenance.Row) error {
		q, ok := s.queryOf(m)
		if !ok {
			return fmt.Errorf("%s: query %q is not in %s", r.dir.Round(round).Negatives(split), m.Key, split)
		}
		for _, n := range m.Negatives {
			p, ok := r.corpus.ByID(n.ID)
			if !ok {
				return fmt.Errorf("%s: passage %q is not in the corpus", r.dir.Round(round).Negatives(split), n.ID)
			}
			one := negative{passage: p, rank: -1}
			if n.Rank != nil {
				one.rank = *n.Rank
			}
			all[q] = append(all[q], one)
		}
		return nil
	})
	if err != nil {
		return nil, err
	}
	s.mined[round] = &mined{state: state, negatives: all}
	return all, nil
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
