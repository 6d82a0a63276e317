// Package teacherscores is the file in which a teacher's scores of pairs are kept, so that it is asked of each pair once. Layout
// and errors: docs/formats/teacher-scores.md.
package teacherscores

import (
	"bufio"
	"bytes"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"math"
	"strconv"

	"github.com/quarry-ml/quarry/corpus"
)

// Version is the version of a file that this package writes, and the newest that it reads.
const Version = 1

const format = "quarry teacher scores"

// Header is the first line of a file: whose scores it holds. What is not said of a teacher of its kind is absent.
type Header struct {
	Format     string `json:"format"` // "quarry teacher scores"
	Version    int    `json:"version"`
	Kind       string `json:"kind"`                 // cross-encoder or embedder
	Model      string `json:"model"`                // digest of the model
	Identity   string `json:"identity"`             // numeric identity
	Activation string `json:"activation,omitempty"` // of a cross-encoder: sigmoid, or identity for logits
	MaxLength  int    `json:"max_length,omitempty"` // of a cross-encoder: tokens of a pair
	Reads      string `json:"reads,omitempty"`      // of an embedder: digest of how it reads and compares texts
}

// Digest names a pair by its content: hex digits in the file.
type Digest = [16]byte

// Scores are the scores of a file, by the digests of their pairs.
type Scores map[Digest]float32

// Line is the header as a line, without a line end. Format and Version are this package's own.
func (h Header) Line() string {
	h.Format, h.Version = format, Version
	line, err := json.Marshal(h)
	if err != nil {
		panic(err) // texts and a number
	}
	return string(line)
}

// Writer writes a whole file.
type Writer struct{ out *bufio.Writer }

// NewWriter begins a file. An error stays until Flush.
func NewWriter(w io.Writer, h Header) *Writer {
	out := bufio.NewWriter(w)
	fmt.Fprintln(out, h.Line())
	return &Writer{out}
}

// Write writes the score of a pair, which has to be one that was not written before.
func (w *Writer) Write(d Digest, score float32) error {
	line, err := Line(d, score)
	if err == nil {
		_, err = fmt.Fprintln(w.out, line)
	}
	return err
}

// Flush ends the file.
func (w *Writer) Flush() error { return w.out.Flush() }

// record is a line behind the header.
type record struct {
	Pair  *string      `json:"pair"`
	Score *json.Number `json:"score"`
}

// Line is a pair's score as a line, without a line end: the shortest decimal that reads back as the same float32. A score
// that is not finite has no JSON form and is an error.
func Line(d Digest, score float32) (string, error) {
	if math.IsNaN(float64(score)) || math.IsInf(float64(score), 0) {
		return "", fmt.Errorf("the score of pair %x is %v, want a finite number", d, score)
	}
	return `{"pair":"` + hex.EncodeToString(d[:]) + `","score":` + strconv.FormatFloat(float64(score), 'g', -1, 32) + `}`, nil
}

// Read reads a file of whole lines; name stands for it in errors, which name its line. An empty file is no error: it has
// neither header nor scores. Kept are the scores of pairs that wanted names; nil keeps all. Another header than want, of
// whose teacher the scores are not, a kept pair with two scores that differ, unknown keys and a newer version are errors.
func Read(r io.Reader, name string, want Header, wanted func(Digest) bool) (s Scores, empty bool, err error) {
	_, s, empty, err = read(r, name, wanted, want.check)
	return s, empty, err
}

// Check reads the header of a file alone, as Read does.
func Check(r io.Reader, name string, want Header) (empty bool, err error) {
	lines := scan(r)
	if !lines.Scan() {
		return lines.Err() == nil, lines.Err()
	}
	h, err := readHeader(lines.Bytes())
	if err == nil {
		err = want.check(h)
	}
	if err != nil {
		err = fmt.Errorf("%s:1: %w", name, err)
	}
	return false, err
}

// check refuses the header of another teacher.
func (h Header) check(got Header) error {
	if line := got.Line(); line != h.Line() {
		return fmt.Errorf("these are scores of another teacher, or of one that reads otherwise: it says %s, and %s is at work; use another file", line, h.Line())
	}
	return nil
}

func scan(r io.Reader) *bufio.Scanner {
	lines := bufio.NewScanner(r)
	lines.Buffer(make([]byte, 0, 1<<16), 1<<16)
	return lines
}

