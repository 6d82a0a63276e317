package main

import (
	"bytes"
	"context"
	"errors"
	"flag"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"reflect"
	"slices"
	"strings"
	"testing"

	"github.com/quarry-ml/quarry/format/verdicts"
	"github.com/quarry-ml/quarry/fuse"
	"github.com/quarry-ml/quarry/internal/tinymodel"
	"github.com/quarry-ml/quarry/lexical"
	"github.com/quarry-ml/quarry/mine"
	"github.com/quarry-ml/quarry/ranking"
	"github.com/quarry-ml/quarry/rundir"
	"github.com/quarry-ml/quarry/rundir/faultfs"
	"github.com/quarry-ml/quarry/vectors"
)

// mineWhole are the files of a mining: of 30 queries and passages, in one shard or many.
func (p project) mineWhole(t testing.TB, h *testHost, o MineOptions, dir string) map[string]string {
	t.Helper()
	mustBe(t, runMine(t.Context(), outputsIn(o, dir), h.host))
	return outputsOf(t, dir)
}

func outputsIn(o MineOptions, dir string) MineOptions {
	o.Output, o.Provenance, o.Save = filepath.Join(dir, "mined.jsonl"), filepath.Join(dir, "side.jsonl"), filepath.Join(dir, "mined.cand")
	return o
}

// outputsOf is all that a mining left.
func outputsOf(t testing.TB, dir string) map[string]string {
	t.Helper()
	left := map[string]string{}
	mustBe(t, filepath.WalkDir(dir, func(path string, entry fs.DirEntry, err error) error {
		if err != nil || entry.IsDir() {
			return err
		}
		raw, err := os.ReadFile(path)
		left[path[len(dir)+1:]] = string(raw)
		return err
	}))
	return left
}

func sameOutputs(t testing.TB, got, want map[string]string) {
	t.Helper()
	for name, content := range want {
		if got[name] != content {
			t.Errorf("%s differs or is missing", name)
		}
	}
	for name := range got {
		if _, ok := want[name]; !ok {
			t.Errorf("%s is left", name)
		}
	}
}

// shardCase is a kind of source or rule that shards must have no part in.
type shardCase struct {
	name   string
	change func(*MineOptions)
}

