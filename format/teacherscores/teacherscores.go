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
	"strings"
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

// Write writes a whole file: the scores of pairs in their order, each pair once.
func Write(w io.Writer, h Header, pairs []Digest, scores []float32) error {
	out := bufio.NewWriter(w)
	fmt.Fprintln(out, h.Line()) // an error stays until Flush
	seen := make(map[Digest]bool, len(pairs))
	for i, d := range pairs {
		if seen[d] {
			continue
		}
		seen[d] = true
		line, err := Line(d, scores[i])
		if err != nil {
			return err
		}
		fmt.Fprintln(out, line)
	}
	return out.Flush()
}

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
	_, s, empty, err = read(r, name, wanted, func(h Header) error {
		if got := h.Line(); got != want.Line() {
			return fmt.Errorf("these are scores of another teacher, or of one that reads otherwise: it says %s, and %s is at work; use another file", strings.TrimSpace(got), want.Line())
		}
		return nil
	})
	return s, empty, err
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
	lines := bufio.NewScanner(r)
	lines.Buffer(make([]byte, 0, 1<<12), 1<<16)
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
	err := strictly(line, &h)
	if err == nil && h.Version != Version {
		err = fmt.Errorf("version %d is none: want %d", h.Version, Version)
	}
	return h, err
}

func (s Scores) add(line []byte, wanted func(Digest) bool) error {
	var r record
	if err := strictly(line, &r); err != nil {
		return err
	}
	if r.Pair == nil || r.Score == nil {
		return errors.New(`want "pair" and "score"`)
	}
	raw, err := hex.DecodeString(*r.Pair)
	if err != nil || len(raw) != len(Digest{}) {
		return fmt.Errorf("pair %q: want %d hex digits", *r.Pair, 2*len(Digest{}))
	}
	score, err := strconv.ParseFloat(r.Score.String(), 32)
	if err != nil {
		return fmt.Errorf("score %s is no float32", r.Score)
	}
	d := Digest(raw)
	if wanted != nil && !wanted(d) {
		return nil
	}
	if before, ok := s[d]; ok && before != float32(score) {
		return fmt.Errorf("pair %s has the score %v, and %v on a line before", *r.Pair, float32(score), before)
	}
	s[d] = float32(score)
	return nil
}

// strictly reads a line that has no unknown key and nothing behind its object.
func strictly(line []byte, into any) error {
	d := json.NewDecoder(bytes.NewReader(line))
	d.DisallowUnknownFields()
	if err := d.Decode(into); err != nil {
		return err
	}
	if _, err := d.Token(); err != io.EOF {
		return errors.New("there is more behind the object")
	}
	return nil
}
