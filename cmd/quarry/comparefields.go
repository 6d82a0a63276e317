package main

import (
	"context"
	"errors"
	"io"
	"path/filepath"
	"slices"

	"github.com/quarry-ml/quarry/corpus"
	"github.com/quarry-ml/quarry/report"
	"github.com/quarry-ml/quarry/rundir"
)

// addFields labels the queries of a run's epochs on one set by fields of their rows: those that --queries names, else those
// that the run's recipe names, and returns the file of rows. A field that no row has labels none.
func (o CompareOptions) addFields(ctx context.Context, h *host, run string, sides []report.Side, by []string, texts map[string]string) (file string, err error) {
	fields := fieldsOf(by)
	if len(fields) == 0 {
		return "", nil
	}
	passages, rows := o.Eval.Rank.Data, o.Eval.Rank.Data
	if rows.Queries == "" {
		if passages, rows, err = rowsOfRun(ctx, run, sides); err != nil {
			return "", badInputf("--by %s: %w", fields[0], err)
		}
	}
	var c *corpus.Corpus
	if passages.Corpus != "" { // keys of queries without ids are made of their positives
		if c, err = passages.readCorpus(h); err != nil {
			return "", err
		}
	}
	queries, err := rows.readQueries(h, "queries", rows.Queries, c, true)
	if err != nil {
		return "", err
	}
	for _, q := range queries {
		texts[q.Key] = q.Text
	}
	for _, field := range fields {
		labels := map[string]string{}
		if named, err := fieldLabels(h, field, []string{rows.Queries}, queries, labels); err != nil {
			return "", err
		} else if !named {
			continue
		}
		for _, side := range sides {
			for _, q := range side.Queries {
				label, ok := labels[q.ID]
				if !ok {
					return "", badInputf("%s has no row of query %q of %s (queries without ids need --corpus, too)", rows.Queries, q.ID, side.Name)
				}
				q.Labels[field] = label
			}
		}
	}
	return rows.Queries, nil
}

// addTexts finds the texts of the queries of a set that is not mined for, in the files that the run's recipe names: of dev what
// was mined has them. Texts are a help to the eye alone: where a file is gone, or is another one by now, there are none.
func (o CompareOptions) addTexts(ctx context.Context, h *host, run string, split rundir.Split, sides []report.Side, texts map[string]string) error {
	known := func(q report.SideQuery) bool { return texts[q.ID] != "" }
	if split == rundir.Dev || o.Show == 0 || len(sides) == 0 || !slices.ContainsFunc(sides[0].Queries, func(q report.SideQuery) bool { return !known(q) }) {
		return nil
	}
	passages, rows, err := rowsOfRun(ctx, run, sides)
	if err != nil {
		return ctx.Err()
	}
	var c *corpus.Corpus // keys of queries without ids are made of their positives
	var queries []corpus.Query
	err = readInput(h, "corpus", passages.Corpus, func(r io.Reader) (err error) { // what is odd in the files was told when they were scored
		c, _, err = corpus.ReadPassages(r, passages.Corpus, corpus.ReadOptions{IDField: passages.IDField})
		return err
	})
	if err != nil {
		return ctx.Err()
	}
	err = readInput(h, "queries", rows.Queries, func(r io.Reader) (err error) {
		queries, _, err = corpus.ReadQueries(r, rows.Queries, c, corpus.ReadOptions{IDField: rows.IDField, GroupField: rows.GroupField, AllowUnjudged: true})
		return err
	})
	if err != nil {
		return ctx.Err()
	}
	for _, q := range queries {
		if text, wanted := texts[q.Key]; wanted && text == "" {
			texts[q.Key] = q.Text
		}
	}
	return nil
}

// fieldsOf are the names that are fields of rows.
func fieldsOf(by []string) []string {
	return slices.DeleteFunc(slices.Clone(by), func(name string) bool {
		return slices.Contains([]string{report.BySeen, report.ByFrequency, report.ByLength}, name)
	})
}

// rowsOfRun names the files of one set that the recipe of a run names, the passages and the queries. They must be those
// that the sides were scored on.
func rowsOfRun(ctx context.Context, run string, sides []report.Side) (passages, rows DataOptions, err error) {
	const remedy = "name the recipe in place of the run directory, or the rows of one set: --on SET --queries FILE"
	texts := runTexts{remedy: remedy}
	d, err := texts.open(ctx, run, func(names rundir.DataNames) ([]string, error) {
		set, ok := names.Set(sides[0].On)
		if !ok {
			return nil, badInputf("the run's recipe names no %s any more: --on chooses among its sets", sides[0].On)
		}
		rows = DataOptions{Queries: set.Queries, IDField: set.IDField, GroupField: set.GroupField}
		passages = DataOptions{Corpus: set.Corpus, IDField: set.IDField}
		if set.Corpus == "" {
			passages = DataOptions{Corpus: names.Corpus, IDField: names.IDField}
		}
		return []string{rows.Queries, passages.Corpus}, nil
	})
	if err != nil {
		return passages, rows, err
	}
	rows.Queries, passages.Corpus = texts.path(rows.Queries), texts.path(passages.Corpus)
	for _, side := range sides {
		digest, _, err := rundir.DigestFile(ctx, rundir.RowFiles(d.FS), rows.Queries)
		if err == nil && side.Digest != "" && digest != side.Digest {
			err = badInputf("%s is not the file that %s was scored on (digest %.12s, and it was %.12s): run the recipe again, or %s", rows.Queries, side.Name, digest, side.Digest, remedy)
		}
		if err != nil {
			return passages, rows, errors.Join(err, d.Close())
		}
	}
	return passages, rows, d.Close()
}

// runTexts finds the files of texts that a run was made of.
type runTexts struct {
	folder string // that the recipe's relative paths start at; empty is that of the recipe, or of a run directory the one that holds its runs folder
	remedy string // what to do where a file is not there
}

// open opens a run directory to read. The files that pick chooses of those that its recipe names, as it writes them, must be
// the ones that the run was made of, by their digests.
func (t *runTexts) open(ctx context.Context, run string, pick func(rundir.DataNames) ([]string, error)) (*rundir.Dir, error) {
	path, err := reportedDir(run)
	if err != nil {
		return nil, err
	}
	d, err := rundir.Open(path, rundir.OpenOptions{ReadOnly: true})
	if err != nil {
		return nil, err
	}
	names, err := d.DataNames()
	if err != nil {
		return nil, errors.Join(err, d.Close())
	}
	if t.folder == "" {
		t.folder = filepath.Join(path, "..", "..") // runs/NAME beside the recipe
		if path != run {
			t.folder = filepath.Dir(run)
		}
	}
	picked, err := pick(names)
	if err != nil {
		return nil, errors.Join(err, d.Close())
	}
	var sources []rundir.Source
	for _, name := range picked {
		digest, _, err := rundir.DigestFile(ctx, rundir.RowFiles(d.FS), t.path(name))
		if err != nil {
			return nil, errors.Join(badInputf("the run's texts: %w: %s", err, t.remedy), d.Close())
		}
		sources = append(sources, rundir.Source{Name: name, Digest: digest})
	}
	if err := d.Close(); err != nil {
		return nil, err
	}
	return rundir.Open(path, rundir.OpenOptions{ReadOnly: true, Data: sources})
}

// path is where a file lies that the recipe names.
func (t *runTexts) path(name string) string {
	if filepath.IsAbs(name) {
		return name
	}
	return filepath.Join(t.folder, name)
}