// shardCases are every kind of source, and every rule and way to choose (TestEveryRuleIsMinedInShards).
func (p project) shardCases(t *testing.T) []shardCase {
	t.Helper()
	near, zero := 0.9, 0.0
	value := func(v float64) *float64 { return &v }
	given := p.vectorFiles(t)
	backwards := VectorOptions{}
	backwards.CorpusVectors, backwards.CorpusIDs = p.reversed(t, "c.npy", "c2.npy", "c.ids", "p", 1)
	backwards.QueryVectors, backwards.QueryIDs = p.reversed(t, "q.npy", "q2.npy", "q.ids", "d", 3)
	last := p.mineOptions()
	last.Mine.Seed, last.Output = 7, p.path("last.jsonl")
	_, rows := p.mine(t, last)
	said := p.said(t, of(t, verdicts.Drop, rows[0], 1), of(t, verdicts.Promote, rows[1], 0), of(t, verdicts.Drop, rows[20], 2))
	bringing, grouped := p.withNegatives(t), p.withGroups(t)
	return []shardCase{
		{"rules of scores and texts", func(o *MineOptions) { o.Mine.Margin, o.Mine.NearText, o.Mine.Random = &zero, &near, 0.25 }},
		{"a hub limit", func(o *MineOptions) { o.Mine.HubLimit, o.Mine.Sampling = 3, mine.ByRank }},
		{"a window over survivors", func(o *MineOptions) { o.Mine.Survivors, o.Window = true, "0-9" }},
		{"fused sources", func(o *MineOptions) { o.Sources.Names = []string{"dense", "bm25", "model:" + p.path("model")} }},
		{"limits and margins of scores", func(o *MineOptions) {
			o.Mine.MinScore, o.Mine.MaxScore, o.Mine.RelativeMargin, o.Mine.ShareOfPositive = value(0.1), value(0.95), value(0.01), value(0.98)
		}},
		{"weighted by rank", func(o *MineOptions) { o.Mine.Sampling, o.Mine.Negatives = mine.ByRank, 3 }},
		{"weighted by score", func(o *MineOptions) { o.Mine.Sampling, o.Mine.SamplingTemperature, o.Mine.Seed = mine.ByScore, 0.05, 3 }},
		{"the best", func(o *MineOptions) { o.Mine.Sampling, o.Window = mine.Top, "0-9" }},
		{"quotas", func(o *MineOptions) { o.Quotas = []string{"1-5:2", "5-12:2"} }},
		{"kept of the last round", func(o *MineOptions) { o.Mine.Kept, o.Last = 0.5, last.Output }},
		{"given negatives kept", func(o *MineOptions) { o.Mine.Given, o.Rank.Data.Queries = mine.Keep, bringing }},
		{"never the same group", func(o *MineOptions) {
			o.Mine.SameGroup, o.Rank.Data.Corpus, o.Rank.Data.PassageGroupField = mine.Never, grouped, "topic"
		}},
		{"verdicts", func(o *MineOptions) { o.Verdicts = said }},
		{"bm25", func(o *MineOptions) { o.Rank.Model, o.Sources.Names = ModelOptions{}, []string{"bm25"} }},
		{"given vectors", func(o *MineOptions) { o.Rank = RankOptions{Data: p.rank("dev.jsonl").Data, Given: given} }},
		{"given vectors, fused", func(o *MineOptions) { o.fuseVectors(p, given) }},
		{"given vectors by ids", func(o *MineOptions) { o.Rank = RankOptions{Data: p.rank("dev.jsonl").Data, Given: backwards} }},
		{"a teacher", func(o *MineOptions) {
			o.Teacher.Model.Model, o.Teacher.Kind, o.Teacher.Cache, o.Mine.TeacherMargin = p.path("model"), embedderKind, p.path("teacher.jsonl"), &zero
		}},
		{"a teacher of the rows, with a hub limit", func(o *MineOptions) {
			o.Teacher.Model.Model, o.Teacher.Kind, o.Teacher.Cache, o.Mine.HubLimit, o.Mine.Sampling = p.path("model"), embedderKind, p.path("teacher.jsonl"), 3, mine.ByRank
		}},
		{"what a teacher said", func(o *MineOptions) { o.TeacherScores, o.Mine.TeacherMargin = p.path("teacher.jsonl"), &zero }},
		{"reference each", func(o *MineOptions) { o.Mine.Margin, o.Mine.Reference = &zero, mine.Each }},
		{"sources fused by weighted scores", func(o *MineOptions) {
			o.Sources.Names, o.Sources.Fuse.Method, o.Sources.Fuse.Weights = []string{"dense", "bm25"}, fuse.Weighted, []float64{1, 0.5}
		}},
	}
}

// fuseVectors ranks by given vectors and by words.
func (o *MineOptions) fuseVectors(p project, given VectorOptions) {
	o.Rank = RankOptions{Data: p.rank("dev.jsonl").Data}
	o.Sources.Names, o.Sources.QueryVectors = []string{"vectors:" + given.CorpusVectors, "bm25"}, []string{given.QueryVectors}
}

// withNegatives writes the queries with a negative that each brings.
func (p project) withNegatives(t *testing.T) string {
	t.Helper()
	passages, queries := lines(p.read(t, "corpus.jsonl")), lines(p.read(t, "train.jsonl"))
	for i, row := range queries {
		_, text, _ := strings.Cut(passages[(i+7)%len(passages)], `"text":`)
		queries[i] = strings.TrimSuffix(row, "}") + `,"neg":[` + strings.TrimSuffix(text, "}") + `]}`
	}
	return p.write(t, "bringing.jsonl", strings.Join(queries, "\n")+"\n")
}

// withGroups writes the corpus with a topic of three for each passage.
func (p project) withGroups(t *testing.T) string {
	t.Helper()
	passages := lines(p.read(t, "corpus.jsonl"))
	for i, row := range passages {
		passages[i] = fmt.Sprintf(`%s,"topic":"%c"}`, strings.TrimSuffix(row, "}"), "abc"[i%3])
	}
	return p.write(t, "grouped.jsonl", strings.Join(passages, "\n")+"\n")
}

// shardOptions are the options that a case changes.
func (p project) shardOptions() MineOptions {
	o := p.mineOptions()
	o.Sources.Fuse.Method, o.Sources.Fuse.K, o.Sources.BM25.K1, o.Sources.BM25.B = "rrf", 60, 1.5, 0.75
	return o
}

