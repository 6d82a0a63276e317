package finetune

import (
	"cmp"
	"errors"
	"fmt"
	"slices"

	"github.com/quarry-ml/quarry/draw"
	"github.com/quarry-ml/quarry/model"
)

// Example is one query with the passages it may be trained on.
type Example struct {
	Key       string  // identity for keyed draws
	Positives []int32 // at least one, in any order: it decides nothing
	Negatives []int32 // mined; may be empty, then other queries' passages are the only negatives
	Known     []int32 // sorted: every passage judged positive for this query's text, and those of equal text

	PositiveScores []float64 // a teacher's scores, by index; only distillation reads them
	NegativeScores []float64
}

// Data is what is trained on. Passages and queries are read as token sequences whenever a step needs them.
type Data struct {
	Examples []Example
	Query    func(example int) model.Sequence
	// InContext reads a query of a training step behind in-context examples, and says how many it shows: those that fit.
	// nil where training reads queries as eval_loss does, which takes Query always.
	InContext func(example int, shown []Shown) (s model.Sequence, count int, err error)
	Longest   int // tokens of a sequence of InContext and of Shuffled, at most
	Passage   func(passage int32) model.Sequence
	// Shuffled reads a passage whose text is cut into chunks that stand in the given order, as training reads some positives
	// under Options.ShuffleRatio; eval_loss never does.
	Shuffled func(passage int32, chunks []int) (model.Sequence, error)
	// Pair reads a query and a passage together. A cross-encoder's training takes it in place of Query and Passage.
	Pair func(example int, passage int32) (model.Sequence, error)
	// PassageKey is the identity of a passage in the draws of positives and of dropout.
	PassageKey func(passage int32) string
	Guide      Guide // only guide masking reads it

	set string // of several, in draws
}

// Part is the data of some examples alone, by their positions, in that order. What is shown before a query is of the part, too.
func (d Data) Part(examples []int) Data {
	part := d
	part.Examples = make([]Example, len(examples))
	for i, whole := range examples {
		part.Examples[i] = d.Examples[whole]
	}
	if d.Query != nil {
		part.Query = func(i int) model.Sequence { return d.Query(examples[i]) }
	}
	if d.InContext != nil {
		part.InContext = func(i int, shown []Shown) (model.Sequence, int, error) {
			moved := slices.Clone(shown)
			for k, s := range moved {
				moved[k].Example = examples[s.Example]
			}
			return d.InContext(examples[i], moved)
		}
	}
	if d.Pair != nil {
		part.Pair = func(i int, p int32) (model.Sequence, error) { return d.Pair(examples[i], p) }
	}
	if d.Guide.Query != nil {
		part.Guide.Query = func(i int) []float32 { return d.Guide.Query(examples[i]) }
	}
	return part
}

// validate checks that the data can be trained on with the options.
func (d Data) validate(o Options) error {
	if err := d.Validate(); err != nil {
		return err
	}
	if o.ShuffleRatio > 0 && d.Shuffled == nil {
		return errors.New("nothing reads the positives that shuffle_ratio shuffles")
	}
	if o.Guide.Mask != "" {
		if err := d.Guide.check(); err != nil {
			return err
		}
	}
	if o.Distill != "" {
		return d.checkTeacher()
	}
	if o.pairs() {
		return d.checkPairs()
	}
	return nil
}

// Shown is an in-context example: a query of the step with the positive that it was drawn.
type Shown struct {
	Example int
	Passage int32
	Chunks  []int // order of those of the passage's text; nil is as it stands
}

// Validate checks that the data can be trained on.
func (d Data) Validate() error {
	if len(d.Examples) == 0 {
		return errors.New("no queries to train on")
	}
	seen := make(map[string]bool, len(d.Examples))
	for _, e := range d.Examples {
		if len(e.Positives) == 0 {
			return fmt.Errorf("query %q has no positive", e.Key)
		}
		if seen[e.Key] {
			return fmt.Errorf("query %q stands twice: give its rows ids of their own", e.Key)
		}
		seen[e.Key] = true
	}
	return nil
}

// row is one query of a step with its drawn passages, the positive first.
type row struct {
	example  int
	passages []int32
	teacher  []float64 // its scores of the passages; nil where there are none
	training bool      // and no row of eval_loss
	chunks   []int     // order of those of the positive's text; nil is as it stands
	shown    []Shown   // before its query
}

// textChunks is how many chunks a shuffled text is cut into, as FlagEmbedding's trainers cut it.
const textChunks = 3

// chunks draws whether an example's positive is shuffled in an epoch, and how: the order of its chunks, which may be that in
// which they stood.
func (d Data) chunks(o Options, example, epoch int) []int {
	if o.ShuffleRatio == 0 {
		return nil
	}
	source := draw.New(o.Seed, draw.Chunks, o.Round, epoch, d.key(example))
	if source.Float64() >= o.ShuffleRatio {
		return nil
	}
	return source.Sample(textChunks, textChunks)
}

// order returns the examples in the order of an epoch, or of a pass over a set of several: by the hash of their keys, so that file order never matters.
func (d Data) order(o Options, epoch int) []int {
	hashes := make([]uint64, len(d.Examples))
	for i := range d.Examples {
		hashes[i] = draw.Hash(o.Seed, draw.Order, o.Round, epoch, d.key(i))
	}
	examples := make([]int, len(d.Examples))
	for i := range examples {
		examples[i] = i
	}
	slices.SortFunc(examples, func(a, b int) int {
		return cmp.Or(cmp.Compare(hashes[a], hashes[b]), cmp.Compare(d.Examples[a].Key, d.Examples[b].Key))
	})
	return examples
}

// group draws an example's positive and negatives for an epoch: without replacement, and again from the start only when too few.
func (d Data) group(o Options, example, epoch int) row {
	e := d.Examples[example]
	positives := draw.New(o.Seed, draw.Positives, o.Round, epoch, d.key(example))
	positive := d.byKey(e.Positives)[positives.IntN(len(e.Positives))]
	r := row{example: example, passages: append(make([]int32, 0, max(1, o.GroupSize)), e.Positives[positive])}
	if o.Distill != "" {
		r.teacher = []float64{e.PositiveScores[positive]}
	}
	negatives := draw.New(o.Seed, draw.Negatives, o.Round, epoch, d.key(example))
	for len(e.Negatives) > 0 && len(r.passages) < o.GroupSize {
		for _, i := range negatives.Sample(len(e.Negatives), o.GroupSize-len(r.passages)) {
			r.passages = append(r.passages, e.Negatives[i])
			if o.Distill != "" {
				r.teacher = append(r.teacher, e.NegativeScores[i])
			}
		}
	}
	return r
}

// byKey are the places of passages in the order of their keys. A positive is drawn by its place in that order: lists come in the order
// of a corpus, or of the rows that bring the texts, which decides nothing.
func (d Data) byKey(passages []int32) []int {
	places := make([]int, len(passages))
	for i := range places {
		places[i] = i
	}
	if len(passages) > 1 && d.PassageKey != nil {
		slices.SortStableFunc(places, func(a, b int) int { return cmp.Compare(d.PassageKey(passages[a]), d.PassageKey(passages[b])) })
	}
	return places
}
