package main

import (
	"cmp"
	"encoding/json"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"github.com/quarry-ml/quarry/corpus"
	"github.com/quarry-ml/quarry/draw"
	"github.com/quarry-ml/quarry/finetune"
	"github.com/quarry-ml/quarry/format/flagembedding"
)

// TrainData is FlagEmbedding's --train_data, and what decides which of its rows are trained on and which share batches.
type TrainData struct {
	Paths []string `json:"-"`                           // files, and folders of .json and .jsonl files
	Apart bool     `json:"same_dataset_within_batch"`   // every batch is of one dataset
	Small int      `json:"small_threshold"`             // a file of fewer rows is no dataset: small ones of a folder make one, others are left out
	Drop  int      `json:"drop_threshold"`              // what small files of a folder make together is left out with fewer rows
	Most  int      `json:"max_example_num_per_dataset"` // rows kept of a file
}

// noInBatch ends the names of files and folders whose batches FlagEmbedding trains without in-batch negatives.
const noInBatch = "no_in_batch_neg"

// allRows is what --max_example_num_per_dataset is where nothing is said: no limit that a file would reach.
const allRows = 100_000_000

// trainData takes the flags. One file, all of its rows, is no matter of datasets: nil.
func trainData(a pythonArgs) (*TrainData, error) {
	t := &TrainData{Paths: a.list("train_data"), Apart: a.truth("same_dataset_within_batch"), Small: a.number("small_threshold"), Drop: a.number("drop_threshold"), Most: a.number("max_example_num_per_dataset")}
	if t.Most < 1 {
		return nil, fmt.Errorf("--max_example_num_per_dataset %d: at least 1", t.Most)
	}
	for _, path := range t.Paths {
		name := strings.TrimSuffix(path, filepath.Ext(path))
		if t.Apart && strings.HasSuffix(name, noInBatch) {
			return nil, fmt.Errorf("--train_data %s: a name that ends with %s asks for batches without in-batch negatives: not supported: rename it", path, noInBatch)
		}
	}
	info, err := os.Stat(t.Paths[0])
	folder := err == nil && info.IsDir()
	if len(t.Paths) == 1 && !folder && t.Most >= allRows && (t.Small == 0 || !t.Apart) {
		return nil, nil
	}
	return t, nil
}

// trainFile is a file of training rows.
type trainFile struct {
	path  string
	first int // of its rows among those of all files

	teacher *flagembedding.Teacher // of its rows; nil without distillation
}

// dataset is rows that share batches.
type dataset struct {
	name     string
	from, to int // among the rows of all files
}

// folderFiles are the files that FlagEmbedding reads of a path: a file itself, of a folder those that end with .json or .jsonl,
// here in the order of their names.
func folderFiles(path string) (files []string, folder bool, err error) {
	info, err := os.Stat(path)
	if err != nil || !info.IsDir() {
		return []string{path}, false, nil // a file that is not there is told of as it is read
	}
	entries, err := os.ReadDir(path)
	for _, e := range entries {
		if name := e.Name(); strings.HasSuffix(name, ".json") || strings.HasSuffix(name, ".jsonl") {
			files = append(files, filepath.Join(path, name))
		}
	}
	return files, true, err
}

// files are all files of the data, in order.
func (d *TrainData) files() ([]string, error) {
	var all []string
	for _, path := range d.Paths {
		files, _, err := folderFiles(path)
		if err != nil {
			return nil, badInputf("--train_data: %w", err)
		}
		all = append(all, files...)
	}
	return all, nil
}

// readDatasets reads the rows as FlagEmbedding makes datasets of them.
func (o FinetuneOptions) readDatasets(h *host, set *trainingSet) error {
	for _, path := range o.Mix.Paths {
		files, folder, err := folderFiles(path)
		if err != nil {
			return badInputf("--train_data: %w", err)
		}
		if folder && len(files) == 0 {
			return noTrainFiles(path)
		}
		var small []readFile
		for _, file := range files {
			f, err := o.readDataset(h, file, set)
			if err != nil {
				return err
			}
			switch {
			case len(f.rows) == 0:
			case !o.Mix.Apart || len(f.rows) >= o.Mix.Small:
				set.addDataset(stem(file), f)
			case folder:
				small = append(small, f)
			default:
				h.note("--train_data %s: %d rows, fewer than --small_threshold %d: left out, as there", file, len(f.rows), o.Mix.Small)
			}
		}
		rows := 0
		for _, f := range small {
			rows += len(f.rows)
		}
		switch {
		case rows == 0:
		case rows < o.Mix.Drop:
			h.note("--train_data %s: the small files have %d rows together, fewer than --drop_threshold %d: left out, as there", path, rows, o.Mix.Drop)
		default:
			set.addDataset(filepath.Base(path), small...)
		}
	}
	return o.finishDatasets(h, set)
}

// noTrainFiles says of a folder without files of rows what may be meant: a split of a data set that is in it.
func noTrainFiles(folder string) error {
	splits, err := corpus.FolderSplits(corpus.Disk{}, folder)
	if err != nil || len(splits) == 0 {
		return badInputf("--train_data %s: no .json or .jsonl file in it", folder)
	}
	return badInputf("--train_data %s: no .json or .jsonl file in it, but Parquet files: name a split, such as %s", folder, filepath.Join(folder, splits[0].Name))
}