// TestEveryRuleIsMinedInShards: a rule that is new has a case, too.
func TestEveryRuleIsMinedInShards(t *testing.T) {
	p := newProject(t, tinymodel.Options{})
	rules := func(o MineOptions) reflect.Value {
		mustBe(t, o.readRules())
		return reflect.ValueOf(o.Mine)
	}
	usual := rules(p.shardOptions())
	var changed []reflect.Value
	for _, tc := range p.shardCases(t) {
		o := p.shardOptions()
		tc.change(&o)
		changed = append(changed, rules(o))
	}
	for i := range usual.NumField() {
		if !slices.ContainsFunc(changed, func(o reflect.Value) bool {
			return !reflect.DeepEqual(o.Field(i).Interface(), usual.Field(i).Interface())
		}) {
			t.Errorf("no case of shardCases has another %s than is usual", usual.Type().Field(i).Name)
		}
	}
}

// TestShardsDecideNothing mines by every kind of source and rule in shards of several sizes.
func TestShardsDecideNothing(t *testing.T) {
	p := newProject(t, tinymodel.Options{})
	usual := p.mineWhole(t, newTestHost(), p.shardOptions(), t.TempDir())
	for _, tc := range p.shardCases(t) {
		t.Run(tc.name, func(t *testing.T) {
			o := p.shardOptions()
			tc.change(&o)
			want := p.mineWhole(t, newTestHost(), o, t.TempDir())
			if want["mined.jsonl"] == usual["mined.jsonl"] {
				t.Error("mined is what is usual: the test shows nothing of it")
			}
			sizes := []int{11}
			if o.Mine.Random > 0 {
				sizes = []int{1, 11, 29}
			}
			for _, shard := range sizes {
				o.Shard, o.Rank.Engine.Workers = shard, 2
				h, dir := newTestHost(), t.TempDir()
				h.files = faultfs.New(dir, faultfs.Fault{}) // waits for no disk
				sameOutputs(t, p.mineWhole(t, h, o, dir), want)
			}
		})
	}
}

// everyOperation makes TestKilledMiningEndsWithTheSameBytes stop at every operation, or at those of -stops: CI takes another part
// with every commit.
var (
	everyOperation = flag.Bool("every-operation", false, "crash a tiny mining at every file operation")
	stops          = flag.String("stops", "0/1", "with -every-operation, stop a mining at those operations alone whose number leaves I when divided by N, as `I/N`")
)

// killPoints are operations, counted from 1: of each kind that changes the disk the two a quarter from its ends, or few of these, and
// with -every-operation those of -stops.
func killPoints(t *testing.T, ops []faultfs.Op, few bool) []int {
	t.Helper()
	if *everyOperation {
		points, err := faultfs.Part(*stops, ops)
		if err != nil {
			t.Fatalf("-stops %v", err)
		}
		return points
	}
	points := append(faultfs.Quarters(ops, faultfs.Op.Changing), len(ops)/2)
	slices.Sort(points)
	points = slices.Compact(points)
	if few {
		points = []int{points[len(points)/3], points[len(points)*2/3], points[len(points)-1]}
	}
	return points
}

