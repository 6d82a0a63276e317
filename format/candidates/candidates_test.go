package candidates

import (
	"bytes"
	"crypto/sha256"
	"encoding/binary"
	"errors"
	"flag"
	"fmt"
	"hash/crc32"
	"io"
	"math"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"

	"github.com/quarry-ml/quarry/format/trec"
	"github.com/quarry-ml/quarry/ranking"
)

var update = flag.Bool("update", false, "write the golden files")

var small = Header{
	Split: "train", Round: 1, CorpusDigest: "c0", QueriesDigest: "91", ModelDigest: "d0", Prompt: "<instruct>x\n<query>{}",
	Identity: "portable/f32/amd64/any", Depth: 3, Queries: 2, Passages: 5,
}

func smallRecords() []ranking.Candidates {
	return []ranking.Candidates{
		{Query: "q2", Hits: ranking.Ranking{{Passage: 4, Score: 0.75}, {Passage: 0, Score: 0.5}, {Passage: 1, Score: 0.5}},
			Positives: []ranking.Positive{{Passage: 0, Score: 0.5, Rank: 1}, {Passage: 3, Score: -0.25, Rank: 4}}},
		{Query: "żółw", Hits: ranking.Ranking{{Passage: 1, Score: 1}, {Passage: 2, Score: 0}, {Passage: 3, Score: float32(math.Inf(-1))}}},
	}
}

func encode(t testing.TB, h Header, records []ranking.Candidates) []byte {
	t.Helper()
	var file bytes.Buffer
	w, err := NewWriter(&file, h)
	if err != nil {
		t.Fatal(err)
	}
	for _, c := range records {
		if err := w.Write(c); err != nil {
			t.Fatal(err)
		}
	}
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
	return file.Bytes()
}

// ofEpoch is a file of what an epoch ranks.
var ofEpoch = func() Header {
	h, epoch := small, 0
	h.Split, h.Epoch = "dev", &epoch
	return h
}()

// fused is a file of two sources.
var fused = Header{
	Split: "train", Source: "fused", CorpusDigest: "c0", QueriesDigest: "91", Depth: 3, Queries: 2, Passages: 5, Fusion: "rrf 60",
	Sources: []Source{{Name: "dense", Kind: "dense", ModelDigest: "d0", Prompt: "query: {}", Identity: "portable/f32/amd64/any"}, {Name: "bm25", Kind: "bm25", Parameters: "k1 1.5, b 0.75"}},
}

// fusedRecords are of a source that has all passages and of one that knows fewer.
func fusedRecords() []ranking.Candidates {
	records := smallRecords()
	for i, c := range records {
		records[i].Sources = []ranking.Ranked{{Hits: c.Hits, Positives: c.Positives}, {}}
	}
	records[0].Sources[1] = ranking.Ranked{Hits: ranking.Ranking{{Passage: 1, Score: 7}}, Positives: []ranking.Positive{{Passage: 0, Score: 0, Rank: 1}, {Passage: 3, Rank: -1}}}
	records[1].Hits = records[1].Hits[:1]
	return records
}

// The golden files pin the layouts: an old file must stay readable by every later version.
func TestGolden(t *testing.T) {
	for version, file := range map[int]struct {
		header  Header
		records []ranking.Candidates
	}{1: {small, smallRecords()}, 2: {fused, fusedRecords()}, 3: {ofEpoch, smallRecords()}} {
		path := filepath.Join("testdata", fmt.Sprintf("version_%d.candidates", version))
		if *update {
			if err := os.WriteFile(path, encode(t, file.header, file.records), 0o644); err != nil {
				t.Fatal(err)
			}
		}
		golden, err := os.ReadFile(path)
		if err != nil {
			t.Fatal(err)
		}
		if !bytes.Equal(golden, encode(t, file.header, file.records)) || golden[8] != byte(version) {
			t.Errorf("the written file differs from the golden one of version %d", version)
		}
		header, records, err := ReadAll(bytes.NewReader(golden), path)
		if err != nil {
			t.Fatal(err)
		}
		if diff := cmp.Diff(file.header, header); diff != "" {
			t.Error(diff)
		}
		if diff := cmp.Diff(file.records, records, cmpopts.EquateEmpty()); diff != "" {
			t.Error(diff)
		}
	}
}

