// Package beir reads and writes data sets in BEIR's layout, a folder with corpus.jsonl, queries.jsonl (each may be packed)
// and qrels/<split>.tsv, and in those of MTEB's retrieval tasks, whose judgments are qrels/<split>.jsonl, or whose tables are
// all Parquet files, as the Hugging Face hub keeps them.
package beir

import (
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"slices"

	"github.com/quarry-ml/quarry/corpus"
)

// Dataset is a corpus and the judged queries of one split.
type Dataset struct {
	Corpus    *corpus.Corpus
	Queries   []corpus.Query // those with a positive (or a judgment, under KeepUnanswered), in the order of queries.jsonl
	Judgments []Judgment     // all lines of the split, grades of zero too, in file order
	Split     string
	Asked     []string // files that the queries were read from, whose lines count through all of them (corpus.Join)
	Warnings  []corpus.Warning
	Unread    []string // what the first passage and the first query hold beside, for whoever writes the data set anew
}

// Options says what of a folder is read.
type Options struct {
	Split   string // name of the file in qrels/; empty means the only one there is
	MaxLine int    // longest line of corpus and queries in bytes; 0 means corpus.DefaultMaxLine
	// KeepUnanswered keeps queries whose grades are all zero: trec_eval scores them 0, others leave them out. Without it a
	// split of nothing else is an error.
	KeepUnanswered bool
	// GroupField is the key of queries that belong together; empty where there is none.
	GroupField string
}

// Open reads a folder. Ids are those of the files; a grade above zero makes a positive. A judgment of an unknown query or
// passage is an error with file and line; a query whose grades are all zero is left out with a warning, one without any
// judgment belongs to another split and is left out silently.
func Open(folder string, o Options) (*Dataset, error) {
	if info, err := os.Stat(folder); errors.Is(err, fs.ErrNotExist) {
		return nil, fmt.Errorf("%s: no such folder", folder)
	} else if err == nil && !info.IsDir() {
		return nil, fmt.Errorf("%s: not a folder: a data set is corpus, queries and qrels in one", folder)
	}
	splits, err := findSplits(folder)
	if err != nil {
		return nil, err
	}
	judgments, err := chooseSplit(folder, splits, o.Split)
	if err != nil {
		return nil, err
	}
	d := &Dataset{Split: judgments.split}
	read := corpus.ReadOptions{AllowUnjudged: true, MaxLine: o.MaxLine}
	passages, err := findTable(folder, "corpus", d.Split)
	if err != nil {
		return nil, err
	}
	asked, err := findTable(folder, "queries", d.Split)
	if err != nil {
		return nil, err
	}
	d.Asked = asked
	if err := d.noteUnread("passages", passages, "id", "_id", "title", "text"); err != nil {
		return nil, err
	}
	if err := d.noteUnread("queries", asked, "id", "_id", "query", "text"); err != nil {
		return nil, err
	}
	d.Corpus, err = load(d, passages, func(r io.Reader, name string) (*corpus.Corpus, []corpus.Warning, error) {
		return corpus.ReadPassages(r, name, read)
	})
	if err != nil {
		return nil, err
	}
	read.GroupField = o.GroupField
	queries, err := load(d, asked, func(r io.Reader, name string) ([]corpus.Query, []corpus.Warning, error) {
		return corpus.ReadQueries(r, name, d.Corpus, read)
	})
	if err != nil {
		return nil, err
	}
	d.Queries, err = load(d, judgments.files, func(r io.Reader, name string) ([]corpus.Query, []corpus.Warning, error) {
		if d.Judgments, err = ReadQrels(r, name); err != nil {
			return nil, nil, err
		}
		return judge(d.Corpus, queries, d.Judgments, name, o.KeepUnanswered)
	})
	if err != nil {
		return nil, err
	}
	return d, nil
}

// judge gives the queries their positives and returns those that have one.
func judge(c *corpus.Corpus, queries []corpus.Query, judgments []Judgment, name string, keepUnanswered bool) ([]corpus.Query, []corpus.Warning, error) {
	indexOf := make(map[string]int, len(queries))
	for i, q := range queries {
		indexOf[q.ID] = i
	}
	firstLine := map[int]int{} // of each judged query
	for _, j := range judgments {
		at, ok := indexOf[j.Query]
		if !ok {
			return nil, nil, fmt.Errorf("%s:%d: the queries have no %q", name, j.Line, j.Query)
		}
		p, ok := c.ByID(j.Passage)
		if !ok {
			return nil, nil, fmt.Errorf("%s:%d: query %q: the corpus has no passage %q", name, j.Line, j.Query, j.Passage)
		}
		if _, ok := firstLine[at]; !ok {
			firstLine[at] = j.Line
		}
		if j.Grade > 0 {
			queries[at].Positives = append(queries[at].Positives, p)
		}
	}
	var judged []corpus.Query
	var warnings []corpus.Warning
	without := 0
	for i, q := range queries {
		slices.Sort(q.Positives)
		line, named := firstLine[i]
		switch {
		case len(q.Positives) > 0, named && keepUnanswered:
			judged = append(judged, q)
		case named:
			if without++; without == 1 {
				warnings = append(warnings, corpus.Warning{File: name, Line: line, Text: fmt.Sprintf("query %q has no grade above 0 and is left out", q.ID)})
			}
		}
	}
	if without > 1 {
		warnings[0].Text += fmt.Sprintf(" (%d such queries in the file)", without)
	}
	if len(judged) == 0 {
		return nil, nil, fmt.Errorf("%s: no query has a positive", name)
	}
	return judged, warnings, nil
}