// TestKilledMiningEndsWithTheSameBytes crashes a mining by every kind of source in shards, and in one that a teacher is asked
// about, at file operations, loses what was not synced, and runs again: at a few of those that change the disk, and with -every-operation
// at all, or those of -stops.
func TestKilledMiningEndsWithTheSameBytes(t *testing.T) {
	p := newProject(t, tinymodel.Options{Layers: 1, Hidden: 8, Heads: 2, Intermediate: 8})
	given := p.vectorFiles(t)
	for i, tc := range []shardCase{
		{"dense", func(*MineOptions) {}},
		{"fused", func(o *MineOptions) { o.Sources.Names = []string{"dense", "bm25"} }},
		{"a teacher", func(o *MineOptions) {
			zero := 0.0
			o.Teacher.Model.Model, o.Teacher.Kind, o.Mine.TeacherMargin = p.path("model"), embedderKind, &zero
		}},
		{"a hub limit", func(o *MineOptions) { o.Mine.HubLimit, o.Mine.Sampling = 3, mine.ByRank }},
		{"given vectors", func(o *MineOptions) { o.Rank = RankOptions{Data: p.rank("dev.jsonl").Data, Given: given} }},
		{"given vectors, fused", func(o *MineOptions) { o.fuseVectors(p, given) }},
	} {
		t.Run(tc.name, func(t *testing.T) {
			o := p.shardOptions()
			tc.change(&o)
			mineOn := func(fsys rundir.FS, dir string) error {
				h, o := newTestHost(), outputsIn(o, dir)
				h.files = fsys
				if o.Teacher.Model.Model != "" {
					o.Teacher.Cache = filepath.Join(dir, "scores.jsonl")
				}
				return runMine(t.Context(), o, h.host)
			}
			whole := t.TempDir()
			mustBe(t, mineOn(faultfs.New(whole, faultfs.Fault{}), whole))
			want := outputsOf(t, whole)
			o.Shard = 12
			if len(lines(want["mined.jsonl"])) < 12 {
				o.Shard = 4
			}
			root := t.TempDir()
			calm := faultfs.New(root, faultfs.Fault{})
			mustBe(t, mineOn(calm, root))
			sameOutputs(t, outputsOf(t, root), want)
			points := killPoints(t, calm.Ops(), i > 0 || testing.Short())
			for i, at := range points {
				dir := t.TempDir()
				fsys := faultfs.New(dir, faultfs.Fault{At: at, Crash: true})
				err := mineOn(fsys, dir)
				if !fsys.Crashed() {
					t.Fatalf("operation %d: no crash but %v", at, err)
				}
				mustBe(t, fsys.Settle([]faultfs.Loss{faultfs.LoseUnsynced, faultfs.LoseNothing, faultfs.TearUnsynced}[i%3]))
				if left := outputsOf(t, dir); err == nil && (left["mined.jsonl"] != want["mined.jsonl"] || left["mined.cand"] != want["mined.cand"]) {
					t.Fatalf("operation %d: the mining ended without error and its outputs are not there", at)
				}
				if err := mineOn(faultfs.New(dir, faultfs.Fault{}), dir); err != nil {
					t.Fatalf("operation %d: the second mining: %v", at, err)
				}
				sameOutputs(t, outputsOf(t, dir), want)
			}
			t.Logf("stopped at %d of %d operations", len(points), len(calm.Ops()))
		})
	}
}

// TestKeptShardsAreThoseOfTheSameCommand changes what shards are made from.
func TestKeptShardsAreThoseOfTheSameCommand(t *testing.T) {
	p := newProject(t, tinymodel.Options{})
	o := p.mineOptions()
	o.Shard, o.KeepWork = 10, true
	mined := func(o MineOptions, says ...string) {
		t.Helper()
		h, _ := p.mine(t, o)
		for _, want := range says {
			if !strings.Contains(h.err.String(), want) {
				t.Errorf("%q is not said:\n%s", want, h.err.String())
			}
		}
		o.KeepWork, o.Shard, o.Output = false, 0, p.path("whole.jsonl")
		p.mine(t, o)
		if p.read(t, "whole.jsonl") != p.read(t, "mined.jsonl") {
			t.Error("kept shards mine other negatives")
		}
	}
	o.Rank.Texts.PassageMaxLength = 5
	cut := "embed corpus: 30 of 30 texts are longer than 5 tokens (--passage-max-length) and were cut, the first at "
	mined(o, cut)
	mined(o, cut) // nothing is embedded
	mustBe(t, os.Remove(p.path("mined.jsonl.work/source-0.passages-00002.npy")))
	mined(o, cut) // a third of them are
	o.Rank.Texts.PassageMaxLength = 0
	all := func(kind string) string { return "3 of 3 shards of " + kind }
	const ofPassages, ofQueries, ofCandidates = "vectors of passages (dense) ", "vectors of queries (dense) ", "candidates "
	mined(o, "30 passages x 30 queries to depth 12, memory not limited: 3 shards of 10 queries, kept in "+p.path("mined.jsonl.work"))
	ready := "are there already"
	mined(o, all(ofPassages)+ready, all(ofQueries)+ready, all(ofCandidates)+ready)
	o.Mine.Seed, o.Mine.Negatives = 7, 3 // what is mined is no part of a shard
	mined(o, all(ofCandidates)+ready)
	o.Depth = 20
	mined(o, all(ofPassages)+ready, all(ofCandidates)+"are made again: options changed: depth 12 → 20")
	prompt := "query: "
	o.Rank.Texts.QueryPrompt = &prompt
	mined(o, all(ofPassages)+ready, all(ofQueries)+`are made again: option added: prompt "query: "`, all(ofCandidates)+"are made again: input changed: dense vectors of queries")
	texts := lines(p.read(t, "train.jsonl"))
	texts[29] = strings.Replace(texts[29], `"query":"`, `"query":"so `, 1)
	o.Rank.Data.Queries = p.write(t, "changed.jsonl", strings.Join(texts, "\n")+"\n")
	mined(o, "1 of 3 shards of "+ofQueries+"are made again: input changed: texts of queries", "2 of 3 shards of "+ofCandidates+ready)
	mustBe(t, os.WriteFile(filepath.Join(p.path("mined.jsonl.work"), "source-0.passages-00001.npy"), []byte("rubbish"), 0o600))
	mined(o, "1 of 3 shards of "+ofPassages+"are made again: output source-0.passages-00001.npy changed", all(ofCandidates)+ready)
	o.Shard = 20
	mined(o, "2 of 2 shards of "+ofPassages+"are made again: ", "options changed: shard 10 → 20")
	o.KeepWork = false
	mined(o, "2 of 2 shards of "+ofCandidates+ready)
	if _, err := os.Stat(p.path("mined.jsonl.work")); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("the working directory is left: %v", err)
	}
}

