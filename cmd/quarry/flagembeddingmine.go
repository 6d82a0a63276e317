package main

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"path/filepath"
	"slices"
	"strings"

	"github.com/quarry-ml/quarry/corpus"
	"github.com/quarry-ml/quarry/embedding"
	"github.com/quarry-ml/quarry/format/flagembedding"
	"github.com/quarry-ml/quarry/mine"
	"github.com/quarry-ml/quarry/prompt"
	"github.com/quarry-ml/quarry/ranking"
	"github.com/quarry-ml/quarry/search"
)

// Classes of embedders in FlagEmbedding.
const (
	classEncoder = "encoder-only-base"
	classM3      = "encoder-only-m3"
	classDecoder = "decoder-only-base"
	classICL     = "decoder-only-icl"
)

// hnMine is a run of hn_mine.py.
type hnMine struct {
	args     pythonArgs
	window   mine.Window
	class    string
	examples []prompt.Example

	input, output, candidates string

	lines []fileLine // of the pool: where each text stands first

	auditor *rowAuditor
	scored  map[*flagembedding.Row]*hnScored
}

// runHnMine mines as FlagEmbedding's hn_mine.py does, from its own flags: over the pool as it is, filled up, drawn by
// Python's generator with the fork's seed.
func runHnMine(ctx context.Context, h *host, words []string) error {
	o, err := readHnMine(h, words)
	if err != nil {
		return badInput(err)
	}
	o.args.tell(h)
	rows, pool, err := o.read(h)
	if err != nil {
		return err
	}
	rankings, err := o.rank(ctx, h, rows, pool)
	if err != nil {
		return err
	}
	filled, err := o.choose(rows, pool, rankings)
	if err != nil {
		return badInput(err)
	}
	position := positions(pool)
	if err := writeOutput(h, o.output, func(w io.Writer) error {
		// The fork writes the shuffled file by json.dumps as it stands, which escapes all but ASCII.
		out := flagembedding.NewWriter(w, flagembedding.WriterOptions{ASCII: o.args.truth("shuffle_data")})
		for _, row := range rows {
			o.auditor.addNext(o.auditRow(row, position))
			if err := out.Write(row); err != nil {
				return err
			}
		}
		return out.Flush()
	}); err != nil {
		return err
	}
	h.note("%d rows, %d negatives of them drawn to fill up", len(rows), filled)
	return o.auditor.tellCompat(h, o.args)
}

func readHnMine(h *host, words []string) (*hnMine, error) {
	a, err := parsePython(words, hnMineFlags)
	if err != nil {
		return nil, err
	}
	o := &hnMine{args: a, input: a.text("input_file"), output: a.text("output_file"), candidates: a.text("candidate_pool"), class: a.text("embedder_model_class")}
	if o.window, err = mine.ParseWindow(a.text("range_for_sampling")); err != nil {
		return nil, fmt.Errorf("--range_for_sampling: %w", err)
	}
	for _, flag := range []string{"negative_number", "embedder_query_max_length", "embedder_passage_max_length"} {
		if n := a.number(flag); n < 1 {
			return nil, fmt.Errorf("--%s %d: at least 1", flag, n)
		}
	}
	if a.number("seed") < 0 {
		return nil, fmt.Errorf("--seed %s: want a whole number from 0 on", a.text("seed"))
	}
	if o.class == "" {
		if o.class = classOf(a.text("embedder_name_or_path")); o.class == "" {
			return nil, fmt.Errorf("--embedder_model_class: FlagEmbedding knows no model called %q: say one of %s, %s, %s, %s", filepath.Base(a.text("embedder_name_or_path")), classEncoder, classM3, classDecoder, classICL)
		}
	}
	if strings.HasPrefix(o.class, "decoder") && a.text("pooling_method") != "last_token" {
		return nil, fmt.Errorf("--pooling_method %s: a model of class %s takes last_token alone, and FlagEmbedding's default is cls", a.text("pooling_method"), o.class)
	}
	if o.examples, err = o.readExamples(); err != nil {
		return nil, err
	}
	if o.auditor, err = newCompatAuditor(a, "output_file", a.number("negative_number")); err != nil {
		return nil, err
	}
	if err := mayNameRows("output_file", o.output, "flagembedding", "n-tuple"); err != nil {
		return nil, err
	}
	return o, mayWrite("output_file", o.output, "input_file", o.input, "candidate_pool", o.candidates, "embedder_name_or_path", h.folder(a.text("embedder_name_or_path")))
}

