package main

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"

	"github.com/quarry-ml/quarry/corpus"
	"github.com/quarry-ml/quarry/internal/tinymodel"
)

// shards writes the lines of a file as the shards of a split in a folder.
func (p project) shards(t *testing.T, file, folder, split string, n int) {
	t.Helper()
	lines := strings.Split(strings.TrimSpace(p.read(t, file)), "\n")
	for i := range n {
		part := lines[i*len(lines)/n : (i+1)*len(lines)/n]
		p.write(t, fmt.Sprintf("%s/%s-%05d-of-%05d.parquet", folder, split, i, n), parquetOf(t, part...))
	}
}

// TestDatasetFolders: wherever rows are read, those in shards of a data set's folder are the ones of their JSON lines.
func TestDatasetFolders(t *testing.T) {
	p := newProject(t, tinymodel.Options{})
	p.shards(t, "train.jsonl", "hub/data", "train", 3)
	p.shards(t, "dev.jsonl", "hub/data", "validation", 2)
	p.shards(t, "corpus.jsonl", "passages", "corpus", 2)

	o := p.mineOptions()
	_, want := p.mine(t, o)
	wanted := p.read(t, "mined.jsonl")
	o.Rank.Data.Queries, o.Rank.Data.Corpus = p.path("hub/train"), p.path("passages")
	if _, got := p.mine(t, o); len(got) != len(want) || p.read(t, "mined.jsonl") != wanted {
		t.Error("mined rows differ")
	}

	p.shards(t, "mined.jsonl", "mined/data", "train", 3)
	audited := func(rows string) string {
		h := newTestHost()
		if code := h.run(t, "audit", "--rows", p.path(rows)); code != exitDone {
			t.Fatalf("exit code %d: %s", code, h.err.String())
		}
		return h.out.String()
	}
	if diff := cmp.Diff(audited("mined.jsonl"), audited("mined")); diff != "" {
		t.Error(diff)
	}

	read := func(train, dev string) *trainingSet {
		t.Helper()
		set, err := FinetuneOptions{Train: p.path(train), Dev: p.path(dev)}.readTraining(newTestHost().host)
		mustBe(t, err)
		return set
	}
	rows, shards := read("mined.jsonl", "mined.jsonl"), read("mined", "mined/train")
	same := cmpopts.IgnoreFields(corpus.Query{}, "File")
	if diff := cmp.Diff(rows.train, shards.train, same); diff != "" {
		t.Error(diff)
	}
	if diff := cmp.Diff(rows.dev, shards.dev, same); diff != "" {
		t.Error(diff)
	}

	file, err := newTestHost().digest(t.Context(), p.path("hub/data/validation-00000-of-00002.parquet"))
	mustBe(t, err)
	folder, err := newTestHost().digest(t.Context(), p.path("hub/validation"))
	mustBe(t, err)
	input, err := digestInput(newTestHost().host, "queries", p.path("hub/validation"))
	mustBe(t, err)
	if folder == file || folder != input {
		t.Errorf("digests of a shard %s, of the rows %s and %s", file, folder, input)
	}

	p.write(t, "rows.jsonl", `{"query":"one","pos":["p"],"correct_id":"x"}`+"\n"+`{"query":"two","pos":["p"],"correct_id":"x"}`+"\n"+`{"query":" ","pos":["p"],"correct_id":"x"}`+"\n")
	p.shards(t, "rows.jsonl", "rows", "train", 3)
	mustBe(t, os.Remove(p.path("mined/data/train-00001-of-00003.parquet")))
	for name, tc := range map[string]struct {
		words []string
		want  string
	}{
		"several splits":  {[]string{"mine", "--model", p.path("model"), "--queries", p.path("hub"), "--corpus", p.path("passages"), "--output", p.path("x.jsonl")}, "--queries: " + p.path("hub") + ": several splits (train, validation): name one, such as " + p.path("hub/train")},
		"a missing shard": {[]string{"audit", "--rows", p.path("mined")}, "--rows: " + p.path("mined/data") + ": 2 of 3 shards of train are there, and train-00001-of-00003 is not; download the rest"},
		"no such split":   {[]string{"finetune", "--model", p.path("model"), "--train", p.path("hub/dev"), "--output", p.path("x")}, "the splits of " + p.path("hub") + " are train, validation"},
		"an empty query":  {[]string{"finetune", "--model", p.path("model"), "--train", p.path("rows"), "--output", p.path("x")}, p.path("rows/train-00002-of-00003.parquet") + ":1: empty query"},
		"no Parquet":      {[]string{"audit", "--rows", p.path("model")}, "is a directory: name a file, or a data set's folder"},
	} {
		h := newTestHost()
		if code := h.run(t, tc.words...); code != exitBadInput || !strings.Contains(h.err.String(), filepath.FromSlash(tc.want)) {
			t.Errorf("%s: exit code %d, %s; want %s", name, code, h.err.String(), tc.want)
		}
	}
}