// ReadAny reads a file as Read does, whosever scores it holds, and says whose. An empty file is an error.
func ReadAny(r io.Reader, name string, wanted func(Digest) bool) (Header, Scores, error) {
	h, s, empty, err := read(r, name, wanted, func(Header) error { return nil })
	if err == nil && empty {
		err = fmt.Errorf("%s: the file is empty, not a file of a teacher's scores", name)
	}
	return h, s, err
}

func read(r io.Reader, name string, wanted func(Digest) bool, check func(Header) error) (h Header, s Scores, empty bool, err error) {
	s = Scores{}
	lines := scan(r)
	n := 0
	for lines.Scan() {
		if n++; n > 1 {
			err = s.add(lines.Bytes(), wanted)
		} else if h, err = readHeader(lines.Bytes()); err == nil {
			err = check(h)
		}
		if err != nil {
			return h, nil, false, fmt.Errorf("%s:%d: %w", name, n, err)
		}
	}
	if err := lines.Err(); err != nil {
		return h, nil, false, fmt.Errorf("%s:%d: %w", name, n+1, err)
	}
	return h, s, n == 0, nil
}

func readHeader(line []byte) (Header, error) {
	var kind struct {
		Format  string `json:"format"`
		Version int    `json:"version"`
	}
	if err := json.Unmarshal(line, &kind); err != nil || kind.Format != format {
		return Header{}, errors.New("this is no file of a teacher's scores: its first line says no " + strconv.Quote(format))
	}
	if kind.Version > Version {
		return Header{}, fmt.Errorf("version %d is newer than this quarry knows (%d): update quarry", kind.Version, Version)
	}
	var h Header
	err := corpus.DecodeStrict(line, &h)
	if err == nil && h.Version != Version {
		err = fmt.Errorf("version %d is none: want %d", h.Version, Version)
	}
	return h, err
}

func (s Scores) add(line []byte, wanted func(Digest) bool) error {
	d, score, plain := readPlain(line)
	if !plain {
		var err error
		if d, score, err = readRecord(line); err != nil {
			return err
		}
	}
	if wanted != nil && !wanted(d) {
		return nil
	}
	if before, ok := s[d]; ok && before != score {
		return fmt.Errorf("pair %x has the score %v, and %v on a line before", d, score, before)
	}
	s[d] = score
	return nil
}

// readPlain reads a line as Line writes it: a large file is read many times, and any JSON takes ten times as long. Another line, right or
// wrong, is readRecord's.
func readPlain(line []byte) (d Digest, score float32, ok bool) {
	const digits = 2 * len(d)
	line, ok = bytes.CutPrefix(line, []byte(`{"pair":"`))
	if !ok || len(line) < digits {
		return d, 0, false
	}
	if _, err := hex.Decode(d[:], line[:digits]); err != nil {
		return d, 0, false
	}
	if line, ok = bytes.CutPrefix(line[digits:], []byte(`","score":`)); !ok {
		return d, 0, false
	}
	if line, ok = bytes.CutSuffix(line, []byte("}")); !ok || !isNumber(line) {
		return d, 0, false
	}
	wide, err := strconv.ParseFloat(string(line), 32)
	return d, float32(wide), err == nil
}

// isNumber says whether a JSON value is a number.
func isNumber(b []byte) bool {
	return len(b) > 0 && (b[0] == '-' || '0' <= b[0] && b[0] <= '9') && b[len(b)-1] >= '0' && b[len(b)-1] <= '9' && json.Valid(b)
}

// readRecord reads any line.
func readRecord(line []byte) (d Digest, score float32, err error) {
	var r record
	if err := corpus.DecodeStrict(line, &r); err != nil {
		return d, 0, err
	}
	if r.Pair == nil || r.Score == nil {
		return d, 0, errors.New(`want "pair" and "score"`)
	}
	raw, err := hex.DecodeString(*r.Pair)
	if err != nil || len(raw) != len(d) {
		return d, 0, fmt.Errorf("pair %q: want %d hex digits", *r.Pair, 2*len(d))
	}
	wide, err := strconv.ParseFloat(r.Score.String(), 32)
	if err != nil {
		return d, 0, fmt.Errorf("score %s is no float32", r.Score)
	}
	return Digest(raw), float32(wide), nil
}