func TestSources(t *testing.T) {
	two := func(c ...Source) Header { h := fused; h.Sources = c; return h }
	for _, tc := range []struct {
		name   string
		header Header
		change func(c *ranking.Candidates)
		want   string
	}{
		{"a fusion of one", two(fused.Sources[0]), nil, `1 sources for the fusion "rrf 60"`},
		{"a name twice", two(fused.Sources[0], fused.Sources[0]), nil, `source 1: the name "dense" is empty or occurs twice`},
		{"a part missing", fused, func(c *ranking.Candidates) { c.Sources = c.Sources[:1] }, "parts of 1 sources, want 2"},
		{"too many hits", fused, func(c *ranking.Candidates) { c.Hits = append(c.Hits, c.Hits[0]) }, "4 hits, want 3"},
		{"a bad part", fused, func(c *ranking.Candidates) { c.Sources[1].Hits[0].Passage = 5 }, "source bm25: rank 0: passage 5 of 5"},
		{"a score without a rank", fused, func(c *ranking.Candidates) { c.Sources[1].Positives[1].Score = 1 }, "source bm25: positive 1: passage 3 has no rank, but a score of 1"},
		{"unknown ranks first", fused, func(c *ranking.Candidates) { p := c.Sources[1].Positives; p[0], p[1] = p[1], p[0] }, "source bm25: positive 1: rank 1 follows rank -1"},
		{"an unknown rank in a search", small, func(c *ranking.Candidates) { c.Sources = nil; c.Positives[1] = ranking.Positive{Passage: 3, Rank: -1} }, "positive 1: rank -1 of 5"},
	} {
		t.Run(tc.name, func(t *testing.T) {
			w, err := NewWriter(io.Discard, tc.header)
			if err == nil {
				c := fusedRecords()[0]
				tc.change(&c)
				err = w.Write(c)
			}
			if err == nil || !strings.Contains(err.Error(), tc.want) {
				t.Errorf("got %v, want %s", err, tc.want)
			}
		})
	}
	for version, h := range map[uint32]Header{2: small, 1: ofEpoch} {
		lies := encode(t, h, smallRecords())
		binary.LittleEndian.PutUint32(lies[8:], version)
		if _, _, err := ReadAll(bytes.NewReader(reseal(lies)), "f"); err == nil || !strings.Contains(err.Error(), "the file is corrupt") {
			t.Errorf("a file that lies to be of version %d: %v", version, err)
		}
	}
	old := encode(t, small, smallRecords())
	binary.LittleEndian.PutUint32(old[8:], 2)
	if _, _, err := ReadAll(bytes.NewReader(reseal(old)), "f"); err == nil || !strings.Contains(err.Error(), "f: 0 sources in a file of version 2") {
		t.Errorf("a version that lies: %v", err)
	}
}

func TestCorpusSmallerThanDepth(t *testing.T) {
	h := Header{Depth: 100, Passages: 2, Queries: 1}
	records := []ranking.Candidates{{Query: "q", Hits: ranking.Ranking{{Passage: 1, Score: 1}, {Passage: 0, Score: 0}}}}
	_, got, err := ReadAll(bytes.NewReader(encode(t, h, records)), "f")
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(records, got, cmpopts.EquateEmpty()); diff != "" {
		t.Error(diff)
	}
}