// classesByName are the classes that FlagEmbedding 1.4.2 gives models by their names, in lower case; of names that begin with
// bge- the others are encoders.
var classesByName = map[string][]string{
	classICL: {"bge-en-icl"},
	classM3:  {"bge-m3"},
	classDecoder: {
		"bge-multilingual-gemma2", "bge-code-v1", "bge-reasoner-embed-qwen3-8b-0923", "qwen3-embedding-0.6b", "qwen3-embedding-4b", "qwen3-embedding-8b",
		"e5-mistral-7b-instruct", "gte-qwen2-7b-instruct", "gte-qwen2-1.5b-instruct", "gte-qwen1.5-7b-instruct", "sfr-embedding-2_r", "sfr-embedding-mistral",
		"linq-embed-mistral",
	},
	classEncoder: {
		"e5-large-v2", "e5-base-v2", "e5-small-v2", "e5-large", "e5-base", "e5-small",
		"multilingual-e5-large-instruct", "multilingual-e5-large", "multilingual-e5-base", "multilingual-e5-small",
		"gte-multilingual-base", "gte-large-en-v1.5", "gte-base-en-v1.5", "gte-large", "gte-base", "gte-small", "gte-large-zh", "gte-base-zh", "gte-small-zh",
		"bce-embedding-base_v1",
	},
}

// classOf is the class that FlagEmbedding gives a model by its name, of a checkpoint by that of the directory around it; empty for others.
func classOf(name string) string {
	base := strings.ToLower(filepath.Base(name))
	if strings.HasPrefix(base, "checkpoint-") {
		base = strings.ToLower(filepath.Base(filepath.Dir(name)))
	}
	for class, names := range classesByName { // which no two classes share
		if slices.Contains(names, base) {
			return class
		}
	}
	if strings.HasPrefix(base, "bge-") {
		return classEncoder
	}
	return ""
}

// readExamples reads --examples_for_task: a JSON list of {"query", "response"}, optionally with "instruct".
func (o *hnMine) readExamples() ([]prompt.Example, error) {
	if o.args.truth("add_examples_for_task") && !o.args.given("examples_for_task") {
		return nil, fmt.Errorf("--add_examples_for_task True: the fork has one example in its code, which is not here: give it by --examples_for_task")
	}
	if !o.args.given("examples_for_task") {
		return nil, nil
	}
	if o.class != classICL {
		return nil, fmt.Errorf("--examples_for_task: a model of class %s is shown no examples", o.class)
	}
	var listed []struct {
		Instruct *string `json:"instruct"`
		Query    string  `json:"query"`
		Response string  `json:"response"`
	}
	d := json.NewDecoder(strings.NewReader(o.args.text("examples_for_task")))
	d.DisallowUnknownFields()
	if err := d.Decode(&listed); err != nil {
		return nil, fmt.Errorf(`--examples_for_task: want a JSON list of {"query", "response"}, optionally with "instruct", not a file name: %w`, err)
	}
	var examples []prompt.Example
	for i, e := range listed {
		if e.Query == "" || e.Response == "" {
			return nil, fmt.Errorf("--examples_for_task: example %d has no query or no response", i)
		}
		if e.Instruct != nil && *e.Instruct != o.args.text("query_instruction_for_retrieval") {
			return nil, fmt.Errorf("--examples_for_task: example %d has another instruction than --query_instruction_for_retrieval", i)
		}
		examples = append(examples, prompt.Example{Query: e.Query, Response: e.Response})
	}
	return examples, nil
}

