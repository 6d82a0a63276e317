// Package beir reads data sets in BEIR's layout: a folder with corpus.jsonl, queries.jsonl (each may be gzipped, with or
// without .gz) and qrels/<split>.tsv.
package beir

import (
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"github.com/quarry-ml/quarry/corpus"
)

// Dataset is a corpus and the judged queries of one split.
type Dataset struct {
	Corpus    *corpus.Corpus
	Queries   []corpus.Query // those with a positive, in the order of queries.jsonl
	Judgments []Judgment     // all lines of the split, grades of zero too, in file order
	Split     string
	Warnings  []corpus.Warning
}

// Options says what of a folder is read.
type Options struct {
	Split   string // name of the file in qrels/; empty means the only one there is
	MaxLine int    // longest line of corpus and queries in bytes; 0 means corpus.DefaultMaxLine
}

// Open reads a folder. Ids are those of the files; a grade above zero makes a positive. A judgment of an unknown query or
// passage is an error with file and line; a query whose grades are all zero is left out with a warning, one without any
// judgment belongs to another split and is left out silently.
func Open(folder string, o Options) (*Dataset, error) {
	split, err := findSplit(folder, o.Split)
	if err != nil {
		return nil, err
	}
	d := &Dataset{Split: split}
	read := corpus.ReadOptions{AllowUnjudged: true, MaxLine: o.MaxLine}
	d.Corpus, err = load(d, filepath.Join(folder, "corpus.jsonl"), func(r io.Reader, name string) (*corpus.Corpus, []corpus.Warning, error) {
		return corpus.ReadPassages(r, name, read)
	})
	if err != nil {
		return nil, err
	}
	queries, err := load(d, filepath.Join(folder, "queries.jsonl"), func(r io.Reader, name string) ([]corpus.Query, []corpus.Warning, error) {
		return corpus.ReadQueries(r, name, d.Corpus, read)
	})
	if err != nil {
		return nil, err
	}
	d.Queries, err = load(d, filepath.Join(folder, "qrels", split+".tsv"), func(r io.Reader, name string) ([]corpus.Query, []corpus.Warning, error) {
		if d.Judgments, err = ReadQrels(r, name); err != nil {
			return nil, nil, err
		}
		return judge(d.Corpus, queries, d.Judgments, name)
	})
	if err != nil {
		return nil, err
	}
	return d, nil
}

// load reads path, or path with .gz behind it, and keeps the warnings.
func load[T any](d *Dataset, path string, read func(r io.Reader, name string) (T, []corpus.Warning, error)) (T, error) {
	var none T
	f, err := os.Open(path)
	if errors.Is(err, fs.ErrNotExist) {
		var packed error
		if f, packed = os.Open(path + ".gz"); packed != nil {
			return none, fmt.Errorf("%w (nor is there %s.gz)", err, filepath.Base(path))
		}
		path += ".gz"
	} else if err != nil {
		return none, err
	}
	defer f.Close()
	loaded, warnings, err := read(f, path)
	d.Warnings = append(d.Warnings, warnings...)
	return loaded, err
}

// findSplit returns the wanted split, or the only one of the folder.
func findSplit(folder, wanted string) (string, error) {
	if wanted != "" {
		return wanted, nil
	}
	entries, err := os.ReadDir(filepath.Join(folder, "qrels"))
	if err != nil {
		return "", err
	}
	var splits []string
	for _, e := range entries {
		if split, ok := strings.CutSuffix(strings.TrimSuffix(e.Name(), ".gz"), ".tsv"); ok && !slices.Contains(splits, split) {
			splits = append(splits, split)
		}
	}
	switch len(splits) {
	case 1:
		return splits[0], nil
	case 0:
		return "", fmt.Errorf("%s: no qrels/*.tsv", folder)
	}
	return "", fmt.Errorf("%s: several splits (%s); say which", folder, strings.Join(splits, ", "))
}

// judge gives the queries their positives and returns those that have one.
func judge(c *corpus.Corpus, queries []corpus.Query, judgments []Judgment, name string) ([]corpus.Query, []corpus.Warning, error) {
	indexOf := make(map[string]int, len(queries))
	for i, q := range queries {
		indexOf[q.ID] = i
	}
	firstLine := map[int]int{} // of each judged query
	for _, j := range judgments {
		at, ok := indexOf[j.Query]
		if !ok {
			return nil, nil, fmt.Errorf("%s:%d: queries.jsonl has no query %q", name, j.Line, j.Query)
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
		case len(q.Positives) > 0:
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