// TestKeptShardsOfARunAreHeldAgainstTheWindow: a run that was long enough for one window is not for a wider one of the same depth.
func TestKeptShardsOfARunAreHeldAgainstTheWindow(t *testing.T) {
	p := newProject(t, tinymodel.Options{})
	p.search(t, SearchOptions{Rank: p.rank("train.jsonl"), Depth: 12, Output: p.path("run.trec")})
	o := p.mineOptions()
	o.Rank.Model, o.Sources.Names = ModelOptions{}, []string{"run:" + p.path("run.trec")}
	o.Shard, o.KeepWork, o.Depth = 10, true, 20
	p.mine(t, o)
	o.Window = "1-15"
	err := runMine(t.Context(), o, newTestHost().host)
	if err == nil || strings.Contains(err.Error(), "write") {
		t.Errorf("%v speaks of writing", err)
	}
	refused(t, err, "it keeps at most 12 passages a query, but the window 1-15 needs 15")
}

// TestWorkLeavesWhatIsNotItsOwn: what was there before stays, and what has come since.
func TestWorkLeavesWhatIsNotItsOwn(t *testing.T) {
	p := newProject(t, tinymodel.Options{})
	o := p.mineOptions()
	o.Shard, o.Work = 10, p.path("mine")
	left := func() string {
		entries, err := os.ReadDir(o.Work)
		if errors.Is(err, fs.ErrNotExist) {
			return "gone"
		}
		mustBe(t, err)
		return fmt.Sprint(entries)
	}
	p.mine(t, o)
	if got := left(); got != "gone" {
		t.Errorf("a directory that the command made: %s", got)
	}
	mustBe(t, os.Mkdir(o.Work, 0o755))
	p.mine(t, o)
	if got := left(); got != "[]" {
		t.Errorf("a directory that was there before: %s", got)
	}
	w, err := openWork(newTestHost().host, o.Work, true)
	mustBe(t, err)
	p.write(t, "mine/notes.txt", "mine")
	w.end()
	mustBe(t, w.close())
	if got := left(); got != "[- notes.txt]" {
		t.Errorf("a directory with other files: %s", got)
	}
}

// unremovable is a file system whose directories get no other names.
type unremovable struct{ rundir.OS }

// Rename implements rundir.FS.
func (u unremovable) Rename(from, to string) error {
	if info, err := os.Stat(from); err == nil && info.IsDir() {
		return fs.ErrPermission
	}
	return u.OS.Rename(from, to)
}

func TestWorkThatCannotBeRemovedIsNoError(t *testing.T) {
	p := newProject(t, tinymodel.Options{})
	o := p.mineOptions()
	o.Shard = 10
	h := newTestHost()
	h.files = unremovable{}
	mustBe(t, runMine(t.Context(), o, h.host))
	if said := h.err.String(); !strings.Contains(said, "mined.jsonl.work is done with and could not be removed") || !strings.Contains(said, "candidates dropped by") {
		t.Errorf("it is not told, or the audit is not:\n%s", said)
	}
}

