// Package beir reads and writes data sets in BEIR's layout, a folder with corpus.jsonl, queries.jsonl (each may be gzipped,
// with or without .gz) and qrels/<split>.tsv, and in that of MTEB's retrieval tasks, whose judgments are qrels/<split>.jsonl.
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
	Queries   []corpus.Query // those with a positive (or a judgment, under KeepUnanswered), in the order of queries.jsonl
	Judgments []Judgment     // all lines of the split, grades of zero too, in file order
	Split     string
	Warnings  []corpus.Warning
}

// Options says what of a folder is read.
type Options struct {
	Split   string // name of the file in qrels/; empty means the only one there is
	MaxLine int    // longest line of corpus and queries in bytes; 0 means corpus.DefaultMaxLine
	// KeepUnanswered keeps queries whose grades are all zero: trec_eval scores them 0, others leave them out.
	KeepUnanswered bool
	// GroupField is the key of queries that belong together; empty where there is none.
	GroupField string
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
	read.GroupField = o.GroupField
	queries, err := load(d, filepath.Join(folder, "queries.jsonl"), func(r io.Reader, name string) ([]corpus.Query, []corpus.Warning, error) {
		return corpus.ReadQueries(r, name, d.Corpus, read)
	})
	if err != nil {
		return nil, err
	}
	file, err := qrelsFile(folder, split)
	if err != nil {
		return nil, err
	}
	d.Queries, err = load(d, file, func(r io.Reader, name string) ([]corpus.Query, []corpus.Warning, error) {
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
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		return "", err
	}
	var splits []string
	for _, e := range entries {
		name := strings.TrimSuffix(e.Name(), ".gz")
		for _, kind := range qrelsKinds {
			if split, ok := strings.CutSuffix(name, kind); ok && !slices.Contains(splits, split) {
				splits = append(splits, split)
			}
		}
	}
	switch len(splits) {
	case 1:
		return splits[0], nil
	case 0:
		return "", fmt.Errorf("%s: no qrels/*.tsv (BEIR) and no qrels/*.jsonl (MTEB)%s", folder, parquetHint(folder))
	}
	return "", fmt.Errorf("%s: several splits (%s); say which", folder, strings.Join(splits, ", "))
}

// qrelsKinds are the endings of files of judgments: BEIR's and MTEB's.
var qrelsKinds = []string{".tsv", ".jsonl"}

// qrelsFile is the file of a split's judgments, without .gz. A split judged in both layouts is an error: which one counts?
func qrelsFile(folder, split string) (string, error) {
	var found []string
	for _, kind := range qrelsKinds {
		path := filepath.Join(folder, "qrels", split+kind)
		for _, packed := range []string{"", ".gz"} {
			if _, err := os.Stat(path + packed); err == nil {
				found = append(found, path)
				break
			}
		}
	}
	switch len(found) {
	case 0:
		return filepath.Join(folder, "qrels", split+".tsv"), nil // opening it says what is not there
	case 1:
		return found[0], nil
	}
	return "", fmt.Errorf("%s: %s and %s both judge split %q; remove one", folder, filepath.Base(found[0]), filepath.Base(found[1]), split)
}

// parquetHint says what to do with a folder as the hub keeps it.
func parquetHint(folder string) string {
	for _, pattern := range []string{"*.parquet", filepath.Join("*", "*.parquet")} {
		if found, err := filepath.Glob(filepath.Join(folder, pattern)); err == nil && len(found) > 0 {
			return "; the folder holds Parquet files: write them as JSON lines first (in Python: datasets.load_dataset(…)[split].to_json(path))"
		}
	}
	return ""
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
	if !slices.ContainsFunc(judged, func(q corpus.Query) bool { return len(q.Positives) > 0 }) {
		return nil, nil, fmt.Errorf("%s: no query has a positive", name)
	}
	return judged, warnings, nil
}
