package convert

import (
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strings"

	"github.com/quarry-ml/quarry/corpus"
	"github.com/quarry-ml/quarry/format/nemo"
	"github.com/quarry-ml/quarry/format/table"
	"github.com/quarry-ml/quarry/trainingset"
)

// nemoCorpusID names the corpus of a folder that is written.
const nemoCorpusID = "corpus"

// readNemo reads a file of rows, or train.json of a folder, with the corpora that it names.
func readNemo(path string, o ReadOptions) (*Set, error) {
	if info, err := os.Stat(path); err == nil && info.IsDir() {
		path = filepath.Join(path, nemo.RowsFile)
	}
	if o.Split != "" {
		return nil, fmt.Errorf("%s: %w: leave the split %q out", path, corpus.ErrNoSplits, o.Split)
	}
	folders, err := nemoFolders(path)
	if err != nil {
		return nil, err
	}
	if len(folders) > 1 {
		return nil, fmt.Errorf("%s names %d corpora: split it, a corpus a file", path, len(folders))
	}
	metadata, err := nemo.ReadMetadata(folders[0])
	if err != nil {
		return nil, err
	}
	set := &Set{}
	if set.Corpus, set.Warnings, err = readNemoCorpus(folders[0]); err != nil {
		return nil, err
	}
	if metadata.PassageInstruction != "" {
		set.Unread = append(set.Unread, "the instruction before passages")
	}
	set.Rows = func(visit func(*trainingset.Row) error) error {
		f, err := os.Open(path)
		if err != nil {
			return err
		}
		defer f.Close()
		return nemo.Each(f, path, func(row *nemo.Row) error {
			if row.Corpus != metadata.CorpusID {
				return fmt.Errorf("%s: row %d: the corpus %q is not the one that is named, %q", path, row.Line-1, row.Corpus, metadata.CorpusID)
			}
			row.Prompt = metadata.QueryInstruction
			for _, list := range [][]trainingset.Passage{row.Positives, row.Negatives} {
				for i, p := range list {
					at, ok := set.Corpus.ByID(p.ID)
					if !ok {
						return fmt.Errorf("%s: row %d, query %q: the corpus has no passage %q", path, row.Line-1, row.ID, p.ID)
					}
					list[i].Title, list[i].Text = set.Corpus.Passages[at].Title, set.Corpus.Passages[at].Text
				}
			}
			return visit(&row.Row)
		})
	}
	return set, nil
}

// readNemoCorpus reads the tables of a corpus folder: load_dataset takes all Parquet, or all JSON lines.
func readNemoCorpus(folder string) (*corpus.Corpus, []corpus.Warning, error) {
	var files []string
	for _, pattern := range []string{"*.parquet", "*.jsonl", "*.jsonl.gz", "*.jsonl.zst"} {
		found, err := filepath.Glob(filepath.Join(folder, pattern))
		if err != nil {
			return nil, nil, err
		}
		if len(found) > 0 {
			files = found
			break
		}
	}
	if len(files) == 0 {
		return nil, nil, fmt.Errorf("%s: no *.parquet and no *.jsonl with the passages", folder)
	}
	var shards []corpus.Shard
	for _, file := range files {
		f, err := os.Open(file)
		if err != nil {
			return nil, nil, err
		}
		defer f.Close()
		shards = append(shards, corpus.Shard{Name: file, Content: f})
	}
	return corpus.ReadPassages(corpus.Join(shards...), folder, corpus.ReadOptions{IDField: "id"})
}

// writeNemo writes a folder: rows, corpus and what the corpus says of itself.
func writeNemo(out output) error {
	n := newNames(out)
	n.needed = true
	err := out.sink(nemo.CorpusFolder+"/"+nemo.CorpusFile, func(w io.Writer) error {
		var schema table.Schema
		if err := schema.Add([]byte(`{"id":"","text":""}`)); err != nil {
			return err
		}
		to, err := table.NewWriter(w, table.Parquet, schema.Schema)
		if err != nil {
			return err
		}
		err = n.passages(func(p corpus.Passage, _ bool) error {
			full := trainingset.Passage{Title: p.Title, Text: p.Text}.Plain()
			return to.Write(corpus.Object{text("id", p.ID), text("text", full)})
		})
		if err != nil {
			return err
		}
		return to.Close()
	})
	if err != nil {
		return err
	}
	instruction := ""
	if out.held&trainingset.Prompts != 0 {
		instruction = out.survey.Prompt
	}
	err = out.sink(nemo.CorpusFolder+"/"+nemo.MetadataFile, func(w io.Writer) error {
		return nemo.WriteMetadata(w, nemoCorpusID, instruction)
	})
	if err != nil {
		return err
	}
	return out.sink(nemo.RowsFile, func(w io.Writer) error {
		to := nemo.NewRowWriter(w, nemoCorpusID)
		if err := n.rows(to.Write); err != nil {
			return err
		}
		return to.Close()
	})
}

func nemoFolders(path string) ([]string, error) {
	f, err := os.Open(path)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	return nemo.CorpusFolders(f, path)
}

// isNemo reports whether a file is one of NeMo's, by its keys.
func isNemo(path string) bool {
	if !strings.HasSuffix(path, ".json") {
		return false
	}
	folders, err := nemoFolders(path)
	return err == nil && len(folders) > 0
}
