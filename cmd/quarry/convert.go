package main

import (
	"encoding/json"
	"errors"
	"io"
	"io/fs"
	"os"
	"path/filepath"

	"github.com/spf13/cobra"

	"github.com/quarry-ml/quarry/format/beir"
	"github.com/quarry-ml/quarry/format/trec"
	"github.com/quarry-ml/quarry/rundir"
)

// ConvertOptions are the flags of quarry convert.
type ConvertOptions struct {
	Source EvalOptions // where corpus, queries and judgments stand
	To     string
	Name   string
	Out    string
	Force  bool
}

// What a data set may be converted to, beside the layouts of format/beir.
const (
	toQuarry = "quarry" // corpus.jsonl, queries.jsonl with positive_ids
	toQrels  = "trec"   // qrels.txt alone: TREC's texts have no one format
)

func newConvertCommand(h *host) *cobra.Command {
	var o ConvertOptions
	cmd := &cobra.Command{
		Use:   "convert --to LAYOUT --out DIR",
		Short: "Write corpus, queries and judgments in another layout: BEIR's, MTEB's, TREC's, Quarry's",
		Long: `Write corpus, queries and judgments in another layout:

  beir     corpus.jsonl, queries.jsonl, qrels/NAME.tsv
  mteb     corpus.jsonl, queries.jsonl, qrels/NAME.jsonl
  trec     qrels.txt
  quarry   corpus.jsonl, queries.jsonl with positive_ids, as recipes and commands take them; grades above 1 become 1

They are read as quarry eval reads them: --corpus and --queries with positives, or with --qrels; or --data.`,
		Example: `  quarry convert --data mteb/scifact --to quarry --out scifact
  quarry convert --corpus corpus.jsonl --queries test.jsonl --to mteb --out task`,
		Args: noWords,
		RunE: func(*cobra.Command, []string) error { return runConvert(o, h) },
	}
	f := cmd.Flags()
	o.Source.Rank.Data.AddFlags(f)
	f.StringVar(&o.Source.Judgments.Qrels, "qrels", "", "judgments: a TREC qrels `file`, BEIR's columns (.tsv) or MTEB's objects (.jsonl)")
	f.StringVar(&o.Source.Judgments.Folder, "data", "", "`folder` in BEIR's or MTEB's layout, in place of --corpus, --queries and --qrels")
	f.StringVar(&o.Source.Judgments.Split, "split", "", "`name` of the judgments in --data (the only ones)")
	f.StringVar(&o.To, "to", "", "`layout`: beir, mteb, trec or quarry")
	f.StringVar(&o.Name, "name", "test", "name of the judgments that are written")
	f.StringVar(&o.Out, "out", "", "`directory` to write")
	f.BoolVar(&o.Force, "force", false, "replace files that are there")
	return cmd
}

// runConvert reads the data set and writes it.
func runConvert(o ConvertOptions, h *host) error {
	if err := need("to", o.To, "out", o.Out); err != nil {
		return err
	}
	if o.To != string(beir.BEIR) && o.To != string(beir.MTEB) && o.To != toQuarry && o.To != toQrels {
		return badInputf("--to %q is unknown: use %s, %s, %s or %s", o.To, beir.BEIR, beir.MTEB, toQrels, toQuarry)
	}
	if err := o.Source.validateData(); err != nil {
		return err
	}
	e, err := o.Source.judge(h)
	if err != nil {
		return err
	}
	d := &beir.Dataset{Corpus: e.corpus, Queries: e.queries, Split: o.Name}
	for _, j := range e.judged {
		for _, g := range j.Grades {
			d.Judgments = append(d.Judgments, beir.Judgment{Query: j.Query, Passage: e.corpus.ID(g.Passage), Grade: int(g.Grade)})
		}
	}
	sink := func(name string, write func(io.Writer) error) error {
		path := filepath.Join(o.Out, filepath.FromSlash(name))
		if _, err := os.Stat(path); !o.Force && !errors.Is(err, fs.ErrNotExist) {
			return badInputf("--out: %s is there already: name another directory, or replace it with --force", path)
		}
		return rundir.WriteFile(rundir.OS{}, path, write)
	}
	switch o.To {
	case toQrels:
		err = sink("qrels.txt", func(w io.Writer) error { return badInput(trec.WriteQrels(w, qrelsOf(d))) })
	case toQuarry:
		err = writeQuarry(h, d, sink)
	default:
		err = badInput(beir.Write(d, beir.Layout(o.To), sink))
	}
	if err != nil {
		return err
	}
	h.note("%d passages, %d judged queries, %d judgments in %s", d.Corpus.Len(), len(e.judged), len(d.Judgments), o.Out)
	return nil
}

func qrelsOf(d *beir.Dataset) []trec.Judgment {
	judgments := make([]trec.Judgment, len(d.Judgments))
	for i, j := range d.Judgments {
		judgments[i] = trec.Judgment{Query: j.Query, Document: j.Passage, Grade: j.Grade}
	}
	return judgments
}

// writeQuarry writes what recipes take: queries with their positives. Queries without one are left out and told.
func writeQuarry(h *host, d *beir.Dataset, sink func(string, func(io.Writer) error) error) error {
	positives, graded := map[string][]string{}, false
	for _, j := range d.Judgments {
		if j.Grade > 0 {
			positives[j.Query] = append(positives[j.Query], j.Passage)
			graded = graded || j.Grade > 1
		}
	}
	err := sink("corpus.jsonl", func(w io.Writer) error {
		lines := jsonLines(w)
		for _, p := range d.Corpus.Passages {
			row := struct {
				ID    string `json:"id"`
				Title string `json:"title,omitempty"`
				Text  string `json:"text"`
			}{p.ID, p.Title, p.Text}
			if err := lines.Encode(row); err != nil {
				return err
			}
		}
		return nil
	})
	if err != nil {
		return err
	}
	left := 0
	err = sink("queries.jsonl", func(w io.Writer) error {
		lines := jsonLines(w)
		for _, q := range d.Queries {
			if len(positives[q.Key]) == 0 {
				left++
				continue
			}
			row := struct {
				ID        string   `json:"id"`
				Query     string   `json:"query"`
				Positives []string `json:"positive_ids"`
			}{q.Key, q.Text, positives[q.Key]}
			if err := lines.Encode(row); err != nil {
				return err
			}
		}
		return nil
	})
	if graded {
		h.note("warning: grades above 1 become 1: positive_ids have none; evaluate against the grades with quarry eval --qrels")
	}
	if left > 0 {
		h.note("warning: %d queries without a positive are left out", left)
	}
	return err
}

func jsonLines(w io.Writer) *json.Encoder {
	lines := json.NewEncoder(w)
	lines.SetEscapeHTML(false)
	return lines
}
