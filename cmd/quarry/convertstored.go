package main

import (
	"context"
	"fmt"
	"io"
	"os"
	"slices"
	"strings"

	"github.com/quarry-ml/quarry/convert"
	"github.com/quarry-ml/quarry/corpus"
	"github.com/quarry-ml/quarry/format/candidates"
)

// fromStored says whether what is read is stored candidates: by --from, or where that is not said by the first bytes.
func (o *ConvertOptions) fromStored(h *host) (bool, error) {
	if o.From == "" && o.Input != "" && o.Input != standard {
		if f, err := os.Open(o.Input); err == nil { // whoever reads on tells what is wrong
			if candidates.Is(f) {
				o.From = convert.Candidates
				h.note("%s is read as %s", o.Input, o.From)
			}
			_ = f.Close() // it was only read
		}
	}
	switch {
	case o.To == convert.Candidates:
		return false, badInputf("--to %s: candidates are made by a search alone (quarry mine --save-candidates)", o.To)
	case o.From == convert.Candidates && !slices.Contains(convert.Runs(), o.To):
		return false, badInputf("candidates cannot become %s: they hold rankings, which --to writes as %s", o.To, strings.Join(convert.Runs(), " or "))
	case o.From != convert.Candidates && o.Ranker != "":
		return false, badInputf("--source has no part without --from %s", convert.Candidates)
	}
	return o.From == convert.Candidates, nil
}

// convertStored writes the rankings of stored candidates as a run. Their passages are places in the corpus, whose ids the run names.
func (o ConvertOptions) convertStored(ctx context.Context, h *host) error {
	from := o.Source.Rank.Data
	if from.Corpus == "" {
		return badInputf("--corpus is needed: candidates hold places of passages in it, and a run names their ids")
	}
	if from.Queries != "" || o.Source.Judgments.Qrels != "" || o.Source.Judgments.Folder != "" {
		return badInputf("--queries, --qrels and --data have no part in converting candidates, which hold the keys of their queries")
	}
	if err := need("input", o.Input); err != nil {
		return err
	}
	passages, err := from.readCorpus(h)
	if err != nil {
		return err
	}
	options := convert.StoredOptions{To: o.To, Tag: o.Name, Packing: corpus.PackingOf(o.Out), Source: o.Ranker}
	queries, empty := 0, 0
	err = readInput(h, "input", o.Input, func(r io.Reader) error {
		file, err := candidates.NewReader(r, o.Input)
		if err != nil {
			return err
		}
		header := file.Header()
		digest, err := digestInput(h, "corpus", from.Corpus)
		if err != nil {
			return err
		}
		if digest != header.CorpusDigest || header.Passages != passages.Len() {
			return fmt.Errorf("--input %s: they are of another corpus than %s: name the one that was ranked", o.Input, from.Corpus)
		}
		if o.Ranker != "" {
			if _, err := header.Place(o.Ranker); err != nil {
				return fmt.Errorf("--source %s: %w", o.Ranker, err)
			}
		}
		if err := o.tell(h, convert.StoredLosses(header, options)); err != nil {
			return err
		}
		return o.sink("", func(w io.Writer) error {
			queries, empty, err = convert.WriteStored(failing{w}, file, passages.ID, options)
			return err
		})
	})
	if err != nil {
		return err
	}
	if empty > 0 {
		h.note("lost: queries without a hit: left out (%d)", empty)
	}
	h.note("%d rankings in %s", queries-empty, o.Out)
	return ctx.Err()
}
