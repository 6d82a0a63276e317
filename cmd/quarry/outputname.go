package main

import (
	"io"
	"path/filepath"
	"slices"
	"strings"

	"github.com/quarry-ml/quarry/corpus"
)

// packed packs what is written into a file as its name asks: gzip for .gz, Zstandard for .zst, nothing else.
func packed(path string, write func(io.Writer) error) func(io.Writer) error {
	packing := corpus.PackingOf(path)
	if packing == "" {
		return write
	}
	return func(w io.Writer) error {
		to, err := corpus.Pack(w, packing)
		if err != nil {
			return err
		}
		if err := write(to); err != nil {
			return err
		}
		return to.Close()
	}
}

// unpackedName is the name of a file without what says that it is packed.
func unpackedName(path string) string {
	if corpus.PackingOf(path) == "" {
		return path
	}
	return path[:len(path)-len(filepath.Ext(path))]
}

// endingOf is what a name says the kind of its file is, packed or not: .parquet.
func endingOf(path string) string { return strings.ToLower(filepath.Ext(unpackedName(path))) }

// mayNameRows refuses the name of an output whose kind of file takes rows in another form than JSON lines, and says what makes it
// of them: quarry convert, from the format that is written to itself, which Parquet files have a place for, or to a table.
func mayNameRows(flag, output, from, table string) error {
	to := from
	switch ending := endingOf(output); ending {
	case ".csv", ".tsv":
		to = table
	case ".parquet":
		if corpus.PackingOf(output) != "" {
			output = unpackedName(output) // Parquet packs its own pages
		}
	default:
		return nil
	}
	plain := unpackedName(output)
	plain = strings.TrimSuffix(plain, filepath.Ext(plain)) + ".jsonl"
	return badInputf("--%s %s: rows are written as JSON lines here: name %s, then `quarry convert --input %s --from %s --to %s --out %s`", flag, output, plain, plain, from, to, output)
}

// mayNameText refuses the name of an output that says another kind of file than the text, what, that is written.
func mayNameText(flag, output, what string, allowed ...string) error {
	ending := endingOf(output)
	if slices.Contains(allowed, ending) || !slices.Contains([]string{".parquet", ".csv", ".tsv", ".npy"}, ending) {
		return nil
	}
	return badInputf("--%s %s: %s is written, which no %s file is: choose another name", flag, output, what, ending)
}

// mayNotPack refuses .gz and .zst behind the name of an output that is read as it is.
func mayNotPack(flag, output, why string) error {
	if packing := corpus.PackingOf(output); packing != "" {
		return badInputf("--%s %s: %s: name it %s", flag, output, why, unpackedName(output))
	}
	return nil
}
