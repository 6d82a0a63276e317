package main

import (
	"bytes"
	"encoding/json"
	"fmt"
	"io"
	"slices"

	"github.com/quarry-ml/quarry/corpus"
	"github.com/quarry-ml/quarry/format/flagembedding"
)

// trainingSet is what is trained on and what eval_loss is taken on.
type trainingSet struct {
	corpus      *corpus.Corpus
	named       bool // the passages come from --corpus; else from the rows, and their texts are their names
	train, dev  []corpus.Query
	judged      *data       // what epochs are measured on in place of dev and corpus; nil is those, where the corpus is named
	shownDev    shown       // before the queries of dev
	shownJudged shown       // before those of judged
	files       []trainFile // of the training rows, in order
	datasets    []dataset   // that batches are of one of; none where all rows share them
}

// fileOf is the file that a training row is of.
func (s *trainingSet) fileOf(row int) trainFile {
	after := slices.IndexFunc(s.files, func(f trainFile) bool { return f.first > row })
	if after < 0 {
		after = len(s.files)
	}
	return s.files[after-1]
}

// rowsOf are the training rows of a file.
func (s *trainingSet) rowsOf(file int) []corpus.Query {
	if file == len(s.files)-1 {
		return s.train[s.files[file].first:]
	}
	return s.train[s.files[file].first:s.files[file+1].first]
}

// readTraining reads the rows, and the corpus where there is one.
func (o FinetuneOptions) readTraining(h *host) (*trainingSet, error) {
	set := &trainingSet{named: o.Data.Corpus != ""}
	var err error
	if set.named {
		set.corpus, err = o.Data.readCorpus(h)
	} else {
		set.corpus, err = o.textsOfRows(h)
	}
	if err != nil {
		return nil, err
	}
	if err := o.readTrain(h, set); err != nil {
		return nil, err
	}
	if !slices.ContainsFunc(set.train, func(q corpus.Query) bool { return len(q.Negatives) > 0 }) && o.Tune.GroupSize > 1 && !o.crossEncoder() {
		h.note("warning: %s: no row has \"neg\" texts: only the other passages of a batch are negatives", o.Train)
	}
	if o.Dev != "" {
		if set.dev, err = o.readRows(h, "dev", o.Dev, set); err != nil {
			return nil, err
		}
		for i, f := range set.files {
			if leaks := corpus.Leaks(set.rowsOf(i), set.dev); len(leaks) > 0 {
				rows, text := corpus.DescribeLeaks(leaks, f.path, o.Dev)
				h.note("warning: %d dev queries are known from training, and scores on them flatter:%s", rows, text)
			}
		}
	}
	return set, o.readEvaluation(h, set)
}

// measured says whether epochs are measured over a corpus.
func (s *trainingSet) measured(o FinetuneOptions) bool {
	return s.judged != nil || s.named && o.Dev != ""
}

// textsOfRows makes a corpus of the texts of all rows.
func (o FinetuneOptions) textsOfRows(h *host) (*corpus.Corpus, error) {
	files := []string{o.Train}
	if o.Mix != nil {
		var err error
		if files, err = o.Mix.files(); err != nil {
			return nil, err
		}
	}
	var named []string
	for _, file := range files {
		if o.Kinds {
			if err := checkKinds(h, file); err != nil {
				return nil, err
			}
		}
		named = append(named, "train", file)
	}
	return textsOf(h, append(named, "dev", o.Dev)...)
}

// readTrain reads the training rows: of one file, or of datasets.
func (o FinetuneOptions) readTrain(h *host, set *trainingSet) error {
	if o.Mix != nil {
		return o.readDatasets(h, set)
	}
	f := trainFile{path: o.Train}
	var err error
	if set.train, err = o.readRows(h, "train", o.Train, set); err != nil {
		return err
	}
	if o.Tune.Distill != "" {
		f.teacher, err = o.readTeacher(h, o.Train)
	}
	set.files = []trainFile{f}
	return err
}

// readTeacher reads a teacher's scores of the training rows of a file, from there unless another file is named.
func (o FinetuneOptions) readTeacher(h *host, path string) (*flagembedding.Teacher, error) {
	flag := "train"
	if o.Teacher != "" {
		flag, path = "teacher-scores", o.Teacher
	}
	var t *flagembedding.Teacher
	err := readInput(h, flag, path, func(r io.Reader) error {
		var err error
		t, err = flagembedding.ReadTeacher(r, path)
		return err
	})
	return t, err
}

