package rerank

// shown is how far a call that asks block by block has come. What is told is of all blocks: pairs of later ones count as if the store
// lacked all of them, until their turn comes.
type shown struct {
	options Options
	asked   Asked
	pairs   int // of later blocks
	queries int // that have come
	before  int // done in earlier blocks, in the teacher's unit
	texts   *laterTexts
}

// next begins a block.
func (s *shown) next(b *block) {
	s.pairs -= len(b.pairs)
	s.queries += len(b.ends)
	if s.texts != nil {
		s.texts.remove(b.pairs)
	}
}

// of is the options that a teacher is asked of the block with.
func (s *shown) of(t Teacher) (Options, error) {
	progress := s.options.Progress
	if progress == nil {
		return Options{}, nil
	}
	later := s.pairs
	if e, ok := t.(*Embedder); ok && later > 0 {
		if s.texts == nil {
			var err error
			if s.texts, err = newLaterTexts(s.asked, s.queries, e); err != nil {
				return Options{}, err
			}
		}
		later = s.texts.n
	}
	before := s.before
	return Options{Progress: func(label string, done, total int, unit string) {
		s.before = before + total
		progress(label, before+done, before+total+later, unit)
	}}, nil
}

// laterTexts counts the texts that an embedder meets in later blocks for the first time.
type laterTexts struct {
	queries, passages map[string]bool // whether the text is in later blocks alone
	n                 int
}

// newLaterTexts counts behind so many queries.
func newLaterTexts(asked Asked, come int, e *Embedder) (*laterTexts, error) {
	l := &laterTexts{queries: map[string]bool{}, passages: map[string]bool{}}
	at := 0
	for pairs, err := range asked {
		if err != nil {
			return nil, err
		}
		for _, p := range pairs {
			l.add(l.queries, p.Query, at >= come)
			_, embedded := e.passages.place[p.Passage]
			l.add(l.passages, p.Passage, at >= come && !embedded)
		}
		at++
	}
	return l, nil
}

func (l *laterTexts) add(to map[string]bool, text string, later bool) {
	if _, known := to[text]; known {
		return
	}
	if to[text] = later; later {
		l.n++
	}
}

// remove takes out the texts of pairs whose turn has come.
func (l *laterTexts) remove(pairs []Pair) {
	take := func(from map[string]bool, text string) {
		if from[text] {
			from[text] = false
			l.n--
		}
	}
	for _, p := range pairs {
		take(l.queries, p.Query)
		take(l.passages, p.Passage)
	}
}
