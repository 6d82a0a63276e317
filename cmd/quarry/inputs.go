package main

import (
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"

	"github.com/spf13/pflag"

	"github.com/quarry-ml/quarry/corpus"
	"github.com/quarry-ml/quarry/review"
)

// DataOptions are the flags that name a corpus and queries.
type DataOptions struct {
	Corpus, Queries string
	IDField         string
	GroupField      string

	PassageGroupField string // of the corpus; a flag of quarry mine alone

	known bool // the corpus was looked over when it was ranked, and its warnings were said then
}

// AddFlags adds the flags to a command.
func (o *DataOptions) AddFlags(f *pflag.FlagSet) {
	f.StringVar(&o.Corpus, "corpus", "", "passages: JSONL `file` with text, and optionally id (or _id) and title")
	f.StringVar(&o.Queries, "queries", "", "queries: JSONL `file` with query (or text), and optionally id and positives (pos, correct_id, positive_ids)")
	o.addFields(f)
}

func (o *DataOptions) addFields(f *pflag.FlagSet) {
	f.StringVar(&o.IDField, "id-field", "", "`key` that holds ids (id, or _id)")
	f.StringVar(&o.GroupField, "group-field", "", "`key` of queries that belong together, such as answers to one question")
}

// data is a corpus and queries on it.
type data struct {
	corpus  *corpus.Corpus
	queries []corpus.Query

	said *review.Verdicts // on the queries' negatives; nil but in quarry mine with --verdicts
}

// queryPlace is where the first query of a text stands.
func (d data) queryPlace(text string) string {
	for _, q := range d.queries {
		if q.Text == text {
			return q.Place()
		}
	}
	return fmt.Sprintf("query %.60q", text)
}

// passagePlace is where the first passage of a text stands.
func (d data) passagePlace(text string) string {
	for _, p := range d.corpus.ByText(text) {
		return d.corpus.Place(p)
	}
	return fmt.Sprintf("passage %.60q", text)
}

// read reads both files. Unjudged queries are an error unless allowed.
func (o DataOptions) read(h *host, allowUnjudged bool) (data, error) {
	if err := need("corpus", o.Corpus, "queries", o.Queries); err != nil {
		return data{}, err
	}
	c, err := o.readCorpus(h)
	if err != nil {
		return data{}, err
	}
	queries, err := o.readQueries(h, "queries", o.Queries, c, allowUnjudged)
	return data{corpus: c, queries: queries}, err
}

func (o DataOptions) readCorpus(h *host) (*corpus.Corpus, error) {
	var c *corpus.Corpus
	err := readInput(h, "corpus", o.Corpus, func(r io.Reader) error {
		var warnings []corpus.Warning
		var err error
		c, warnings, err = corpus.ReadPassages(r, o.Corpus, corpus.ReadOptions{IDField: o.IDField, GroupField: o.PassageGroupField})
		if !o.known {
			warn(h, warnings)
		}
		return err
	})
	return c, err
}

func (o DataOptions) readQueries(h *host, flag, path string, c *corpus.Corpus, allowUnjudged bool) ([]corpus.Query, error) {
	var queries []corpus.Query
	err := readInput(h, flag, path, func(r io.Reader) error {
		var warnings []corpus.Warning
		var err error
		queries, warnings, err = corpus.ReadQueries(r, path, c, corpus.ReadOptions{IDField: o.IDField, GroupField: o.GroupField, AllowUnjudged: allowUnjudged})
		warn(h, warnings)
		return err
	})
	return queries, err
}

func warn(h *host, warnings []corpus.Warning) {
	for _, w := range warnings {
		h.note("warning: %s", w)
	}
}

// readInput opens a file that a flag names and lets it be read. What is wrong with it is a fault of the input.
func readInput(h *host, flag, path string, read func(io.Reader) error) error {
	f, err := h.open(flag, path)
	if err != nil {
		return badInputf("--%s: %w", flag, err)
	}
	return errors.Join(badInput(read(f)), f.Close())
}

// mustBeNew refuses a directory that is there already: what is in it may not come again.
func mustBeNew(flag, dir string) error {
	entries, err := os.ReadDir(dir)
	switch {
	case errors.Is(err, fs.ErrNotExist):
		return nil
	case err != nil:
		return badInputf("--%s: %w", flag, err)
	case len(entries) > 0:
		return badInputf("--%s %s is there already: remove it or choose another", flag, dir)
	}
	return nil
}
