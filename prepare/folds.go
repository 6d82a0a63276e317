package prepare

import (
	"cmp"
	"context"
	"fmt"
	"math"
	"slices"
	"strings"

	"github.com/quarry-ml/quarry/corpus"
	"github.com/quarry-ml/quarry/draw"
)

// FoldOptions say how queries are cut into folds.
type FoldOptions struct {
	Folds       int
	UnseenShare *float64 // of every fold's dev: queries none of whose positives train has; nil leaves it to the data
	Seed        uint64
}

// Validate refuses options that make no folds.
func (o FoldOptions) Validate() error {
	switch {
	case o.Folds < 2:
		return fmt.Errorf("folds: %d, want 2 or more", o.Folds)
	case o.UnseenShare != nil && !(*o.UnseenShare >= 0 && *o.UnseenShare <= 1):
		return fmt.Errorf("unseen share: %v is not from 0 to 1", *o.UnseenShare)
	}
	return nil
}

// ValidateFor is Validate, and refuses more folds than there are queries.
func (o FoldOptions) ValidateFor(queries int) error {
	if err := o.Validate(); err != nil {
		return err
	}
	if o.Folds > queries {
		return fmt.Errorf("%d folds of %d queries: each holds one out at least: make fewer folds", o.Folds, queries)
	}
	return nil
}

// Folds is queries cut for cross-validation: fold i trains on what is not in Dev[i].
type Folds struct {
	Dev   [][]int // positions of the queries, ascending
	Train []int   // positions of those that are in no dev: they would be unseen in more than the share
	Parts []FoldPart
}

// FoldPart says what one fold holds.
type FoldPart struct {
	Train, Dev int // queries
	Units      int // of dev: bundles of one text or group
	Unseen     int // of dev: queries none of whose positives train has
}

// Unseen is the share of unseen queries among the dev queries of all folds.
func (f Folds) Unseen() float64 {
	unseen, dev := 0, 0
	for _, p := range f.Parts {
		unseen, dev = unseen+p.Unseen, dev+p.Dev
	}
	return float64(unseen) / float64(dev)
}

// Share is the share of unseen queries of one fold.
func (p FoldPart) Share() float64 { return float64(p.Unseen) / float64(p.Dev) }

// Missed says in words how far the folds are from a wanted share of unseen queries; empty where all are near it: within one
// query, or one in a hundred over all folds and five in a hundred in each.
func (f Folds) Missed(wanted float64) string {
	missed, dev, least, most := false, 0, 0, 0
	for i, p := range f.Parts {
		dev += p.Dev
		missed = missed || math.Abs(p.Share()-wanted)*float64(p.Dev) > max(1, 0.05*float64(p.Dev))
		if p.Share() < f.Parts[least].Share() {
			least = i
		}
		if p.Share() > f.Parts[most].Share() {
			most = i
		}
	}
	if !missed && math.Abs(f.Unseen()-wanted)*float64(dev) <= max(1, 0.01*float64(dev)) {
		return ""
	}
	return fmt.Sprintf("%.1f %% of the dev queries were to be unseen, and %.1f %% are (from %.1f %% in fold %d to %.1f %% in fold %d): groups and positives of this data allow no better cut with this seed; try another, fewer folds, or another share",
		100*wanted, 100*f.Unseen(), 100*f.Parts[least].Share(), least, 100*f.Parts[most].Share(), most)
}

// Cut cuts queries into folds of about one size. Queries that share a text or a group stay together. Where a share of unseen
// queries is asked for, positives in keyed order keep all of their queries in one fold until it is reached; where more
// are unseen in any fold than that, because nobody else has their positive, some stay in train throughout. The others'
// positives are kept in two folds or more. Which fold a query is in depends on seed, texts, groups and positives, never on the
// order of the file. Whole groups may keep the folds from the share; Missed tells how far.
func Cut(ctx context.Context, queries []corpus.Query, o FoldOptions) (Folds, error) {
	if err := o.ValidateFor(len(queries)); err != nil {
		return Folds{}, err
	}
	c := newCutter(queries, o)
	if o.UnseenShare != nil {
		wanted := int(math.Round(*o.UnseenShare * float64(len(queries))))
		if unseen := c.countAllBound(); unseen < wanted {
			c.glue(ctx, wanted-unseen)
		} else {
			c.retain(*o.UnseenShare)
		}
	}
	c.deal(ctx)
	if err := ctx.Err(); err != nil {
		return Folds{}, err
	}
	f := c.folds()
	for i, part := range f.Parts {
		if part.Dev == 0 || part.Train == 0 {
			return f, fmt.Errorf("fold %d has %d train and %d dev queries: make fewer folds, or ask for another unseen share", i, part.Train, part.Dev)
		}
	}
	return f, nil
}

