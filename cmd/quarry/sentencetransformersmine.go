package main

import (
	"context"
	"fmt"
	"io"
	"slices"
	"strings"

	"github.com/quarry-ml/quarry/compute"
	"github.com/quarry-ml/quarry/corpus"
	"github.com/quarry-ml/quarry/format/sentencetransformers"
	"github.com/quarry-ml/quarry/format/table"
	"github.com/quarry-ml/quarry/mine"
	"github.com/quarry-ml/quarry/ranking"
	"github.com/quarry-ml/quarry/trainingset"
)

// stMineFlags are the parameters of sentence-transformers' mine_hard_negatives (6.2.0), and behind them Quarry's own.
var stMineFlags = []pythonFlag{
	{name: "dataset", needed: true},
	{name: "model"},
	{name: "anchor_column_name"},
	{name: "positive_column_name"},
	{name: "corpus"},
	{name: "cross_encoder"},
	{name: "range_min", kind: pythonInt, standard: "0"},
	{name: "range_max", kind: pythonInt},
	{name: "max_score", kind: pythonFloat},
	{name: "min_score", kind: pythonFloat},
	{name: "absolute_margin", kind: pythonFloat},
	{name: "relative_margin", kind: pythonFloat},
	{name: "num_negatives", kind: pythonInt, standard: "3"},
	{name: "sampling_strategy", standard: "top", choices: []string{"random", "top"}},
	{name: "query_prompt_name"},
	{name: "query_prompt"},
	{name: "corpus_prompt_name"},
	{name: "corpus_prompt"},
	{name: "include_positives", kind: pythonBool, standard: "False"},
	{name: "output_format", standard: string(sentencetransformers.Triplet), choices: stFormats()},
	{name: "output_scores", kind: pythonBool, standard: "False"},
	{name: "batch_size", kind: pythonInt, standard: "32", does: "the memory decides how many texts go through the network together; a vector does not depend on it"},
	{name: "faiss_batch_size", kind: pythonInt, standard: "16384", does: "the search bounds its memory itself"},
	{name: "use_faiss", kind: pythonBool, standard: "False", does: "the search is exact, without faiss"},
	{name: "use_multi_process", kind: pythonList, does: "all cores of the processor work already"},
	{name: "verbose", kind: pythonBool, standard: "True"},
	{name: "cache_folder", does: "nothing is read from it or kept there: its names do not tell one local model from another. Vectors that are there already are given by --corpus-vectors and --query-vectors"},
	{name: "as_triplets", kind: pythonBool, does: "deprecated there; it says --output_format triplet, or n-tuple for False"},
	{name: "margin", kind: pythonFloat, does: "deprecated there; it says --absolute_margin"},

	{name: "output", needed: true},
	{name: "seed", kind: pythonInt, standard: "42"},
	{name: "corpus-vectors"},
	{name: "query-vectors"},
	{name: "run"},
	{name: "memory"},
	{name: "workers", kind: pythonInt, standard: "0"},
}

// stTupleScores is an output format of old: n-tuple with scores.
const stTupleScores = "n-tuple-scores"

func stFormats() []string {
	var names []string
	for _, l := range sentencetransformers.Layouts() {
		names = append(names, string(l))
	}
	return append(names, stTupleScores)
}

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
}

// stQuery is a query with the places of its positives in the corpus, in the order of its rows.
type stQuery struct {
	text      string
	line      fileLine // where it stands first
	rows      int
	positives []int32
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
	found, err := o.rank(ctx, h)
	if err != nil {
		return err
	}
	kept, t := &keptRows{}, &stTally{o: o}
	if err := o.choose(found, kept, t); err != nil {
		return err
	}
	if len(kept.rows) == 0 {
		return badInputf("no row is left: the limits or the range leave too few negatives; widen --range_max or loosen the limits")
	}
	err = writeOutput(h, o.args.text("output"), kept.writeTo)
	if err != nil || !o.args.truth("verbose") {
		return err
	}
	if o.args.text("output") == standard {
		h.note("%s", strings.TrimSuffix(t.table(), "\n"))
		return nil
	}
	return h.printf("%s", t.table())
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
			if err := w.Write(o.row(o.queries[i], c.Positives, negatives)); err != nil {
				return err
			}
		}
		t.add(c.Positives, negatives, len(kept.rows)-before)
	}
	return nil
}

