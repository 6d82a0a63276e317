package pipeline

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"slices"

	"github.com/quarry-ml/quarry/corpus"
	"github.com/quarry-ml/quarry/draw"
	"github.com/quarry-ml/quarry/format/flagembedding"
	"github.com/quarry-ml/quarry/mine"
	"github.com/quarry-ml/quarry/ranking"
	"github.com/quarry-ml/quarry/recipe"
	"github.com/quarry-ml/quarry/rundir"
)

// algorithmMine is raised when the same candidates and options give other negatives or another audit.
const algorithmMine = 3

// mine chooses the negatives of every train and dev query and audits them.
func (r *round) mine(ctx context.Context) error {
	o := r.mineOptions()
	options := struct {
		Source string       `json:"source"`
		Mine   mine.Options `json:"mine"`
	}{r.stages.Mine.Source, o}
	inputs := []rundir.Input{r.data.input("corpus"), r.data.input("train"), r.data.input("dev")}
	if r.stages.Mine.Source == recipe.Dense {
		inputs = append(inputs, r.made(r.files.Candidates(rundir.Train)), r.made(r.files.Candidates(rundir.Dev)))
	}
	outputs := []string{r.files.Negatives(rundir.Train), r.files.Negatives(rundir.Dev), r.files.Audit()}
	return r.do(ctx, work{Stage: r.stage(StageMine, algorithmMine, options, inputs...), outputs: outputs, run: func(ctx context.Context) error {
		for _, s := range minedSplits {
			if err := ctx.Err(); err != nil {
				return err
			}
			rows, audit, err := r.mineSplit(s, o)
			if err != nil {
				return err
			}
			if err := audit.CheckAny(o.Window, r.data.corpus.Len()); err != nil {
				return inputErrorf("%s: %s: %w", r.recipe.At("mine.window"), s, err)
			}
			if err := r.writeNegatives(s, rows); err != nil {
				return err
			}
			if s != rundir.Train {
				continue
			}
			if r.stages.Mine.Source != recipe.None {
				r.note("round %d: mine: %s", r.index, audit)
			}
			if err := rundir.WriteJSON(r.dir.FS, r.files.Audit(), audit); err != nil {
				return err
			}
			if err := r.show(rows); err != nil {
				return err
			}
		}
		return nil
	}})
}

func (r *round) mineOptions() mine.Options {
	m := r.stages.Mine
	return mine.Options{
		Window: mine.Window{From: m.Window.Start, To: m.Window.End}, Survivors: m.Survivors, Negatives: m.Negatives, Seed: r.recipe.Seed,
		Sampling: mine.Sampling(m.Sampling), MinScore: m.MinScore, MaxScore: m.MaxScore, Margin: m.Margin, RelativeMargin: m.RelativeMargin,
	}
}

// minedRow is one query with its negatives.
type minedRow struct {
	query  corpus.Query
	result mine.Result
}

func (r *round) mineSplit(s rundir.Split, o mine.Options) ([]minedRow, mine.Audit, error) {
	queries := r.data.queries[s]
	answers := r.data.answers(s)
	rows := make([]minedRow, len(queries))
	auditor := mine.NewAuditor(o, r.data.corpus.ID, func(p int32) string { return r.data.corpus.Passages[p].Full() })
	for i, q := range queries {
		rows[i].query = q
	}
	switch r.stages.Mine.Source {
	case recipe.Dense:
		if r.depth() < r.data.corpus.Len() {
			if err := o.ValidateDepth(r.depth(), mostTaken(answers, queries)); err != nil {
				return nil, mine.Audit{}, inputErrorf("%s: %w", r.recipe.At("mine.depth"), err)
			}
		}
		err := r.eachCandidates(s, func(i int, c ranking.Candidates) error {
			q := queries[i]
			result, err := mine.Negatives(c, answers.Excluded(q), r.index, o)
			if err != nil {
				return fmt.Errorf("query %q: %w", q.Key, err)
			}
			rows[i].result = result
			auditor.Add(c, q.Text, result)
			return nil
		})
		if err != nil {
			return nil, mine.Audit{}, err
		}
	case recipe.Random:
		positions := r.data.corpus.Positions()
		for i, q := range queries {
			rows[i].result = r.randomNegatives(q.Key, answers.Excluded(q), o, positions)
			auditor.Add(judgedOnly(q), q.Text, rows[i].result)
		}
	}
	return rows, auditor.Audit(), nil
}

// mostTaken is the most passages that answers and equal texts take out of a query's ranking.
func mostTaken(answers corpus.Answers, queries []corpus.Query) int {
	most := 0
	for _, q := range queries {
		most = max(most, len(answers.Excluded(q)))
	}
	return most
}

// randomNegatives draws from the whole corpus what is neither an answer nor of equal text: the control that mining is
// compared with. Positions is the corpus in the order that the draw counts in.
func (r *round) randomNegatives(key string, taken []int32, o mine.Options, positions []int32) mine.Result {
	excluded := map[int32]bool{}
	for _, p := range taken {
		excluded[p] = true
	}
	n := len(positions)
	source := draw.New(o.Seed, draw.Mining, r.index, 0, "random:"+key)
	result := mine.Result{Eligible: n - len(excluded)}
	for _, i := range source.Sample(n, min(n, o.Negatives+len(excluded))) {
		if p := positions[i]; !excluded[p] && len(result.Negatives) < o.Negatives {
			result.Negatives = append(result.Negatives, mine.Negative{Passage: p, Rank: -1})
		}
	}
	return result
}

