package view

import (
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"path/filepath"

	"github.com/quarry-ml/quarry/format/candidates"
	"github.com/quarry-ml/quarry/ranking"
	"github.com/quarry-ml/quarry/rundir"
)

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
