package verdicts

import (
	"bytes"
	"encoding/csv"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"slices"
	"strconv"
	"strings"
	"unicode/utf8"

	"github.com/quarry-ml/quarry/corpus"
)

// QueueVersion is the version of a suspect's line, and of a file of them with columns.
const QueueVersion = 2

// Suspect is a doubted negative as a queue asks of it: a verdict that is yet to be given, and what speaks against the passage.
type Suspect struct {
	Verdict
	Evidence Evidence `json:"queue"`
}

// Evidence is why a negative is doubted. Readers pass over it.
type Evidence struct {
	Positives       []Positive `json:"positives"`
	Rank            *int32     `json:"rank,omitempty"` // 0-based; absent where the ranking does not hold the passage
	Score           *float32   `json:"score,omitempty"`
	PositiveScore   *float32   `json:"positive_score,omitempty"` // of the lowest positive
	Sources         []Place    `json:"sources,omitempty"`        // of several
	Teacher         *float32   `json:"teacher_score,omitempty"`
	TeacherPositive *float32   `json:"teacher_positive_score,omitempty"`
	Reasons         []string   `json:"reasons"`
}

// Positive is a passage that answers the query.
type Positive struct {
	ID   string `json:"id"`
	Text string `json:"text"`
}

// Place is what one of several sources says of the passage.
type Place struct {
	Source string  `json:"source"`
	Rank   int32   `json:"rank"`
	Score  float32 `json:"score"`
}

// Form is how a queue is written.
type Form string

// The forms of queues.
const (
	JSONL Form = "jsonl" // lines of verdicts.jsonl, with what speaks against the passage in the key "queue"
	CSV   Form = "csv"   // the same in columns, for a spreadsheet
)

// columns are those of a queue as CSV. The first are what a verdict is read from.
var columns = []string{"verdict", "version", "query", "query_text", "passage", "passage_text", "round",
	"positives", "positive_texts", "rank", "score", "positive_score", "sources", "teacher_score", "teacher_positive_score", "reasons"}

// WriteQueue writes a queue in its order. Verdicts may be given already.
func WriteQueue(w io.Writer, form Form, queue []Suspect) error {
	if form == CSV {
		return writeColumns(w, queue)
	}
	encoder := json.NewEncoder(w)
	encoder.SetEscapeHTML(false)
	for _, s := range queue {
		s.Version = QueueVersion
		if err := s.validateAsked(); err != nil {
			return err
		}
		if err := encoder.Encode(s); err != nil {
			return err
		}
	}
	return nil
}

// validateAsked is Validate of a verdict that may not be given.
func (v Verdict) validateAsked() error {
	if v.Verdict == "" {
		v.Verdict = Open
	}
	return v.Validate()
}

func writeColumns(w io.Writer, queue []Suspect) error {
	out := csv.NewWriter(w)
	if err := out.Write(columns); err != nil {
		return err
	}
	for _, s := range queue {
		if err := s.validateAsked(); err != nil {
			return err
		}
		e := s.Evidence
		var ids, texts, places []string
		for _, p := range e.Positives {
			ids, texts = append(ids, p.ID), append(texts, p.Text)
		}
		for _, p := range e.Sources {
			places = append(places, fmt.Sprintf("%s: rank %d, score %s", p.Source, p.Rank, number(&p.Score)))
		}
		rank := ""
		if e.Rank != nil {
			rank = strconv.Itoa(int(*e.Rank))
		}
		record := []string{string(s.Verdict.Verdict), strconv.Itoa(QueueVersion), s.Query, s.QueryText, s.Passage, s.PassageText, strconv.Itoa(s.Round),
			strings.Join(ids, "; "), strings.Join(texts, "\n"), rank, number(e.Score), number(e.PositiveScore), strings.Join(places, "; "),
			number(e.Teacher), number(e.TeacherPositive), strings.Join(e.Reasons, "; ")}
		if err := out.Write(record); err != nil {
			return err
		}
	}
	out.Flush()
	return out.Error()
}

