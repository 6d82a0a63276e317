package beir

import (
	"errors"
	"fmt"
	"io"
	"io/fs"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"

	"github.com/quarry-ml/quarry/corpus"
)

// load reads the files of one table and keeps the warnings. In them and in errors several files go by their folder.
func load[T any](d *Dataset, files []string, read func(r io.Reader, name string) (T, []corpus.Warning, error)) (loaded T, err error) {
	var shards []corpus.Shard
	for _, file := range files {
		f, err := os.Open(file)
		if err != nil {
			return loaded, err
		}
		defer f.Close()
		shards = append(shards, corpus.Shard{Name: file, Content: f})
	}
	name := files[0]
	if len(files) > 1 {
		name = filepath.Dir(name)
	}
	loaded, warnings, err := read(corpus.Join(shards...), name)
	d.Warnings = append(d.Warnings, warnings...)
	return loaded, err
}

// noteUnread notes the keys of a table's first row that nobody reads. Keys without a value, as many folders have them, are
// not worth a note.
func (d *Dataset) noteUnread(what string, files []string, known ...string) error {
	f, err := os.Open(files[0])
	if err != nil {
		return err
	}
	defer f.Close()
	row, err := corpus.NewLines(f, files[0], corpus.LineOptions{}).NextObject()
	if err != nil {
		return nil // whoever reads the table finds it too, and says it better
	}
	var keys []string
	for _, field := range row {
		if value := string(field.Value); !slices.Contains(known, field.Key) && value != "null" && value != "{}" && value != "[]" && value != `""` {
			keys = append(keys, strconv.Quote(field.Key))
		}
	}
	if len(keys) > 0 {
		d.Unread = append(d.Unread, fmt.Sprintf("other keys of %s (%s)", what, strings.Join(keys, ", ")))
	}
	return nil
}

// packings are what the names of packed files end in; content tells what they are.
var packings = []string{"", ".gz", ".zst"}

// findTable finds the file of passages or queries, or its shards: corpus.jsonl, packed or not, or Parquet files named or
// kept in a folder of that name. split chooses where a folder has several.
func findTable(folder, name, split string) ([]string, error) {
	var found []string
	for _, packing := range packings {
		if path := filepath.Join(folder, name+".jsonl"+packing); exists(path) {
			found = append(found, path)
		}
	}
	if len(found) > 0 {
		found = found[:1]
	}
	inside, err := tables(filepath.Join(folder, name))
	if err != nil {
		return nil, err
	}
	beside, err := tables(folder)
	if err != nil {
		return nil, err
	}
	var parquet []string
	switch {
	case len(beside[name]) > 0 && len(inside) > 0:
		return nil, fmt.Errorf("%s: %s and the folder %s both hold the table; remove one", folder, filepath.Base(beside[name][0]), name)
	case len(beside[name]) > 0:
		parquet = beside[name]
	case len(inside) == 1:
		for _, files := range inside {
			parquet = files
		}
	case len(inside) > 1:
		for _, wanted := range []string{split, name} {
			if parquet == nil {
				parquet = inside[wanted]
			}
		}
		if parquet == nil {
			return nil, fmt.Errorf("%s: several tables (%s), none of them %s or %s", filepath.Join(folder, name), strings.Join(slices.Sorted(maps.Keys(inside)), ", "), split, name)
		}
	}
	switch {
	case len(found) > 0 && len(parquet) > 0:
		return nil, fmt.Errorf("%s: %s and %s both hold the table; remove one", folder, filepath.Base(found[0]), filepath.Base(parquet[0]))
	case len(parquet) > 0:
		return parquet, nil
	case len(found) == 0:
		return nil, fmt.Errorf("%s: no %s.jsonl, perhaps with .gz or .zst behind, and no Parquet files (%s.parquet, %s/*.parquet)", folder, name, name, name)
	}
	return found, nil
}

func exists(path string) bool {
	_, err := os.Stat(path)
	return err == nil
}

// tables are the Parquet files in a folder, by the table that they are shards of. A shard that is missing is an error.
func tables(folder string) (map[string][]string, error) {
	splits, err := corpus.Splits(corpus.Disk{}, folder)
	if err != nil {
		return nil, err
	}
	found := map[string][]string{}
	for _, s := range splits {
		if s.Err != nil {
			return nil, s.Err
		}
		found[s.Name] = s.Paths
	}
	return found, nil
}

// splitFiles are the files that hold one split's judgments.
type splitFiles struct {
	split string
	files []string
}

// qrelsKinds are the endings of files of judgments: BEIR's and MTEB's.
var qrelsKinds = []string{".tsv", ".jsonl"}

// qrelsFolders are where judgments stand. MTEB's are the default configuration of a data set, whose Parquet files the hub
// keeps in data, or in a folder named after it.
var qrelsFolders = []string{"qrels", "data", "default"}

// findSplits finds all judgments, in the order of their names.
func findSplits(folder string) ([]splitFiles, error) {
	entries, err := os.ReadDir(filepath.Join(folder, "qrels"))
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		return nil, err
	}
	var splits []splitFiles
	for _, e := range entries {
		name := strings.TrimSuffix(strings.TrimSuffix(e.Name(), ".gz"), ".zst")
		for _, kind := range qrelsKinds {
			if split, ok := strings.CutSuffix(name, kind); ok {
				splits = append(splits, splitFiles{split, []string{filepath.Join(folder, "qrels", e.Name())}})
			}
		}
	}
	for _, inner := range qrelsFolders {
		found, err := tables(filepath.Join(folder, inner))
		if err != nil {
			return nil, err
		}
		for split, files := range found {
			splits = append(splits, splitFiles{split, files})
		}
	}
	slices.SortStableFunc(splits, func(a, b splitFiles) int { return strings.Compare(a.split+a.files[0], b.split+b.files[0]) })
	return splits, nil
}

// chooseSplit returns the wanted split, or the only one there is. A split judged by several files is an error: which one
// counts?
func chooseSplit(folder string, splits []splitFiles, wanted string) (splitFiles, error) {
	var chosen []splitFiles
	var names []string
	for _, s := range splits {
		if !slices.Contains(names, s.split) {
			names = append(names, s.split)
		}
		if wanted == "" || s.split == wanted {
			chosen = append(chosen, s)
		}
	}
	switch {
	case len(splits) == 0:
		return splitFiles{}, fmt.Errorf("%s: no judgments: no qrels/*.tsv (BEIR), qrels/*.jsonl or {qrels,data,default}/*.parquet (MTEB)", folder)
	case len(chosen) == 0:
		return splitFiles{}, fmt.Errorf("%s: no split %q (there is %s)", folder, wanted, strings.Join(names, ", "))
	case wanted == "" && len(names) > 1:
		return splitFiles{}, fmt.Errorf("%s: several splits (%s); say which", folder, strings.Join(names, ", "))
	case len(chosen) > 1:
		return splitFiles{}, fmt.Errorf("%s: %s and %s both judge split %q; remove one", folder, filepath.Base(chosen[0].files[0]), filepath.Base(chosen[1].files[0]), chosen[0].split)
	}
	return chosen[0], nil
}
