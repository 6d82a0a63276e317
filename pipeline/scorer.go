package pipeline

import (
	"context"
	"errors"
	"fmt"
	"path/filepath"

	"github.com/quarry-ml/quarry/corpus"
	"github.com/quarry-ml/quarry/model"
	"github.com/quarry-ml/quarry/ranking"
	"github.com/quarry-ml/quarry/vectors"
)

// scorer ranks sets of queries with the model of one epoch, which it opens when it is first asked. Passages are embedded
// once for all sets that share them.
type scorer struct {
	*round
	epoch    int
	model    *model.Model
	passages []embedded
}

// embedded is a corpus as the scorer's model embeds it, in a temporary file.
type embedded struct {
	corpus *corpus.Corpus
	prompt model.Prompt
	length int // tokens kept of a passage
	rows   *vectors.Mapped
	done   func() error
}

// rank searches a set's queries in its corpus. label is what the work is called as it goes on.
func (s *scorer) rank(ctx context.Context, set evalSet, t texts, label string) ([]ranking.Candidates, error) {
	if s.model == nil {
		m, err := s.openEpoch(s.epoch)
		if err != nil {
			return nil, err
		}
		s.model = m
	}
	x, err := newEncoder(s.round, s.model, t)
	if err != nil {
		return nil, err
	}
	if set.set > 0 {
		x.limit = s.sets[set.set-1].limit
	}
	passages, err := s.embed(ctx, x, set, label)
	if err != nil {
		return nil, err
	}
	asked, done, err := x.keep(ctx, filepath.Join(s.files.Dir(), string(set.split)+".npy"), label+": "+string(set.split), len(set.queries), x.queriesOf(set.queries))
	if err != nil {
		return nil, err
	}
	found := make([]ranking.Candidates, 0, len(set.queries))
	err = s.round.rank(ctx, set.queries, asked.Data, passages.Matrix, set.corpus.Order(), s.evalDepth(set.corpus), nil, func(_ int, c ranking.Candidates) error {
		found = append(found, c)
		return nil
	})
	return found, errors.Join(err, done())
}

// embed returns the vectors of a set's passages.
func (s *scorer) embed(ctx context.Context, x *encoder, set evalSet, label string) (*vectors.Mapped, error) {
	for _, e := range s.passages {
		if e.corpus == set.corpus && e.prompt == x.texts.Passage && e.length == x.texts.PassageLength {
			return e.rows, nil
		}
	}
	path := filepath.Join(s.files.Dir(), fmt.Sprintf("corpus-%d.npy", len(s.passages)))
	rows, done, err := x.keep(ctx, path, label+": "+set.role, set.corpus.Len(), x.passagesOf(set.corpus))
	if err != nil {
		return nil, err
	}
	s.passages = append(s.passages, embedded{set.corpus, x.texts.Passage, x.texts.PassageLength, rows, done})
	return rows, nil
}

// close gives up the model and the vectors.
func (s *scorer) close() error {
	var failed error
	for _, e := range s.passages {
		failed = errors.Join(failed, e.done())
	}
	if s.model != nil {
		failed = errors.Join(failed, s.model.Close())
	}
	return failed
}