// cutter is the pieces that are dealt out to folds.
type cutter struct {
	queries []corpus.Query
	options FoldOptions
	pieces  []piece         // in keyed order; one that was glued to another is empty
	of      []int           // the piece of each query
	having  map[int32][]int // the queries of each positive
}

// piece is bundles that go to one fold.
type piece struct {
	name  string
	order uint64
	units int
	rows  []int
	fold  int
}

// Where a piece is that is in no fold.
const (
	undealt       = -1
	alwaysInTrain = -2
)

func newCutter(queries []corpus.Query, o FoldOptions) *cutter {
	c := &cutter{queries: queries, options: o, of: make([]int, len(queries)), having: map[int32][]int{}}
	for _, b := range corpus.Bundles(queries) {
		c.pieces = append(c.pieces, piece{b.Name, draw.Hash(o.Seed, draw.Split, 0, 0, "fold "+b.Name), 1, b.Rows, undealt})
	}
	slices.SortFunc(c.pieces, func(a, b piece) int { return cmp.Or(cmp.Compare(a.order, b.order), strings.Compare(a.name, b.name)) })
	for i, p := range c.pieces {
		for _, row := range p.rows {
			c.of[row] = i
			for _, positive := range queries[row].Positives {
				c.having[positive] = append(c.having[positive], row)
			}
		}
	}
	return c
}

// bound says whether a query is unseen in whatever fold its piece goes to: nobody outside the piece has a positive of it.
func (c *cutter) bound(row int) bool {
	for _, positive := range c.queries[row].Positives {
		for _, other := range c.having[positive] {
			if c.of[other] != c.of[row] {
				return false
			}
		}
	}
	return true
}

func (c *cutter) countBound(rows []int) int {
	n := 0
	for _, row := range rows {
		if c.bound(row) {
			n++
		}
	}
	return n
}

func (c *cutter) countAllBound() int {
	n := 0
	for _, p := range c.pieces {
		n += c.countBound(p.rows)
	}
	return n
}

// glue joins all queries of further positives until so many more are unseen. A positive that would make a piece of more
// than half a fold is passed over. It ends early with the context.
func (c *cutter) glue(ctx context.Context, more int) {
	largest := len(c.queries) / c.options.Folds / 2
	for _, positive := range c.positives() {
		if more <= 0 || ctx.Err() != nil {
			return
		}
		parts := c.piecesOf(positive)
		size, before := 0, 0
		for _, i := range parts {
			size += len(c.pieces[i].rows)
			before += c.countBound(c.pieces[i].rows)
		}
		if len(parts) < 2 || size > max(largest, 1) {
			continue
		}
		into := &c.pieces[parts[0]]
		for _, i := range parts[1:] {
			from := &c.pieces[i]
			for _, row := range from.rows {
				c.of[row] = parts[0]
			}
			into.rows, into.units = append(into.rows, from.rows...), into.units+from.units
			from.rows, from.units = nil, 0
		}
		more -= c.countBound(into.rows) - before
	}
}

// positives lists all positives in keyed order. Their key is what the file says of them, not their place in the corpus: the
// name of the first piece that has them, of several such the least query key.
func (c *cutter) positives() []int32 {
	type keyed struct {
		positive int32
		key      string
		order    uint64
	}
	var all []keyed
	for positive, rows := range c.having { // sorted below
		least := c.queries[rows[0]].Key
		for _, row := range rows {
			least = min(least, c.queries[row].Key)
		}
		key := fmt.Sprintf("%s of %d", least, slices.Index(c.queries[rows[0]].Positives, positive))
		all = append(all, keyed{positive, key, draw.Hash(c.options.Seed, draw.Split, 0, 0, "positive "+key)})
	}
	slices.SortFunc(all, func(a, b keyed) int {
		return cmp.Or(cmp.Compare(a.order, b.order), strings.Compare(a.key, b.key), cmp.Compare(a.positive, b.positive))
	})
	order := make([]int32, len(all))
	for i, k := range all {
		order[i] = k.positive
	}
	return order
}

