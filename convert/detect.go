package convert

import (
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"

	"github.com/quarry-ml/quarry/format/nemo"
	"github.com/quarry-ml/quarry/format/sentencetransformers"
	"github.com/quarry-ml/quarry/format/table"
	"github.com/quarry-ml/quarry/format/tevatron"
)

// Detect tells the format of a file or folder by what is in it.
func Detect(path string) (Format, error) {
	info, err := os.Stat(path)
	if err != nil {
		return Format{}, err
	}
	if info.IsDir() {
		return detectFolder(path)
	}
	if isNemo(path) {
		return ByName("nemo")
	}
	kind, err := table.KindOf(path)
	if err != nil {
		return Format{}, err
	}
	f, err := os.Open(path)
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

func detectFolder(path string) (Format, error) {
	for _, sign := range []struct{ file, format string }{
		{nemo.RowsFile, "nemo"}, {"qrels", "beir"}, {"data", "beir"}, {"default", "beir"}, {"queries.jsonl", "quarry"},
	} {
		if _, err := os.Stat(filepath.Join(path, sign.file)); err == nil {
			return ByName(sign.format)
		}
	}
	return Format{}, fmt.Errorf("%s: no data set in a format that is known: want qrels/, %s or queries.jsonl", path, nemo.RowsFile)
}