// TestARunIsRefusedUntouched names a run's directory as the working one while another holds it.
func TestARunIsRefusedUntouched(t *testing.T) {
	p := newProject(t, tinymodel.Options{})
	d, err := rundir.Open(p.path("run"), rundir.OpenOptions{Create: true, Data: []rundir.Source{{Name: "corpus.jsonl", Digest: "0"}}})
	mustBe(t, err)
	defer d.Close()
	p.write(t, "run/.half.tmp", "being written")
	before := outputsOf(t, p.path("run"))
	o := p.mineOptions()
	o.Work = p.path("run")
	refused(t, runMine(t.Context(), o, newTestHost().host), "is the directory of a run: choose another place")
	sameOutputs(t, outputsOf(t, p.path("run")), before)
}

// stopping cancels a context when so many files have their names.
type stopping struct {
	rundir.OS
	left   int
	cancel context.CancelFunc
}

// Rename implements rundir.FS.
func (s *stopping) Rename(from, to string) error {
	if s.left--; s.left == 0 {
		s.cancel()
	}
	return s.OS.Rename(from, to)
}

func TestInterruptedMiningSaysHowToGoOn(t *testing.T) {
	p := newProject(t, tinymodel.Options{})
	o := p.mineOptions()
	want := p.mineWhole(t, newTestHost(), o, t.TempDir())
	o.Shard = 10
	dir := t.TempDir()
	ctx, cancel := context.WithCancel(t.Context())
	h := newTestHost()
	h.files = &stopping{left: 6, cancel: cancel}
	err := runMine(ctx, outputsIn(o, dir), h.host)
	if goOn := found[interruption](err).goOn; !strings.Contains(goOn, filepath.Join(dir, "mined.jsonl.work")+"; the same command goes on from there") {
		t.Errorf("%v does not say how to go on but %q", err, goOn)
	}
	sameOutputs(t, p.mineWhole(t, newTestHost(), o, dir), want)
}

// TestInterruptedSourceStops: a source that computes nothing stops, too.
func TestInterruptedSourceStops(t *testing.T) {
	p := newProject(t, tinymodel.Options{})
	p.search(t, SearchOptions{Rank: p.rank("train.jsonl"), Depth: 12, Output: p.path("run.trec")})
	for _, sources := range [][]string{{"run:" + p.path("run.trec")}, {"bm25"}, {"bm25", "run:" + p.path("run.trec")}} {
		o := p.mineOptions()
		o.Rank.Model, o.Sources.Names, o.Sources.Fuse, o.Sources.BM25 = ModelOptions{}, sources, fuse.DefaultOptions(), lexical.DefaultOptions()
		ctx, cancel := context.WithCancel(t.Context())
		ranked, err := o.rankedInShards(ctx, p)
		mustBe(t, err)
		seen := 0
		err = ranked.each(ctx, func(int, ranking.Candidates) error {
			seen++
			cancel()
			return nil
		})
		if !errors.Is(err, context.Canceled) || seen != 1 {
			t.Errorf("%v: %d queries, then %v", sources, seen, err)
		}
	}
}

// rankedInShards is the candidates of a project's training queries, that nothing keeps.
func (o MineOptions) rankedInShards(ctx context.Context, p project) (rankedBy, error) {
	h := newTestHost().host
	d, err := p.rank("train.jsonl").Data.read(h, false)
	if err != nil {
		return rankedBy{}, err
	}
	o.Shard, o.Mine.Window = defaultShard, mine.Window{To: 12}
	return o.rankedIn(ctx, h, d, d.corpus.AnswersOf(d.queries), nil)
}

// TestMemoryBoundsWhatSeveralSourcesHold: of a shard no more queries are ranked by all sources before they are fused than the memory has
// room for.
func TestMemoryBoundsWhatSeveralSourcesHold(t *testing.T) {
	p := newProject(t, tinymodel.Options{})
	h := newTestHost().host
	d, err := p.rank("train.jsonl").Data.read(h, false)
	mustBe(t, err)
	o := p.shardOptions()
	const depth, room = 12, 7
	o.Rank.Engine.Memory = 8 * 8 * depth * 2 * room
	s := shards{o: o, host: h, data: d, depth: depth}
	most := 0
	one := source{rank: func(_ context.Context, part span, sink func(int, ranking.Ranked) error) error {
		most = max(most, part.len())
		for i := part.first; i < part.end; i++ {
			mustBe(t, sink(i, ranking.Ranked{Hits: ranking.Ranking{{Passage: int32(i % 5), Score: 1}}}))
		}
		return nil
	}}
	s.sources = []source{one, one}
	next := 3
	mustBe(t, s.rank(t.Context(), span{3, 30}, func(query int, c ranking.Candidates) error {
		if query != next || c.Query != d.queries[query].Key || len(c.Sources) != 2 || c.Sources[1].Hits[0].Passage != int32(query%5) {
			t.Errorf("query %d, want %d: %+v", query, next, c)
		}
		next++
		return nil
	}))
	if most != room || next != 30 {
		t.Errorf("%d queries at once, up to %d", most, next)
	}
}

