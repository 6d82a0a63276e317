package main

import (
	"context"
	"fmt"
	"io"
	"strings"

	"github.com/quarry-ml/quarry/compute"
	"github.com/quarry-ml/quarry/corpus"
	"github.com/quarry-ml/quarry/format/sentencetransformers"
	"github.com/quarry-ml/quarry/format/table"
	"github.com/quarry-ml/quarry/mine"
	"github.com/quarry-ml/quarry/ranking"
	"github.com/quarry-ml/quarry/trainingset"
)

// stMine is a run of mine_hard_negatives.
type stMine struct {
	args   pythonArgs
	mine   mine.SentenceTransformers
	engine EngineOptions
	format sentencetransformers.Layout
	scores bool

	anchor, positive string // names of the columns

	pairs   int        // rows of the data set
	corpus  []string   // different texts: those of --corpus, and the positives
	lines   []fileLine // of the corpus: where each text stands first
	queries []stQuery

	auditor *rowAuditor
}

// runSTMine mines as sentence-transformers' mine_hard_negatives does, from its parameters.
func runSTMine(ctx context.Context, h *host, words []string) error {
	o, err := readSTMine(h, words)
	if err != nil {
		return badInput(err)
	}
	o.args.tell(h)
	h.process.hold(o.engine.limit(h.machine))
	if err := o.read(h); err != nil {
		return err
	}
	if err := o.settle(h); err != nil {
		return badInput(err)
	}
	teacher, err := o.crossEncoder(ctx, h)
	if err != nil {
		return err
	}
	found, err := o.rank(ctx, h)
	if err != nil {
		return err
	}
	if o.mine.Rescores() {
		if err := o.rescore(ctx, h, teacher, found); err != nil {
			return err
		}
	}
	kept, t := &keptRows{}, &stTally{o: o}
	if err := o.choose(found, kept, t); err != nil {
		return err
	}
	if len(kept.rows) == 0 {
		return badInputf("no row is left: the limits or the range leave too few negatives; widen --range_max or loosen the limits")
	}
	err = writeOutput(h, o.args.text("output"), kept.writeTo)
	if err == nil && o.args.truth("verbose") {
		if o.args.text("output") == standard || o.args.truth("json") {
			h.note("%s", strings.TrimSuffix(t.table(), "\n"))
		} else {
			err = h.printf("%s", t.table())
		}
	}
	if err != nil {
		return err
	}
	return o.auditor.tellCompat(h, o.args)
}

// choose takes the negatives of every query and writes its rows. A query without any gives no list, as there.
func (o *stMine) choose(found []stRanked, kept *keptRows, t *stTally) error {
	w, err := sentencetransformers.NewWriter(kept, sentencetransformers.Options{
		Layout: o.format, Negatives: o.mine.Negatives, Scores: o.scores, Anchor: o.anchor, Positive: o.positive,
	})
	if err != nil {
		return badInputf("--output_format: %w", err)
	}
	for i, c := range found {
		negatives, before := o.mine.Choose(c.Hits, c.Positives, &t.skips), len(kept.rows)
		if o.format != sentencetransformers.LabeledList || len(negatives) > 0 {
			row := o.row(o.queries[i], c.Positives, negatives)
			if err := w.Write(row); err != nil {
				return err
			}
			if len(kept.rows) > before { // audited under the first of its lines
				o.auditor.auditor.Add(stAuditRow(row, before+1))
			}
		}
		t.add(c.Positives, negatives, len(kept.rows)-before)
	}
	return nil
}

func readSTMine(h *host, words []string) (*stMine, error) {
	a, err := parsePython(words, stMineFlags)
	if err != nil {
		return nil, fmt.Errorf("%w (parameters of mine_hard_negatives; beside them Quarry's --output, --seed, --corpus-vectors, --query-vectors, --run, --memory, --workers, --expect and --json)", err)
	}
	o := &stMine{args: a, format: sentencetransformers.Layout(a.text("output_format")), scores: a.truth("output_scores")}
	o.mine = mine.SentenceTransformers{
		RangeMin: a.number("range_min"), Negatives: a.number("num_negatives"), IncludePositives: a.truth("include_positives"), CrossEncoder: a.given("cross_encoder"),
		AbsoluteMargin: a.optional("absolute_margin"), RelativeMargin: a.optional("relative_margin"), MaxScore: a.optional("max_score"), MinScore: a.optional("min_score"),
	}
	if a.given("margin") {
		o.mine.AbsoluteMargin = a.optional("margin")
	}
	if a.given("as_triplets") {
		o.format = sentencetransformers.NTuple
		if a.truth("as_triplets") {
			o.format = sentencetransformers.Triplet
		}
	}
	if o.format == stTupleScores {
		o.format, o.scores = sentencetransformers.NTuple, true
	}
	if o.mine.IncludePositives {
		o.format = sentencetransformers.NTuple
	}
	if a.text("sampling_strategy") == "random" {
		if a.number("seed") < 0 {
			return nil, fmt.Errorf("--seed %s: want a whole number from 0 on", a.text("seed"))
		}
		o.mine.Random = mine.NewPythonRandom(uint64(a.number("seed")))
	}
	if a.number("faiss_batch_size") < 1 {
		return nil, fmt.Errorf("--faiss_batch_size %s: at least 1", a.text("faiss_batch_size"))
	}
	o.engine = EngineOptions{Precision: string(compute.F32), Workers: a.number("workers")}
	if a.given("memory") {
		if err := (size{&o.engine.Memory}).Set(a.text("memory")); err != nil {
			return nil, fmt.Errorf("--memory: %w", err)
		}
	}
	if o.engine.Workers < 0 {
		return nil, fmt.Errorf("--workers %s: at least 1", a.text("workers"))
	}
	if o.auditor, err = newCompatAuditor(a, "output", o.mine.Negatives); err != nil {
		return nil, err
	}
	return o, o.checkFiles(h)
}