// judgedOnly is a query's candidates where nothing was searched: its positives, without scores.
func judgedOnly(q corpus.Query) ranking.Candidates {
	c := ranking.Candidates{Query: q.Key}
	for _, p := range q.Positives {
		c.Positives = append(c.Positives, ranking.Positive{Passage: p})
	}
	return c
}

// provenance is the side field "quarry" of a mined row, which FlagEmbedding's trainer passes over: where each negative
// comes from, in the order of "neg". Scores and ranks are the miner's; those of random negatives are absent.
type provenance struct {
	Key           string               `json:"key"`
	Source        string               `json:"source"`
	Round         int                  `json:"round"`
	Miner         string               `json:"miner,omitempty"`
	Positives     []string             `json:"positives"`
	PositiveScore *float32             `json:"positive_score,omitempty"`
	Eligible      int                  `json:"eligible"`
	Negatives     []negativeProvenance `json:"negatives"`
}

type negativeProvenance struct {
	ID    string   `json:"id"`
	Rank  *int32   `json:"rank,omitempty"`
	Score *float32 `json:"score,omitempty"`
}

const provenanceKey = "quarry"

func (r *round) writeNegatives(s rundir.Split, rows []minedRow) error {
	return rundir.WriteFile(r.dir.FS, r.files.Negatives(s), func(w io.Writer) error {
		out := flagembedding.NewWriter(w, flagembedding.WriterOptions{})
		for _, m := range rows {
			row, err := r.flagRow(m)
			if err != nil {
				return err
			}
			if err := out.Write(row); err != nil {
				return err
			}
		}
		return out.Flush()
	})
}

func (r *round) flagRow(m minedRow) (*flagembedding.Row, error) {
	c := r.data.corpus
	from := provenance{Key: m.query.Key, Source: r.stages.Mine.Source, Round: r.index, Eligible: m.result.Eligible, Negatives: []negativeProvenance{}}
	if r.stages.Mine.Source == recipe.Dense {
		from.Miner = r.miner.digest
	}
	var positives, negatives []string
	for _, p := range m.query.Positives {
		positives = append(positives, c.Passages[p].Full())
		from.Positives = append(from.Positives, c.ID(p))
	}
	for _, n := range m.result.Negatives {
		negatives = append(negatives, c.Passages[n.Passage].Full())
		side := negativeProvenance{ID: c.ID(n.Passage)}
		if n.Rank >= 0 {
			side.Rank, side.Score = &n.Rank, &n.Score
			from.PositiveScore = &n.PositiveScore
		}
		from.Negatives = append(from.Negatives, side)
	}
	row := flagembedding.NewRow(m.query.Text, positives)
	row.SetNeg(negatives)
	if m.query.Prompt != "" {
		row.SetPrompt(m.query.Prompt)
	}
	raw, err := json.Marshal(from)
	if err != nil {
		return nil, fmt.Errorf("query %q: provenance: %w", m.query.Key, err)
	}
	return row, row.Set(provenanceKey, raw)
}

// readNegatives returns the negatives of a split by query key, as positions in the corpus.
func (r *round) readNegatives(s rundir.Split) (map[string][]int32, error) {
	path := r.files.Negatives(s)
	f, err := r.dir.FS.Open(path)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	rows, err := flagembedding.ReadAll(f, path)
	if err != nil {
		return nil, err
	}
	negatives := make(map[string][]int32, len(rows))
	for i, row := range rows {
		raw, ok := row.Get(provenanceKey)
		var from provenance
		if !ok || json.Unmarshal(raw, &from) != nil {
			return nil, fmt.Errorf("%s:%d: no readable %q field; run mine again", path, i+1, provenanceKey)
		}
		for _, n := range from.Negatives {
			p, ok := r.data.corpus.ByID(n.ID)
			if !ok {
				return nil, fmt.Errorf("%s:%d: negative %q is not in the corpus; run mine again", path, i+1, n.ID)
			}
			negatives[from.Key] = append(negatives[from.Key], p)
		}
	}
	return negatives, nil
}

// Sample is one mined query for people to look at. Ranks count from 1.
type Sample struct {
	Query     string
	Positive  SamplePassage // the best placed of several
	Negatives []SamplePassage
}

// SamplePassage is a passage of a Sample where the miner put it.
type SamplePassage struct {
	Text  string
	Rank  int
	Score float32
}

// show hands on what was mined for the queries that the caller wants to see, in the caller's order.
func (r *round) show(rows []minedRow) error {
	if r.events.Mined == nil || r.stages.Mine.Source != recipe.Dense {
		return nil
	}
	best := make([]ranking.Positive, len(rows))
	err := r.eachCandidates(rundir.Train, func(query int, c ranking.Candidates) error {
		best[query] = c.Positives[0] // every query has one
		return nil
	})
	if err != nil {
		return err
	}
	passage := func(p int32, rank int32, score float32) SamplePassage {
		return SamplePassage{r.data.corpus.Passages[p].Full(), int(rank) + 1, score}
	}
	samples := make([]Sample, 0, len(r.events.Show))
	for _, key := range r.events.Show {
		i := slices.IndexFunc(rows, func(m minedRow) bool { return m.query.Key == key })
		if i < 0 {
			return fmt.Errorf("query %q is to be shown and is not in train", key)
		}
		right := best[i]
		s := Sample{Query: rows[i].query.Text, Positive: passage(right.Passage, right.Rank, right.Score)}
		for _, n := range rows[i].result.Negatives {
			s.Negatives = append(s.Negatives, passage(n.Passage, n.Rank, n.Score))
		}
		samples = append(samples, s)
	}
	r.events.Mined(r.index, samples)
	return nil
}