// read reads the rows and the pool: the candidates, else the rows' own positives and negatives; equal texts are one, the
// first. An example that is a row's query or answers it is an error.
func (o *hnMine) read(h *host) (rows []*flagembedding.Row, pool []string, err error) {
	err = readInput(h, "input_file", o.input, func(r io.Reader) error {
		rows, err = flagembedding.ReadAll(r, o.input)
		return err
	})
	if err != nil {
		return nil, nil, err
	}
	if len(rows) == 0 {
		return nil, nil, badInputf("%s: no rows", o.input)
	}
	for _, row := range rows {
		for _, e := range o.examples {
			answers := slices.ContainsFunc(row.Pos(), func(text string) bool { return corpus.Strip(text) == corpus.Strip(e.Response) })
			if answers || corpus.Strip(e.Query) == corpus.Strip(row.Query()) {
				return nil, nil, badInputf("%s:%d: an in-context example is the query or has an answer of it: take it out of --examples_for_task", o.input, row.Line())
			}
		}
	}
	seen := map[string]bool{}
	add := func(line fileLine, texts ...string) {
		for _, text := range texts {
			if !seen[text] {
				seen[text] = true
				pool, o.lines = append(pool, text), append(o.lines, line)
			}
		}
	}
	if o.candidates == "" {
		for _, row := range rows {
			add(fileLine{o.input, row.Line()}, row.Pos()...)
			add(fileLine{o.input, row.Line()}, row.Neg()...)
		}
	} else {
		err := readInput(h, "candidate_pool", o.candidates, func(r io.Reader) error {
			lines := corpus.NewLines(r, o.candidates, corpus.LineOptions{})
			return lines.Each(func(row corpus.Object) error {
				raw, ok := row.Get("text")
				if !ok {
					return lines.Errorf(`the row has no "text"`)
				}
				text, err := corpus.Text(raw)
				if err != nil {
					return lines.Errorf(`"text": %w`, err)
				}
				add(fileLine{o.candidates, lines.Number()}, text)
				return nil
			})
		})
		if err != nil {
			return nil, nil, err
		}
	}
	if len(pool) == 0 {
		return nil, nil, badInputf("the pool is empty: give --candidate_pool, or rows with pos or neg texts")
	}
	return rows, pool, nil
}

// sides are how the class reads queries and passages.
func (o *hnMine) sides() (query, passage side, err error) {
	query.maxLength, passage.maxLength = o.args.number("embedder_query_max_length"), o.args.number("embedder_passage_max_length")
	query.limit, passage.limit = "--embedder_query_max_length", "--embedder_passage_max_length"
	query.prompt.Name = "query"
	if o.args.given("query_instruction_for_retrieval") {
		format, err := prompt.ParseFormat(o.args.text("query_instruction_format_for_retrieval"))
		if err != nil {
			return query, passage, fmt.Errorf("--query_instruction_format_for_retrieval: %w", err)
		}
		if query.prompt.Template, err = format.With(o.args.text("query_instruction_for_retrieval")); err != nil {
			return query, passage, fmt.Errorf("--query_instruction_for_retrieval: %w", err)
		}
	}
	if o.class == classICL {
		query.prompt.Suffix = "\n<response>"
		query.prompt.Examples = prompt.Examples(query.prompt.Template, query.prompt.Suffix, o.examples)
	}
	return query, passage, nil
}