// readRows reads queries with their positives and negatives, under the keys that they were mined with.
func (o FinetuneOptions) readRows(h *host, flag, path string, set *trainingSet) ([]corpus.Query, error) {
	var keys []string
	err := readInput(h, flag, path, func(r io.Reader) error {
		var err error
		keys, err = minedKeys(r, path)
		return err
	})
	if err != nil {
		return nil, err
	}
	var queries []corpus.Query
	err = readInput(h, flag, path, func(r io.Reader) error {
		if !set.named {
			r = withoutIDs(r, path)
		}
		var warnings []corpus.Warning
		var err error
		queries, warnings, err = corpus.ReadQueries(r, path, set.corpus, corpus.ReadOptions{IDField: o.Data.IDField, GroupField: o.Data.GroupField, OtherGroup: minedGroup})
		warn(h, warnings)
		for i := range queries {
			if keys[i] != "" {
				queries[i].Key = keys[i]
			}
		}
		if err == nil {
			err = checkKeys(path, queries)
		}
		if err == nil && (o.Texts.PromptFromRow || o.Texts.rowFormat != "") {
			err = corpus.CheckPrompts(queries, path)
		}
		return err
	})
	return queries, err
}

// checkKeys refuses rows of one key: draws are by the key, and two rows would have one draw.
func checkKeys(path string, queries []corpus.Query) error {
	lineOf := make(map[string]int, len(queries))
	for _, q := range queries {
		if first, ok := lineOf[q.Key]; ok {
			return fmt.Errorf("%s:%d: the query of key %q stands in line %d already: give the rows ids of their own", path, q.Line, q.Key, first)
		}
		lineOf[q.Key] = q.Line
	}
	return nil
}

// textsOf makes a corpus of the different "pos" and "neg" texts of files. Flags and their paths alternate, as in need.
func textsOf(h *host, files ...string) (*corpus.Corpus, error) {
	seen := map[string]bool{}
	var passages []corpus.Passage
	for i := 0; i < len(files); i += 2 {
		flag, path := files[i], files[i+1]
		if path == "" {
			continue
		}
		err := readInput(h, flag, path, func(r io.Reader) error {
			lines := corpus.NewLines(r, path, corpus.LineOptions{})
			return lines.Each(func(row corpus.Object) error {
				for _, key := range []string{"pos", "neg"} {
					texts, err := textsAt(row, key, path)
					if err != nil {
						return lines.Errorf("%w", err)
					}
					for _, text := range texts {
						if p := (corpus.Passage{Text: text}); !seen[p.Full()] {
							seen[p.Full()] = true
							passages = append(passages, p)
						}
					}
				}
				return nil
			})
		})
		if err != nil {
			return nil, err
		}
	}
	return corpus.New(passages)
}

// textsAt is a row's list of texts; file stands for the rows in errors. Without a corpus, positives can only be texts.
func textsAt(row corpus.Object, key, file string) ([]string, error) {
	raw, ok := row.Get(key)
	if !ok && key == "pos" {
		return nil, fmt.Errorf(`no "pos" texts: give them, or name the corpus that holds the positives with --corpus%s`, corpus.Conversion(row, file))
	}
	if !ok {
		return nil, nil
	}
	texts, err := corpus.Texts(raw)
	if err != nil {
		return nil, fmt.Errorf("%q: %w", key, err)
	}
	return texts, nil
}

// withoutIDs is a file without the ids of positives, every row on its old line: without their corpus they mean nothing,
// and the texts judge.
func withoutIDs(r io.Reader, name string) io.Reader {
	return &idless{lines: corpus.NewLines(r, name, corpus.LineOptions{}), line: 1}
}

// idless reads the rows of lines without ids.
type idless struct {
	lines *corpus.Lines
	line  int          // the next
	row   bytes.Buffer // what is left of the last
}

// Read implements io.Reader.
func (r *idless) Read(b []byte) (int, error) {
	if r.row.Len() == 0 {
		row, err := r.lines.NextObject()
		if err != nil {
			return 0, err
		}
		if err := r.write(row); err != nil {
			return 0, err
		}
	}
	return r.row.Read(b)
}

func (r *idless) write(row corpus.Object) error {
	r.row.Reset()
	for ; r.line < r.lines.Number(); r.line++ {
		r.row.WriteByte('\n')
	}
	separator := byte('{')
	for _, f := range row {
		if f.Key == "correct_id" || f.Key == "positive_ids" {
			continue
		}
		key, err := json.Marshal(f.Key)
		if err != nil {
			return err
		}
		r.row.WriteByte(separator)
		separator = ','
		r.row.Write(key)
		r.row.WriteByte(':')
		r.row.Write(f.Value)
	}
	r.row.WriteString("}\n")
	r.line++
	return nil
}
