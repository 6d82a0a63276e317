package main

import (
	"cmp"
	"errors"
	"fmt"
	"io"
	"math"
	"slices"
	"strings"

	"github.com/quarry-ml/quarry/corpus"
	"github.com/quarry-ml/quarry/draw"
)

// splitOff draws a share of queries as dev, as nearly as whole bundles allow and no more. A bundle is the rows that share
// a text or a group, directly or through others: split, they would tell dev's answers to training.
func splitOff(queries []corpus.Query, share float64, seed uint64) (train, dev []corpus.Query, err error) {
	bundles := corpus.Bundles(queries)
	hash := func(b corpus.Bundle) uint64 { return draw.Hash(seed, draw.Split, 0, 0, b.Name) }
	slices.SortFunc(bundles, func(a, b corpus.Bundle) int {
		return cmp.Or(cmp.Compare(hash(a), hash(b)), strings.Compare(a.Name, b.Name))
	})
	wanted := int(math.Round(share * float64(len(queries))))
	held := make([]bool, len(queries))
	for _, b := range bundles {
		if len(b.Rows) > wanted {
			continue
		}
		wanted -= len(b.Rows)
		for _, row := range b.Rows {
			held[row] = true
		}
	}
	for i, q := range queries {
		if held[i] {
			dev = append(dev, q)
		} else {
			train = append(train, q)
		}
	}
	if len(dev) == 0 || len(train) == 0 {
		return nil, nil, fmt.Errorf("%d queries in %d bundles of one text or group cannot be split %g to %g: name a file with --dev", len(queries), len(bundles), 1-share, share)
	}
	return train, dev, nil
}

// copyRows writes the lines of some queries of the file that a flag names, in its order and as they are.
func copyRows(h *host, flag, from, to string, queries []corpus.Query) (err error) {
	wanted := map[int]bool{}
	for _, q := range queries {
		wanted[q.Line] = true
	}
	f, err := h.open(flag, from)
	if err != nil {
		return badInput(err)
	}
	defer func() { err = errors.Join(err, f.Close()) }()
	lines := corpus.NewLines(f, from, corpus.LineOptions{})
	return writeOutput(h, to, func(w io.Writer) error {
		for {
			line, err := lines.Next()
			if errors.Is(err, io.EOF) {
				return nil
			}
			if err != nil {
				return err
			}
			if !wanted[lines.Number()] {
				continue
			}
			if _, err := w.Write(append(line, '\n')); err != nil {
				return err
			}
		}
	})
}