func TestWriteRefusesWhatNoSearchFinds(t *testing.T) {
	nan := float32(math.NaN())
	hits := ranking.Ranking{{Passage: 4, Score: 0.75}, {Passage: 0, Score: 0.5}, {Passage: 1, Score: 0.5}}
	for _, tc := range []struct {
		name   string
		record ranking.Candidates
		want   string
	}{
		{"no key", ranking.Candidates{Hits: hits}, "a key of 0 bytes"},
		{"too few hits", ranking.Candidates{Query: "q", Hits: hits[:2]}, `query "q": 2 hits, want 3 (depth 3, 5 passages)`},
		{"passage outside", ranking.Candidates{Query: "q", Hits: ranking.Ranking{{Passage: 5, Score: 1}, {Passage: 1, Score: 0}, {Passage: 2, Score: 0}}}, `query "q": rank 0: passage 5 of 5`},
		{"passage twice", ranking.Candidates{Query: "q", Hits: ranking.Ranking{{Passage: 1, Score: 1}, {Passage: 2, Score: 0}, {Passage: 1, Score: 0}}}, "rank 2: passage 1 was ranked before"},
		{"NaN", ranking.Candidates{Query: "q", Hits: ranking.Ranking{{Passage: 1, Score: nan}, {Passage: 2, Score: 0}, {Passage: 3, Score: 0}}}, "rank 0: passage 1: the score is not a number"},
		{"not sorted", ranking.Candidates{Query: "q", Hits: ranking.Ranking{{Passage: 1, Score: 0}, {Passage: 2, Score: 1}, {Passage: 3, Score: 0}}}, "rank 1: score 1 follows the lower score 0"},
		{"rank outside", ranking.Candidates{Query: "q", Hits: hits, Positives: []ranking.Positive{{Passage: 3, Rank: 5}}}, "positive 0: rank 5 of 5 passages"},
		{"ranks not sorted", ranking.Candidates{Query: "q", Hits: hits, Positives: []ranking.Positive{{Passage: 3, Rank: 4}, {Passage: 2, Rank: 4}}}, "positive 1: rank 4 follows rank 4"},
		{"positive against the hits", ranking.Candidates{Query: "q", Hits: hits, Positives: []ranking.Positive{{Passage: 3, Score: 0.75, Rank: 0}}}, "positive 0: passage 3 with score 0.75 at rank 0, where the hits have passage 4 with score 0.75"},
		{"hit with another rank", ranking.Candidates{Query: "q", Hits: hits, Positives: []ranking.Positive{{Passage: 4, Score: 0.75, Rank: 3}}}, "positive 0: passage 4 is among the hits but its rank is 3"},
	} {
		t.Run(tc.name, func(t *testing.T) {
			w, err := NewWriter(io.Discard, small)
			if err != nil {
				t.Fatal(err)
			}
			if err := w.Write(tc.record); err == nil || !strings.Contains(err.Error(), tc.want) {
				t.Errorf("got %v, want %s", err, tc.want)
			}
		})
	}
}

func TestWriterCounts(t *testing.T) {
	w, _ := NewWriter(io.Discard, small)
	records := smallRecords()
	if err := w.Write(records[0]); err != nil {
		t.Fatal(err)
	}
	if err := w.Write(records[0]); err == nil || !strings.Contains(err.Error(), `query "q2": written twice`) {
		t.Errorf("a key twice: %v", err)
	}
	if err := w.Close(); err == nil || !strings.Contains(err.Error(), "1 queries written of 2") {
		t.Errorf("too few: %v", err)
	}
	if err := w.Write(records[1]); err != nil {
		t.Fatal(err)
	}
	records[1].Query = "third"
	if err := w.Write(records[1]); err == nil || !strings.Contains(err.Error(), "the file was to have 2 queries") {
		t.Errorf("too many: %v", err)
	}
	negative, epoch := -1, 1
	for _, h := range []Header{{Depth: 1, Passages: 1, Epoch: &negative}, {Depth: 1, Passages: 1, Epoch: &epoch, Sources: fused.Sources[:1]}, {Depth: 0, Passages: 1}, {Depth: 1, Passages: 0}, {Depth: 1, Passages: 1, Queries: -1}, {Depth: 1, Passages: 1, Round: -1}} {
		if _, err := NewWriter(io.Discard, h); err == nil {
			t.Errorf("the header %+v was taken", h)
		}
	}
}