// number is a score in the fewest digits that tell it from others, empty where there is none.
func number(score *float32) string {
	if score == nil {
		return ""
	}
	return strconv.FormatFloat(float64(*score), 'g', -1, 32)
}

// inColumns says whether a file is a queue as CSV: spreadsheets may put a byte order mark before it.
func inColumns(content []byte) ([]byte, bool) {
	content = bytes.TrimPrefix(content, []byte("\ufeff"))
	return content, bytes.HasPrefix(content, []byte(columns[0]+",")) || bytes.HasPrefix(content, []byte(`"`+columns[0]+`",`))
}

// otherwiseInColumns says whether a file is a queue as a table whose columns something else than a comma separates: a spreadsheet's
// semicolons, in a country whose decimals have the comma, or tabs.
func otherwiseInColumns(content []byte) bool {
	rest, ok := bytes.CutPrefix(bytes.TrimLeft(bytes.TrimPrefix(content, []byte("\ufeff")), `"`), []byte(columns[0]))
	rest = bytes.TrimPrefix(rest, []byte(`"`))
	return ok && len(rest) > 0 && (rest[0] == ';' || rest[0] == '\t')
}

// readColumns reads the verdicts that were filled into a queue as CSV. Columns may be moved, and those that say why may be left out.
func readColumns(content []byte, name string) ([]Verdict, error) {
	in := csv.NewReader(bytes.NewReader(content))
	head, err := in.Read()
	if err != nil {
		return nil, fmt.Errorf("%s:%d: %w", name, 1, err)
	}
	place := map[string]int{}
	for i, column := range head {
		if !slices.Contains(columns, column) {
			return nil, fmt.Errorf("%s:1: the column %q is none of a queue's", name, column)
		}
		if _, twice := place[column]; twice {
			return nil, fmt.Errorf("%s:1: the column %q stands twice", name, column)
		}
		place[column] = i
	}
	for _, column := range columns[:7] {
		if _, there := place[column]; !there {
			return nil, fmt.Errorf("%s:1: there is no column %q", name, column)
		}
	}
	var all []Verdict
	for {
		record, err := in.Read()
		if errors.Is(err, io.EOF) {
			return all, nil
		}
		if fault := (*csv.ParseError)(nil); errors.As(err, &fault) {
			return nil, fmt.Errorf("%s:%d: %w", name, fault.Line, fault.Err)
		}
		if err != nil {
			return nil, fmt.Errorf("%s:1: %w", name, err)
		}
		line, _ := in.FieldPos(0)
		at := func(column string) string { return record[place[column]] }
		v, err := ofRecord(at)
		if err != nil {
			return nil, fmt.Errorf("%s:%d: %w", name, line, err)
		}
		if v.Verdict != "" {
			all = append(all, v)
		}
	}
}

func ofRecord(at func(column string) string) (v Verdict, err error) {
	version, err := strconv.Atoi(strings.TrimSpace(at("version")))
	switch {
	case err != nil:
		return v, fmt.Errorf("version %q is no number", at("version"))
	case version > QueueVersion:
		return v, fmt.Errorf("version %d is newer than this quarry knows (%d): update quarry", version, QueueVersion)
	case version != QueueVersion:
		return v, fmt.Errorf("version %d, and this quarry reads %d in columns", version, QueueVersion)
	}
	v = Verdict{Version: Version, Verdict: Kind(strings.ToLower(strings.TrimSpace(at("verdict")))), Query: at("query"), QueryText: at("query_text"), Passage: at("passage"), PassageText: at("passage_text")}
	if v.Round, err = strconv.Atoi(strings.TrimSpace(at("round"))); err != nil {
		return v, fmt.Errorf("round %q is no number", at("round"))
	}
	return v, v.validateAsked()
}

// parseSuspect reads a line of a queue as the verdict that was given; empty where none was.
func parseSuspect(line []byte) (v Verdict, err error) {
	var s Suspect
	if !utf8.Valid(line) {
		return v, errors.New("the line is not UTF-8")
	}
	if err := corpus.DecodeStrict(line, &s); err != nil {
		return v, err
	}
	s.Version = Version
	return s.Verdict, s.validateAsked()
}