func readSTMine(h *host, words []string) (*stMine, error) {
	a, err := parsePython(words, stMineFlags)
	if err != nil {
		return nil, fmt.Errorf("%w (parameters of mine_hard_negatives; beside them Quarry's --output, --seed, --corpus-vectors, --query-vectors, --run, --memory and --workers)", err)
	}
	o := &stMine{args: a, format: sentencetransformers.Layout(a.text("output_format")), scores: a.truth("output_scores")}
	o.mine = mine.SentenceTransformers{
		RangeMin: a.number("range_min"), Negatives: a.number("num_negatives"), IncludePositives: a.truth("include_positives"),
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
	if a.given("cross_encoder") {
		return nil, fmt.Errorf("--cross_encoder: Quarry runs none here; score the candidates and the positives with it and give its scores as a TREC run (--run)")
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
	return mayWrite("output", a.text("output"), append(inputs, "model", h.folder(a.text("model")))...)
}

// read reads the pairs and the corpus. Equal texts are one, the first; texts are compared and embedded as they stand.
func (o *stMine) read(h *host) error {
	var anchors, positives []string
	var pairs []fileLine
	path := o.args.text("dataset")
	err := readInput(h, "dataset", path, func(r io.Reader) error {
		lines := corpus.NewLines(r, path, corpus.LineOptions{})
		return lines.Each(func(row corpus.Object) error {
			err := o.columns(row)
			var anchor, positive string
			if err == nil {
				anchor, err = column(row, o.anchor)
			}
			if err == nil {
				positive, err = column(row, o.positive)
			}
			if err != nil {
				return lines.Errorf("%w", err)
			}
			anchors, positives = append(anchors, anchor), append(positives, positive)
			pairs = append(pairs, fileLine{path, lines.Number()})
			return nil
		})
	})
	if err == nil && len(anchors) == 0 {
		err = badInputf("%s: the data set is empty", path)
	}
	if err != nil {
		return err
	}
	place := map[string]int32{}
	add := func(text string, line fileLine) {
		if _, known := place[text]; !known {
			place[text] = int32(len(o.corpus))
			o.corpus, o.lines = append(o.corpus, text), append(o.lines, line)
		}
	}
	if o.args.given("corpus") {
		if err := o.readCorpus(h, add); err != nil {
			return err
		}
	}
	for i, text := range positives {
		add(text, pairs[i])
	}
	asked := map[string]int{}
	for i, text := range anchors {
		at, known := asked[text]
		if !known {
			at = len(o.queries)
			asked[text] = at
			o.queries = append(o.queries, stQuery{text: text, line: pairs[i]})
		}
		q := &o.queries[at]
		q.rows++
		if p := place[positives[i]]; !slices.Contains(q.positives, p) {
			q.positives = append(q.positives, p)
		}
	}
	o.pairs = len(anchors)
	return nil
}

// columns finds the columns by the first row: those that are named, else its first two. A name that it has not is an error;
// there another column is taken without a word.
func (o *stMine) columns(first corpus.Object) error {
	if o.anchor != "" {
		return nil
	}
	for i, c := range []struct {
		flag string
		into *string
	}{{"anchor_column_name", &o.anchor}, {"positive_column_name", &o.positive}} {
		name := o.args.text(c.flag)
		switch {
		case name != "" && !first.Has(name):
			return fmt.Errorf("--%s: the first row has no %q", c.flag, name)
		case name == "" && len(first) <= i:
			return fmt.Errorf("the first row has fewer than two columns: name a file of anchors and positives")
		case name == "":
			name = first[i].Key
		}
		*c.into = name
	}
	if o.anchor == o.positive {
		return fmt.Errorf("%q is the column of anchors and of positives: name the other", o.anchor)
	}
	return nil
}

func column(row corpus.Object, name string) (string, error) {
	raw, ok := row.Get(name)
	if !ok {
		return "", fmt.Errorf("the row has no %q", name)
	}
	text, err := corpus.Text(raw)
	if err != nil {
		return "", fmt.Errorf("%q: %w", name, err)
	}
	return text, nil
}

// readCorpus hands on the texts of --corpus: the key text of each row.
func (o *stMine) readCorpus(h *host, add func(text string, line fileLine)) error {
	path := o.args.text("corpus")
	return readInput(h, "corpus", path, func(r io.Reader) error {
		lines := corpus.NewLines(r, path, corpus.LineOptions{})
		return lines.Each(func(row corpus.Object) error {
			text, err := column(row, "text")
			if err != nil {
				return lines.Errorf("%w", err)
			}
			add(text, fileLine{path, lines.Number()})
			return nil
		})
	})
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