func TestWriterPassesOnAFullDisk(t *testing.T) {
	full := errors.New("no space left on device")
	w, err := NewWriter(failing{full}, small)
	for _, c := range smallRecords() {
		if err == nil {
			err = w.Write(c)
		}
	}
	if err == nil {
		err = w.Close()
	}
	if !errors.Is(err, full) {
		t.Errorf("got %v", err)
	}
}

type failing struct{ err error }

func (f failing) Write([]byte) (int, error) { return 0, f.err }

// Wherever a file is cut, and whichever byte of it changes, reading fails.
func TestEveryCutAndEveryChangedByteIsFound(t *testing.T) {
	good := encode(t, small, smallRecords())
	for size := range len(good) {
		if _, _, err := ReadAll(bytes.NewReader(good[:size]), "f"); err == nil || !strings.HasPrefix(err.Error(), "f: ") {
			t.Fatalf("cut at byte %d: got %v", size, err)
		}
	}
	for at := range good {
		changed := bytes.Clone(good)
		changed[at] ^= 1
		if _, _, err := ReadAll(bytes.NewReader(changed), "f"); err == nil || !strings.HasPrefix(err.Error(), "f: ") {
			t.Fatalf("byte %d changed: got %v", at, err)
		}
	}
}

func TestReadErrors(t *testing.T) {
	good := encode(t, small, smallRecords())
	first := bytes.Index(good, []byte("q2")) // in the first record's key
	newer := bytes.Clone(good)
	binary.LittleEndian.PutUint32(newer[8:], 4)
	for _, tc := range []struct {
		name string
		file []byte
		want string
	}{
		{"empty", nil, "f: not a candidates file"},
		{"text", []byte(`{"query": "q", "pos": []}`), "f: not a candidates file (it does not begin with QRYCAND)"},
		{"newer version", newer, "f: version 4 is newer than this program knows (3); use a newer Quarry, or search again"},
		{"cut header", good[:60], "f: the file ends inside its header; it looks truncated"},
		{"corrupt header", flip(good, 20), "f: the header does not match its checksum"},
		{"corrupt record", flip(good, first), "f: record 0 of 2: it does not match its checksum; the file is corrupt, search again"},
		{"cut record", good[:first+3], "f: record 0 of 2: the file ends too early; it looks truncated, search again"},
		{"length that lies", flip(good, first-5), "f: record 0 of 2: a length of"},
		{"cut between records", good[:len(good)-40], "f: the end of the file: the file ends too early"},
		{"corrupt checksum", flip(good, len(good)-1), "f: the file does not match its checksum"},
		{"data behind", append(bytes.Clone(good), 0), "f: data behind the end of the file"},
		{"key twice", twice(t), `f: record 1 of 2: query "q2": it occurs twice`},
		{"record against the header", rechecked(t), `f: record 0 of 2: query "q2": rank 0: passage 6 of 5`},
	} {
		t.Run(tc.name, func(t *testing.T) {
			_, _, err := ReadAll(bytes.NewReader(tc.file), "f")
			if err == nil || !strings.Contains(err.Error(), tc.want) {
				t.Errorf("got %v, want %s", err, tc.want)
			}
		})
	}
}

func TestAllEndsAfterAnError(t *testing.T) {
	good := encode(t, small, smallRecords())
	f, err := NewReader(bytes.NewReader(good[:len(good)-41]), "f")
	if err != nil {
		t.Fatal(err)
	}
	failed, fine := 0, 0
	for _, err := range f.All() {
		if err != nil {
			failed++
		} else {
			fine++
		}
	}
	if failed != 1 || fine != 1 {
		t.Errorf("got %d records and %d errors, want 1 and 1", fine, failed)
	}
}

