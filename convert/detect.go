package convert

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
	"github.com/quarry-ml/quarry/format/nemo"
	"github.com/quarry-ml/quarry/format/sentencetransformers"
	"github.com/quarry-ml/quarry/format/table"
	"github.com/quarry-ml/quarry/format/tevatron"
)

// Detect tells the format of a file or folder by what is in it.
func Detect(path string, o ReadOptions) (Format, error) {
	info, missing := os.Stat(path)
	switch {
	case missing != nil: // a split of a folder's, or nothing
	case info.IsDir():
		if format := formatOf(path); format != "" {
			return ByName(format)
		}
	case isNemo(path):
		return ByName("nemo")
	}
	kind, err := kindOf(path, o)
	switch {
	case errors.Is(err, corpus.ErrNoShards):
		return Format{}, fmt.Errorf("%s: no data set in a format that is known: want qrels/, %s, queries.jsonl or Parquet files", path, nemo.RowsFile)
	case err != nil && missing != nil && !errors.Is(err, fs.ErrNotExist): // what the name lacks says less
		return Format{}, missing
	case err != nil:
		return Format{}, err
	}
	f, err := corpus.OpenRows(corpus.Disk{}, path, o.Split)
	if err != nil {
		return Format{}, err
	}
	defer f.Close()
	rows, err := table.NewReader(f, path, kind)
	if err != nil {
		return Format{}, err
	}
	first, err := rows.NextObject()
	if errors.Is(err, io.EOF) {
		return Format{}, fmt.Errorf("%s: no rows", path)
	}
	if err != nil {
		return Format{}, err
	}
	switch {
	case tevatron.Is(first):
		return ByName("tevatron")
	case first.Has("query") && first.Has("pos"):
		return ByName("flagembedding")
	case first.Has("positive_ids"), first.Has("correct_id"):
		return Format{}, fmt.Errorf("%s: the rows name passages of a corpus: name that too", path)
	}
	if layout, ok := sentencetransformers.Detect(first); ok {
		return ByName(string(layout))
	}
	return Format{}, rows.Errorf("the columns do not tell the format: say which it is")
}

// formatOf tells the format of a folder by its files; it is empty where they are none of a data set's, but perhaps rows in Parquet.
func formatOf(folder string) string {
	has := func(name string) bool {
		_, err := os.Stat(filepath.Join(folder, name))
		return err == nil
	}
	switch {
	case has(nemo.RowsFile):
		return "nemo"
	case has("qrels"), (has("data") || has("default")) && hasCorpus(folder):
		return "beir"
	case has("queries.jsonl"):
		return "quarry"
	}
	return ""
}

// hasCorpus says whether a folder has passages beside what its data folder holds, which is then judgments.
func hasCorpus(folder string) bool {
	entries, err := os.ReadDir(folder)
	return err == nil && slices.ContainsFunc(entries, func(e os.DirEntry) bool { return strings.HasPrefix(e.Name(), "corpus") })
}