// checkFiles sees that one source of scores is named, and that no input would be lost.
func (o *stMine) checkFiles(h *host) error {
	a := o.args
	vectors := a.given("corpus-vectors") || a.given("query-vectors")
	named := 0
	for _, given := range []bool{a.given("model"), vectors, a.given("run")} {
		if given {
			named++
		}
	}
	switch {
	case named != 1:
		return fmt.Errorf("name what scores texts: --model, or --corpus-vectors and --query-vectors, or --run")
	case vectors && !(a.given("corpus-vectors") && a.given("query-vectors")):
		return fmt.Errorf("--corpus-vectors and --query-vectors go together")
	}
	if !a.given("model") {
		for _, flag := range []string{"query_prompt_name", "query_prompt", "corpus_prompt_name", "corpus_prompt"} {
			if a.given(flag) {
				return fmt.Errorf("--%s has no part without --model", flag)
			}
		}
	}
	inputs := []string{"dataset", a.text("dataset"), "corpus", a.text("corpus"), "corpus-vectors", a.text("corpus-vectors"), "query-vectors", a.text("query-vectors"), "run", a.text("run")}
	tabled := o.format
	if tabled == sentencetransformers.LabeledList { // lists have no place in columns
		tabled = sentencetransformers.NTuple
	}
	if err := mayNameRows("output", a.text("output"), string(o.format), string(tabled)); err != nil {
		return err
	}
	return mayWrite("output", a.text("output"), append(inputs, "model", h.folder(a.text("model")), "cross_encoder", h.folder(a.text("cross_encoder")))...)
}

// settle finds the range that follows from the data, and checks it.
func (o *stMine) settle(h *host) error {
	if len(o.queries) != o.pairs {
		h.note("%d different queries in %d rows, %.3f rows a query", len(o.queries), o.pairs, float64(o.pairs)/float64(len(o.queries)))
	}
	if o.args.given("range_max") {
		o.mine.RangeMax = o.args.number("range_max")
	} else {
		o.mine.RangeMax = o.mine.DefaultRangeMax(o.mostRows())
		h.note("range_max is %d, by the other parameters", o.mine.RangeMax)
	}
	return o.mine.Validate()
}

// mostRows is the most rows of a query, those of one positive twice counted twice, as there.
func (o *stMine) mostRows() int {
	most := 0
	for _, q := range o.queries {
		most = max(most, q.rows)
	}
	return most
}

// row is what a query gives, for the writer of its layout.
func (o *stMine) row(q stQuery, positives []ranking.Positive, negatives []ranking.Hit) *trainingset.Row {
	passage := func(p int32, score float32) trainingset.Passage {
		wide := float64(score)
		return trainingset.Passage{Text: o.corpus[p], Score: &wide}
	}
	row := &trainingset.Row{Query: q.text}
	for _, p := range positives {
		row.Positives = append(row.Positives, passage(p.Passage, p.Score))
	}
	for _, n := range negatives {
		row.Negatives = append(row.Negatives, passage(n.Passage, n.Score))
	}
	return row
}

// keptRows is a table in memory: whether there is any row is known before a file is begun.
type keptRows struct{ rows []corpus.Object }

// Write implements table.Writer.
func (k *keptRows) Write(row corpus.Object) error {
	k.rows = append(k.rows, row)
	return nil
}

// Close implements table.Writer.
func (k *keptRows) Close() error { return nil }

// writeTo writes the rows as JSON lines.
func (k *keptRows) writeTo(w io.Writer) error {
	out, err := table.NewWriter(w, table.JSONL, table.Schema{}.Schema)
	if err != nil {
		return err
	}
	for _, row := range k.rows {
		if err := out.Write(row); err != nil {
			return err
		}
	}
	return out.Close()
}
