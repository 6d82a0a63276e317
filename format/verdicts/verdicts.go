// Package verdicts is the file of what people said of mined negatives: which are no answers, which are, and which were
// looked at and stay. Layout and errors: docs/formats/verdicts.md.
package verdicts

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"slices"
	"strings"
	"unicode/utf8"

	"github.com/quarry-ml/quarry/corpus"
)

// Version is the version of a line that says what a person said; one that asks for it has QueueVersion.
const Version = 1

// Kind is what a person said.
type Kind string

// The kinds of verdicts.
const (
	Drop    Kind = "drop"    // too close to an answer to be a negative; whether it is one stays open
	Promote Kind = "promote" // it answers the query: a positive that nobody judged
	Keep    Kind = "keep"    // it is no answer, and stays a negative
	Open    Kind = "open"    // takes an earlier verdict back
)

// Kinds lists every kind.
func Kinds() []Kind { return []Kind{Drop, Promote, Keep, Open} }

// Verdict is what a person said of a passage as a negative of a query. It is of the two texts: rows of one text share it,
// and passages of one text too, whatever their ids.
type Verdict struct {
	Version     int    `json:"version"`
	Verdict     Kind   `json:"verdict"`
	Query       string `json:"query"` // the query's key
	QueryText   string `json:"query_text"`
	Passage     string `json:"passage"` // the passage's id
	PassageText string `json:"passage_text"`
	Round       int    `json:"round"`        // that was looked at
	At          string `json:"at,omitempty"` // RFC 3339, UTC
}

// pair is what a verdict is of.
type pair struct{ query, passage string }

func (v Verdict) pair() pair {
	return pair{strings.TrimSpace(v.QueryText), strings.TrimSpace(v.PassageText)}
}

// Validate refuses what Read would not take.
func (v Verdict) Validate() error {
	switch {
	case !slices.Contains(Kinds(), v.Verdict):
		return fmt.Errorf("verdict %q is unknown; there are %v", v.Verdict, Kinds())
	case v.Query == "" || v.Passage == "":
		return errors.New("a verdict names the key of a query and the id of a passage")
	case strings.TrimSpace(v.QueryText) == "":
		return errors.New("\"query_text\" is empty")
	case v.Round < 0:
		return fmt.Errorf("round %d: rounds count from 0", v.Round)
	}
	for _, text := range []string{v.Query, v.QueryText, v.Passage, v.PassageText, v.At} {
		if !utf8.ValidString(text) {
			return fmt.Errorf("%q is not UTF-8", text)
		}
	}
	return nil
}

// Line is a verdict as a line of the file, without its line end. Its version is Version, whatever v says.
func (v Verdict) Line() (string, error) {
	v.Version = Version
	if err := v.Validate(); err != nil {
		return "", err
	}
	var line bytes.Buffer
	encoder := json.NewEncoder(&line)
	encoder.SetEscapeHTML(false)
	if err := encoder.Encode(v); err != nil {
		return "", err
	}
	return strings.TrimSuffix(line.String(), "\n"), nil
}

// Read returns every verdict of a file, in its order; name is the file's name in errors, which tell the line. A last line without
// its end counts where it is whole: an editor may have left it so. One that a crash cut short was never acknowledged, and is passed
// over, but for a queue's, which no crash leaves in parts. Of a queue, in lines or in columns, it returns the verdicts that were
// filled in.
func Read(r io.Reader, name string) ([]Verdict, error) {
	unpacked, err := corpus.Unpack(r, name)
	if err != nil {
		return nil, err
	}
	content, err := io.ReadAll(unpacked)
	if err != nil {
		return nil, fmt.Errorf("%s: %w", name, err)
	}
	if table, ok := inColumns(content); ok {
		return readColumns(table, name)
	}
	if otherwiseInColumns(content) {
		return nil, fmt.Errorf("%s:1: columns are to be separated by commas: save the table so", name)
	}
	end := bytes.LastIndexByte(content, '\n') + 1
	if last := content[end:]; len(bytes.TrimSpace(last)) == 0 || isTorn(last) && !bytes.Contains(content, queued) {
		content = content[:end]
	}
	lines := corpus.NewLines(bytes.NewReader(content), name, corpus.LineOptions{KeepBlanks: true})
	var all []Verdict
	for {
		line, err := lines.Next()
		if errors.Is(err, io.EOF) {
			return all, nil
		}
		if err != nil {
			return nil, err
		}
		v, err := parse(line)
		if err != nil {
			return nil, lines.Errorf("%w", err)
		}
		if v.Verdict != "" {
			all = append(all, v)
		}
	}
}

// queued is in every line of a queue as it is written, and in no verdict's: a text has no quotation mark without a backslash.
var queued = []byte(fmt.Sprintf(`"version":%d,`, QueueVersion))

// isTorn says whether a line ends before its JSON does, or in the zeros that a crash may leave.
func isTorn(line []byte) bool {
	var value json.RawMessage
	err := json.NewDecoder(bytes.NewReader(line)).Decode(&value)
	return errors.Is(err, io.ErrUnexpectedEOF) || bytes.HasSuffix(line, []byte{0})
}

// IsLine says whether a line without its end is a verdict, or asks for one.
func IsLine(line []byte) bool {
	_, err := parse(line)
	return err == nil
}

// Latest is what holds: the last verdict of each pair of texts, in the order in which the pairs were first judged, without
// those that were taken back.
func Latest(all []Verdict) []Verdict {
	place := map[pair]int{}
	var latest []Verdict
	for _, v := range all {
		i, ok := place[v.pair()]
		if !ok {
			i = len(latest)
			place[v.pair()] = i
			latest = append(latest, v)
		}
		latest[i] = v
	}
	return slices.DeleteFunc(latest, func(v Verdict) bool { return v.Verdict == Open })
}

// parse reads a line. The version is looked at before the rest, so that a newer line is called newer.
func parse(line []byte) (v Verdict, err error) {
	object, err := corpus.ParseObject(line) // refuses keys that occur twice
	if err != nil {
		return v, err
	}
	var version int
	raw, ok := object.Get("version")
	if !ok {
		return v, errors.New("the line has no \"version\"")
	}
	if err := corpus.Decode(raw, &version); err != nil {
		return v, fmt.Errorf("\"version\": %w", err)
	}
	if version > QueueVersion {
		return v, fmt.Errorf("version %d is newer than this quarry knows (%d): update quarry", version, QueueVersion)
	}
	if version == QueueVersion {
		return parseSuspect(line)
	}
	if version != Version {
		return v, fmt.Errorf("version %d, and this quarry reads %d", version, Version)
	}
	if err := corpus.DecodeStrict(line, &v); err != nil {
		return v, err
	}
	return v, v.Validate()
}