// TestRowsOfAPiece: of vectors in pieces a span of queries may be a part of one.
func TestRowsOfAPiece(t *testing.T) {
	m := vectors.Matrix{Rows: 5, Dim: 2, Data: []float32{0, 1, 2, 3, 4, 5, 6, 7, 8, 9}}
	var npy bytes.Buffer
	mustBe(t, vectors.WriteNPY(&npy, m))
	path := filepath.Join(t.TempDir(), "piece.npy")
	mustBe(t, os.WriteFile(path, npy.Bytes(), 0o600))
	r := rows{count: 15, pieces: []piece{{span: span{0, 10}, file: "not asked for"}, {span: span{10, 15}, file: path}}}
	for _, s := range []span{{10, 15}, {11, 13}} {
		mustBe(t, r.of(s, func(got vectors.Matrix) error {
			if got.Rows != s.len() || !slices.Equal(got.Data, m.Data[2*(s.first-10):2*(s.end-10)]) {
				t.Errorf("%v: %+v", s, got)
			}
			return nil
		}))
	}
	if err := r.of(span{8, 12}, func(vectors.Matrix) error { return nil }); err == nil {
		t.Error("rows of two pieces")
	}
}

func TestWorkIsRefused(t *testing.T) {
	p := newProject(t, tinymodel.Options{})
	held, err := openWork(newTestHost().host, p.path("held"), true)
	mustBe(t, err)
	defer held.close()
	ofRun, err := rundir.Open(p.path("run"), rundir.OpenOptions{Create: true, Data: []rundir.Source{{Name: "corpus.jsonl", Digest: "0"}}})
	mustBe(t, err)
	mustBe(t, ofRun.Close())
	more, err := rundir.Open(p.path("more"), rundir.OpenOptions{Create: true})
	mustBe(t, err)
	mustBe(t, more.Close())
	p.write(t, "more/notes.txt", "mine")
	p.write(t, "texts/notes.txt", "mine")
	for _, place := range []string{"vectors", "stamped"} {
		d, err := rundir.Open(p.path(place), rundir.OpenOptions{Create: true})
		mustBe(t, err)
		mustBe(t, d.Close())
	}
	p.write(t, "vectors/mine.npy", "mine")
	p.write(t, "stamped/round-0/stamps/finetune.json", "{}")
	mustBe(t, os.MkdirAll(p.path("mined.jsonl.work"), 0o755))
	mustBe(t, os.Symlink(p.path("mined.jsonl.work"), p.path("link")))
	mustBe(t, os.Mkdir(p.path("mined.jsonl.work/teacher"), 0o755))
	p.write(t, "mined.jsonl.work/source-0.passages-00000.npy", "given")
	given := func(o *MineOptions) {
		o.Rank = RankOptions{Data: o.Rank.Data, Given: VectorOptions{CorpusVectors: p.path("mined.jsonl.work/source-0.passages-00000.npy"), QueryVectors: p.path("q.npy")}}
	}
	for _, tc := range []struct {
		name, want string
		change     func(*MineOptions)
	}{
		{"two at once", "another process has the working directory", func(o *MineOptions) { o.Work = p.path("held") }},
		{"a directory of something else", "holds something else than work (notes.txt)", func(o *MineOptions) { o.Work = p.path("texts") }},
		{"vectors that are no pieces", "holds something else than work (mine.npy)", func(o *MineOptions) { o.Work = p.path("vectors") }},
		{"stamps of a run", "holds something else than work (round-0/stamps/finetune.json)", func(o *MineOptions) { o.Work = p.path("stamped") }},
		{"a run", "is the directory of a run: choose another place", func(o *MineOptions) { o.Work = p.path("run") }},
		{"a directory that holds more", "holds something else than work (notes.txt)", func(o *MineOptions) { o.Work = p.path("more") }},
		{"in a model", "--work", func(o *MineOptions) { o.Work = p.path("model/work") }},
		{"an output", "--output " + p.path("mined.jsonl") + " lies in the working directory", func(o *MineOptions) { o.Work = o.Output }},
		{"an output under another spelling", "lies in the working directory", func(o *MineOptions) { o.Work = p.path("model") + "/../mined.jsonl" }},
		{"the output in it", "mined.jsonl lies in the working directory", func(o *MineOptions) { o.Work, o.Output = p.path("w"), p.path("w/mined.jsonl") }},
		{"the output in it by a link", "mined.jsonl lies in the working directory", func(o *MineOptions) { o.Work, o.Output = p.path("mined.jsonl.work"), p.path("link/mined.jsonl") }},
		{"candidates in it", "--save-candidates", func(o *MineOptions) { o.Save = o.Output + ".work/mined.cand" }},
		{"provenance in it", "--provenance", func(o *MineOptions) { o.Provenance = o.Output + ".work/deep/side.jsonl" }},
		{"the texts in it", "--corpus " + p.path("corpus.jsonl") + " lies in the working directory", func(o *MineOptions) { o.Work, o.Output = string(p), filepath.Join(t.TempDir(), "mined.jsonl") }},
		{"given vectors in it", "--corpus-vectors", given},
		{"the teacher in it", "--teacher ", func(o *MineOptions) {
			o.Teacher.Model.Model, o.Teacher.Kind, o.Work = p.path("mined.jsonl.work/teacher"), crossEncoderKind, ""
		}},
		{"nowhere to keep it", "--keep-work: --output - has no place beside it", func(o *MineOptions) { o.Output, o.KeepWork = standard, true }},
	} {
		t.Run(tc.name, func(t *testing.T) {
			o := p.mineOptions()
			tc.change(&o)
			if err := runMine(t.Context(), o, newTestHost().host); err == nil || !strings.Contains(err.Error(), tc.want) {
				t.Errorf("got %v, want %s", err, tc.want)
			}
		})
	}
	for _, place := range []string{"run/quarry.json", "more/notes.txt", "vectors/mine.npy", "stamped/round-0/stamps/finetune.json", "mined.jsonl.work/source-0.passages-00000.npy"} {
		if _, err := os.Stat(p.path(place)); err != nil {
			t.Errorf("%s is gone: %v", place, err)
		}
	}
	h := newTestHost()
	if code := h.run(t, "mine", "--candidates", "x.cand", "--corpus", p.path("corpus.jsonl"), "--queries", p.path("train.jsonl"), "--output", p.path("m.jsonl"), "--shard", "5"); code != exitBadInput || !strings.Contains(h.err.String(), "--shard has no part beside --candidates") {
		t.Errorf("exit code %d: %s", code, h.err.String())
	}
	o := p.mineOptions()
	o.Output, o.Shard = standard, 10
	mustBe(t, runMine(t.Context(), o, newTestHost().host)) // to standard output, by way of a temporary folder
}