// rank embeds pool and queries and returns each row's best, as deep as the window.
func (o *hnMine) rank(ctx context.Context, h *host, rows []*flagembedding.Row, pool []string) ([][]int32, error) {
	query, passage, err := o.sides()
	if err != nil {
		return nil, badInput(err)
	}
	normalizes := o.args.truth("normalize_embeddings")
	pooling := map[string]string{"cls": "cls", "mean": "mean", "last_token": "lasttoken"}[o.args.text("pooling_method")]
	var engine EngineOptions
	engine.Precision = "auto"
	h.process.hold(engine.limit(h.machine))
	embedder := ModelOptions{Model: o.args.text("embedder_name_or_path"), Pooling: pooling, Normalize: &normalizes}
	m, err := embedder.open(ctx, h)
	if err != nil {
		return nil, err
	}
	defer m.Close()
	for _, s := range []struct {
		flag string
		side side
	}{{"query", query}, {"passage", passage}} {
		if _, err := m.Sequence("", s.side.prompt, s.side.maxLength); err != nil {
			return nil, badInputf("--embedder_%s_max_length: %w", s.flag, err)
		}
	}
	e, err := engine.open(h, m.Footprint())
	if err != nil {
		return nil, err
	}
	defer e.Close()
	x, err := embedding.New(m, e)
	if err != nil {
		return nil, badInputf("--embedder_name_or_path: %w", err)
	}
	passages, err := collect(ctx, h, x, job{
		label: "embed pool", total: len(pool), side: passage,
		texts: plainTexts(len(pool), func(i int) string { return pool[i] }), place: func(i int) string { return o.lines[i].String() },
	}, nil)
	if err != nil {
		return nil, h.raise(err, "--embedder_passage_max_length")
	}
	defer passages.Close()
	queries, err := collect(ctx, h, x, job{
		label: "embed queries", total: len(rows), side: query,
		texts: plainTexts(len(rows), func(i int) string { return rows[i].Query() }), place: func(i int) string { return fileLine{o.input, rows[i].Line()}.String() },
	}, nil)
	if err != nil {
		return nil, h.raise(err, "--embedder_query_max_length")
	}
	defer queries.Close()
	rankings := make([][]int32, len(rows))
	o.scored = make(map[*flagembedding.Row]*hnScored, len(rows))
	position, positives := positions(pool), make([][]int32, len(rows))
	for i, row := range rows {
		positives[i] = places(row.Pos(), position)
	}
	err = search.Exact(ctx, search.Input{
		Positives: positives,
		Queries:   queries.Matrix.Data, Dim: x.Dimension(), Passages: search.Rows(passages.Matrix.Data, x.Dimension(), search.BlockRows),
		Depth: min(o.window.To, len(pool)), Kernels: e.Kernels(), Workers: e.Workers(), Memory: e.Rest(0),
	}, func(i int, c ranking.Candidates) error {
		h.progress(progress{Label: "search", Done: int64(i + 1), Total: int64(len(rows)), Unit: "queries"})
		for _, hit := range c.Hits {
			rankings[i] = append(rankings[i], hit.Passage)
		}
		o.scored[rows[i]] = &hnScored{Candidates: c}
		return nil
	})
	return rankings, err
}

// plainTexts yields texts as they are.
func plainTexts(n int, at func(int) string) func(yield func(embedding.Text, error) bool) {
	return func(yield func(embedding.Text, error) bool) {
		for i := range n {
			if !yield(embedding.Text{Text: at(i)}, nil) {
				return
			}
		}
	}
}

// choose gives every row its negatives, in FlagEmbedding's order of draws: all rows are drawn for, then filled up, then
// shuffled. It returns how many negatives were drawn to fill up.
func (o *hnMine) choose(rows []*flagembedding.Row, pool []string, rankings [][]int32) (filled int, err error) {
	f := mine.FlagEmbedding{Pool: pool, Window: o.window, Negatives: o.args.number("negative_number"), Random: mine.NewPythonRandom(uint64(o.args.number("seed")))}
	chosen := make([][]string, len(rows))
	for i, row := range rows {
		chosen[i] = f.Choose(rankings[i], row.Query(), row.Pos())
	}
	for i, row := range rows {
		negatives, err := f.Fill(chosen[i], row.Pos())
		if err != nil {
			return 0, fmt.Errorf("%s:%d: %w", o.input, row.Line(), err)
		}
		filled += len(negatives) - len(chosen[i])
		o.scored[row].mined = len(chosen[i])
		row.SetNeg(negatives)
	}
	if o.args.truth("shuffle_data") {
		f.Random.Shuffle(len(rows), func(i, j int) { rows[i], rows[j] = rows[j], rows[i] })
	}
	return filled, nil
}