// The whole ranking of a file, as a TREC run.
func TestExportAsTRECRun(t *testing.T) {
	h := small
	h.Queries = 1
	f, err := NewReader(bytes.NewReader(encode(t, h, smallRecords()[:1])), "f")
	if err != nil {
		t.Fatal(err)
	}
	var run bytes.Buffer
	w, err := trec.NewRunWriter(&run, "round-1")
	if err != nil {
		t.Fatal(err)
	}
	for c, err := range f.All() {
		if err == nil {
			err = w.Write(c.Query, c.Hits, func(p int32) string { return "abcde"[p : p+1] })
		}
		if err != nil {
			t.Fatal(err)
		}
	}
	if err := w.Flush(); err != nil {
		t.Fatal(err)
	}
	if want := "q2 Q0 e 1 0.75 round-1\nq2 Q0 a 2 0.5 round-1\nq2 Q0 b 3 0.5 round-1\n"; run.String() != want {
		t.Errorf("got %q, want %q", run.String(), want)
	}
}

func FuzzReader(f *testing.F) {
	good := encode(f, small, smallRecords())
	f.Add(good)
	f.Add(good[:len(good)-30])
	f.Add(encode(f, fused, fusedRecords()))
	f.Add(encode(f, ofEpoch, smallRecords()))
	f.Add(flip(good, 30))
	f.Fuzz(func(t *testing.T, file []byte) {
		header, records, err := ReadAll(bytes.NewReader(reseal(file)), "f")
		if err != nil {
			if !strings.HasPrefix(err.Error(), "f: ") {
				t.Errorf("the error does not name the file: %v", err)
			}
			return
		}
		again, repeated, err := ReadAll(bytes.NewReader(encode(t, header, records)), "again")
		if err != nil {
			t.Fatal(err)
		}
		if diff := cmp.Diff(header, again); diff != "" {
			t.Error(diff)
		}
		if diff := cmp.Diff(records, repeated); diff != "" {
			t.Error(diff)
		}
	})
}

// reseal puts the right checksums where the header and the records say they are, so that fuzzing gets past them.
func reseal(file []byte) []byte {
	file = bytes.Clone(file)
	seal := func(start, length int) int {
		if length < 0 || length > len(file)-start-4 {
			return -1
		}
		binary.LittleEndian.PutUint32(file[start+length:], crc32.Checksum(file[start:start+length], castagnoli))
		return start + length + 4
	}
	if len(file) < 16 {
		return file
	}
	at := seal(0, 16+int(binary.LittleEndian.Uint32(file[12:])))
	for at >= 0 && len(file)-at >= 4 && !bytes.HasPrefix(file[at:], []byte(trailer)) {
		at = seal(at, 4+int(binary.LittleEndian.Uint32(file[at:])))
	}
	if at >= 0 && bytes.HasPrefix(file[at:], []byte(trailer)) {
		end := at + len(trailer)
		sum := sha256.Sum256(file[:end])
		return append(file[:end], sum[:]...)
	}
	return file
}

func flip(file []byte, at int) []byte {
	file = bytes.Clone(file)
	file[at] ^= 0xff
	return file
}

// twice is a file whose second record repeats the first, checksums right.
func twice(t *testing.T) []byte {
	t.Helper()
	return forged(t, smallRecords()[0], smallRecords()[0])
}

// rechecked is a file with a passage beyond the corpus, checksums right.
func rechecked(t *testing.T) []byte {
	t.Helper()
	c := smallRecords()[0]
	c.Hits[0].Passage = 6
	return forged(t, c, smallRecords()[1])
}

// forged writes records without checking them.
func forged(t *testing.T, records ...ranking.Candidates) []byte {
	t.Helper()
	var file bytes.Buffer
	start, err := small.marshal()
	if err != nil {
		t.Fatal(err)
	}
	file.Write(start)
	for _, c := range records {
		b := appendRecord(make([]byte, 4), c)
		binary.LittleEndian.PutUint32(b, uint32(len(b)-4))
		file.Write(binary.LittleEndian.AppendUint32(b, crc32.Checksum(b, castagnoli)))
	}
	return file.Bytes()
}