// TestFailedMiningKeepsWhatIsReady fails before anything is ready, and behind it, where other rules may go on.
func TestFailedMiningKeepsWhatIsReady(t *testing.T) {
	p := newProject(t, tinymodel.Options{})
	o := p.mineOptions()
	o.Shard = 10
	place := p.path("mined.jsonl.work")
	wrong := o
	wrong.Rank.Model.Model = p.path("no-model")
	if err := runMine(t.Context(), wrong, newTestHost().host); err == nil {
		t.Fatal("there is no such model")
	}
	if _, err := os.Stat(place); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("a directory without work is left: %v", err)
	}
	none := o
	least := -5.0
	none.Mine.MaxScore = &least
	h := newTestHost()
	refused(t, runMine(t.Context(), none, h.host), "--max-score: no query has a negative left")
	if !strings.Contains(h.err.String(), "what is ready is kept in "+place) {
		t.Errorf("what is kept is not said:\n%s", h.err.String())
	}
	if err := runMine(t.Context(), wrong, newTestHost().host); err == nil {
		t.Fatal("there is no such model")
	}
	h, _ = p.mine(t, o)
	if !strings.Contains(h.err.String(), "3 of 3 shards of candidates are there already") {
		t.Errorf("nothing was kept:\n%s", h.err.String())
	}
}
