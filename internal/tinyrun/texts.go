package tinyrun

import (
	"fmt"

	"github.com/quarry-ml/quarry/corpus"
	"github.com/quarry-ml/quarry/rundir"
)

// Key is the key of a query; of a set of data.sets the split is its name.
func (r *Run) Key(s rundir.Split, i int) string { return r.hostile(fmt.Sprintf("%s-%d", s, i), i) }

// PassageID is the id of a passage. The prefix is that of a corpus besides the run's own: the name of its set, and a space.
func (r *Run) PassageID(prefix string, i int) string {
	return r.hostile(fmt.Sprintf("%sp%d", prefix, i), i)
}

// hostile is a name with the hostile text of a number behind it, where there is one.
func (r *Run) hostile(name string, i int) string {
	if i >= len(r.options.Hostile) {
		return name
	}
	return name + " " + r.options.Hostile[i]
}

// part is queries that are searched and mined.
type part struct {
	name            rundir.Split // in keys and texts
	split           rundir.Split // of the files
	set             string       // of data.sets; empty for the run's own
	corpus, queries string       // files
	prefix          string       // of the passages' ids and texts; empty for the run's own
}

func (r *Run) parts() []part {
	parts := []part{
		{name: rundir.Train, split: rundir.Train, corpus: "corpus.jsonl", queries: "train.jsonl"},
		{name: rundir.Dev, split: rundir.Dev, corpus: "corpus.jsonl", queries: "dev.jsonl"},
	}
	for i, name := range r.options.Sets {
		p := part{name: rundir.Split(name), split: rundir.Train, set: name, corpus: "corpus.jsonl", queries: name + ".jsonl"}
		if i > 0 {
			p.corpus, p.prefix = name+"-corpus.jsonl", name+" "
		}
		parts = append(parts, p)
	}
	return parts
}

// held are the queries that epochs alone are scored on, besides dev: of test, and of data.also where it has files.
func (r *Run) held() []part {
	var parts []part
	if r.options.Test > 0 {
		parts = append(parts, part{name: rundir.Test, split: rundir.Test, corpus: "corpus.jsonl", queries: "test.jsonl"})
	}
	if r.options.Ranked {
		for i := range r.options.Also {
			parts = append(parts, r.also(i))
		}
	}
	return parts
}

// also is the queries of a set of data.also.
func (r *Run) also(i int) part {
	name := r.options.Also[i]
	p := part{name: rundir.AlsoSplit(name), split: rundir.AlsoSplit(name), corpus: "corpus.jsonl", queries: name + ".jsonl"}
	if i > 0 {
		p.corpus, p.prefix = name+"-corpus.jsonl", name+" "
	}
	return p
}

// files are a round's files of a part.
func (p part) files(d *rundir.Dir, round int) rundir.RoundLayout {
	if p.set == "" {
		return d.Round(round)
	}
	return d.Round(round).Set(p.set)
}

func (r *Run) corpus(prefix string) *corpus.Corpus {
	passages := make([]corpus.Passage, r.options.Passages)
	for i := range passages {
		passages[i] = corpus.Passage{ID: r.PassageID(prefix, i), Text: prefix + r.passage(i)}
	}
	c, err := corpus.New(passages)
	if err != nil {
		panic(err) // the ids differ
	}
	return c
}

func (r *Run) count(s rundir.Split) int {
	switch s {
	case rundir.Dev:
		return r.options.Dev
	case rundir.Test:
		return r.options.Test
	}
	return r.options.Train
}

func (r *Run) query(s rundir.Split, i int) string {
	if i < len(r.options.Hostile) {
		return fmt.Sprintf("%s (%s)", r.options.Hostile[i], s)
	}
	return fmt.Sprintf("What is %d + %d? (%s)", i, i+1, s)
}

func (r *Run) passage(i int) string {
	if i < len(r.options.Hostile) {
		return fmt.Sprintf("passage %d %s", i, r.options.Hostile[i])
	}
	return fmt.Sprintf("Adds %d instead of %d", i, i+1)
}

// positive is the passage that answers a query.
func (r *Run) positive(s rundir.Split, i int) int {
	if s == rundir.Dev {
		i *= 3
	}
	return i % r.options.Passages
}