// checkKinds refuses rows by which FlagEmbedding's batches of one dataset are of other sizes than the flags say, or treated
// otherwise.
func checkKinds(h *host, path string) error {
	return readInput(h, "train_data", path, func(r io.Reader) error {
		lines := corpus.NewLines(r, path, corpus.LineOptions{})
		return lines.Each(func(row corpus.Object) error {
			for _, key := range []string{"batch_size", "train_group_size"} {
				if _, ok := row.Get(key); ok {
					return lines.Errorf("%q of a row has a meaning beside --same_dataset_within_batch there: not supported: remove it, and say it by a flag", key)
				}
			}
			raw, _ := row.Get("type")
			var kind string
			if json.Unmarshal(raw, &kind) == nil && (kind == "only_1neg" || strings.Contains(kind, "symmetric")) {
				return lines.Errorf("\"type\" %q of a row has a meaning beside --same_dataset_within_batch there: not supported: remove it, if the row may be trained on as others are", kind)
			}
			return nil
		})
	})
}

// finishDatasets leaves out datasets that are no whole batch, where batches are of one dataset and whole, and makes one of
// those that share batches.
func (o FinetuneOptions) finishDatasets(h *host, set *trainingSet) error {
	if !o.Mix.Apart {
		set.datasets = nil
	}
	kept := set.datasets[:0]
	for _, d := range set.datasets {
		if rows := d.to - d.from; rows < o.Tune.Batch {
			h.note("--train_data: %s: %d rows are no whole batch of %d: left out, as there", d.name, rows, o.Tune.Batch)
			continue
		}
		kept = append(kept, d)
	}
	if set.datasets = kept; len(set.train) == 0 || o.Mix.Apart && len(kept) == 0 {
		return badInputf("--train_data: no rows are left to train on")
	}
	return nil
}

// readFile is a file's rows, with what a teacher says of them.
type readFile struct {
	trainFile
	rows []corpus.Query
}

// readDataset reads a file, at most as many of its rows as are wanted, those by key.
func (o FinetuneOptions) readDataset(h *host, path string, set *trainingSet) (readFile, error) {
	f := readFile{trainFile: trainFile{path: path}}
	var err error
	if f.rows, err = o.readRows(h, "train_data", path, set); err != nil {
		return f, err
	}
	if o.Tune.Distill != "" {
		if f.teacher, err = o.readTeacher(h, path); err != nil {
			return f, err
		}
	}
	if len(f.rows) <= o.Mix.Most {
		return f, nil
	}
	hash := make(map[string]uint64, len(f.rows))
	keys := make([]string, len(f.rows))
	for i, q := range f.rows {
		keys[i], hash[q.Key] = q.Key, draw.Hash(o.Tune.Seed, draw.Rows, 0, 0, q.Key)
	}
	slices.SortFunc(keys, func(a, b string) int { return cmp.Or(cmp.Compare(hash[a], hash[b]), cmp.Compare(a, b)) })
	left := map[string]bool{}
	for _, key := range keys[o.Mix.Most:] {
		left[key] = true
	}
	h.note("--train_data %s: %d of %d rows are kept", path, o.Mix.Most, len(f.rows))
	f.rows = slices.DeleteFunc(f.rows, func(q corpus.Query) bool { return left[q.Key] })
	return f, nil
}

// addDataset adds files whose rows share batches. Keys of rows are unique in a file alone: those behind the first file get
// the file's number.
func (s *trainingSet) addDataset(name string, files ...readFile) {
	for i := 2; slices.ContainsFunc(s.datasets, func(d dataset) bool { return d.name == name }); i++ {
		name = fmt.Sprintf("%s-%d", strings.TrimSuffix(name, fmt.Sprintf("-%d", i-1)), i)
	}
	d := dataset{name: name, from: len(s.train)}
	for _, f := range files {
		f.first = len(s.train)
		if n := len(s.files); n > 0 {
			for i := range f.rows {
				f.rows[i].Key = fmt.Sprintf("%d\x00%s", n, f.rows[i].Key)
			}
		}
		s.files = append(s.files, f.trainFile)
		s.train = append(s.train, f.rows...)
	}
	d.to = len(s.train)
	s.datasets = append(s.datasets, d)
}

func stem(path string) string {
	return strings.TrimSuffix(filepath.Base(path), filepath.Ext(path))
}

// sets are the datasets of the training, as parts of its data.
func (t *training) sets() []finetune.Set {
	if len(t.set.datasets) == 0 {
		return []finetune.Set{{Data: t.train}}
	}
	var sets []finetune.Set
	for _, d := range t.set.datasets {
		sets = append(sets, finetune.Set{Name: d.name, Data: t.train.Part(rowsFrom(d.from, d.to))})
	}
	if len(sets) == 1 {
		sets[0].Name = ""
	}
	return sets
}

// rowsFrom are the rows from one on to before another.
func rowsFrom(from, to int) []int {
	rows := make([]int, 0, to-from)
	for row := from; row < to; row++ {
		rows = append(rows, row)
	}
	return rows
}