// piecesOf are the pieces that have a positive, ascending.
func (c *cutter) piecesOf(positive int32) []int {
	var found []int
	for _, row := range c.having[positive] {
		found = append(found, c.of[row])
	}
	slices.Sort(found)
	return slices.Compact(found)
}

// retain leaves pieces in train throughout while more queries are unseen than the share.
func (c *cutter) retain(share float64) {
	total, unseen := len(c.queries), c.countAllBound()
	for i := range c.pieces {
		p := &c.pieces[i]
		bound := c.countBound(p.rows)
		if float64(unseen) <= share*float64(total) {
			return
		}
		if bound == 0 || float64(bound) <= share*float64(len(p.rows)) {
			continue
		}
		p.fold = alwaysInTrain
		total, unseen = total-len(p.rows), unseen-bound
	}
}

// deal gives every piece a fold: those with unseen queries first, so that each fold gets its part of them; then the others,
// each to the fold with the fewest queries that does not make a positive of theirs unseen. It ends early with the context.
func (c *cutter) deal(ctx context.Context) {
	size, unseen := make([]int, c.options.Folds), make([]int, c.options.Folds)
	put := func(i, fold int) {
		c.pieces[i].fold = fold
		size[fold] += len(c.pieces[i].rows)
		unseen[fold] += c.countBound(c.pieces[i].rows)
	}
	least := func(allowed func(fold int) bool, first []int) int {
		best := -1
		for fold := range size {
			if !allowed(fold) {
				continue
			}
			if best < 0 || cmp.Or(cmp.Compare(first[fold], first[best]), cmp.Compare(size[fold], size[best])) < 0 {
				best = fold
			}
		}
		return best
	}
	for _, first := range [][]int{unseen, size} {
		for i, p := range c.pieces {
			if ctx.Err() != nil {
				return
			}
			if p.fold != undealt || len(p.rows) == 0 || &first[0] == &unseen[0] && c.countBound(p.rows) == 0 {
				continue
			}
			fold := least(func(fold int) bool { return !c.hides(i, fold) }, first)
			if fold < 0 { // every fold hides a positive: what is unseen is counted, not promised
				fold = least(func(int) bool { return true }, first)
			}
			put(i, fold)
		}
	}
}

// hides says whether a piece is the last one of a positive whose others are all in one fold, and that is this fold.
func (c *cutter) hides(i, fold int) bool {
	for _, row := range c.pieces[i].rows {
		for _, positive := range c.queries[row].Positives {
			parts := c.piecesOf(positive)
			elsewhere := len(parts) < 2 // bound: it is unseen anywhere
			for _, part := range parts {
				if part != i && c.pieces[part].fold != fold {
					elsewhere = true
					break
				}
			}
			if !elsewhere {
				return true
			}
		}
	}
	return false
}

// folds tells what was dealt.
func (c *cutter) folds() Folds {
	f := Folds{Dev: make([][]int, c.options.Folds), Parts: make([]FoldPart, c.options.Folds)}
	for _, p := range c.pieces {
		if p.fold == alwaysInTrain {
			f.Train = append(f.Train, p.rows...)
			continue
		}
		if len(p.rows) > 0 {
			f.Dev[p.fold] = append(f.Dev[p.fold], p.rows...)
			f.Parts[p.fold].Units += p.units
		}
	}
	slices.Sort(f.Train)
	for i := range f.Dev {
		slices.Sort(f.Dev[i])
		part := &f.Parts[i]
		part.Dev, part.Train = len(f.Dev[i]), len(c.queries)-len(f.Dev[i])
		for _, row := range f.Dev[i] {
			if !c.seen(row, i) {
				part.Unseen++
			}
		}
	}
	return f
}

// seen says whether a query outside a fold has a positive of a query in it.
func (c *cutter) seen(row, fold int) bool {
	for _, positive := range c.queries[row].Positives {
		for _, other := range c.having[positive] {
			if c.pieces[c.of[other]].fold != fold {
				return true
			}
		}
	}
	return false
}
