package eval

import (
	"bufio"
	"errors"
	"fmt"
	"math"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"

	"github.com/quarry-ml/quarry/ranking"
)

// TestCases runs testdata/*.test: judgments, rankings and expected scores in text, with the arithmetic in a comment.
//
//	case NAME
//	judge QUERY PASSAGE=GRADE …
//	seen  QUERY …                        queries whose positive was seen in training
//	rank  QUERY PASSAGE:SCORE …          best first
//	deep  QUERY PASSAGE@RANK:SCORE …     positives below the hits, 0-based; makes the candidates know all positives
//	depth N
//	own   QUERY PASSAGE …                passages whose id is the query's
//	missing error|skip|zero              the rule for queries without a ranking
//	expect CONVENTION MEASURE MEAN
//	slice  seen|unseen MEASURE MEAN      under sentence-transformers
//	error  CONVENTION MEASURE TEXT       the error contains TEXT
//
// Passages are numbered in the order of their names, so a nil ranking.Order is the order of ids.
func TestCases(t *testing.T) {
	files, err := filepath.Glob("testdata/*.test")
	if err != nil || len(files) == 0 {
		t.Fatal("no cases", err)
	}
	for _, file := range files {
		cases, err := readCases(file)
		if err != nil {
			t.Fatal(err)
		}
		for _, c := range cases {
			t.Run(strings.TrimSuffix(filepath.Base(file), ".test")+"/"+c.name, c.run)
		}
	}
}

type textCase struct {
	name       string
	judged     []Judged
	candidates []ranking.Candidates
	depth      int
	missing    Missing
	checks     []check
}

type check struct {
	line       int
	kind       string // expect, slice, error
	convention string // or the slice's name
	measure    string
	want       string
}

func (c textCase) run(t *testing.T) {
	for _, check := range c.checks {
		convention := Convention(check.convention)
		if check.kind == "slice" {
			convention = SentenceTransformers
		}
		m, err := ParseMeasure(check.measure)
		if err != nil {
			t.Fatalf("line %d: %v", check.line, err)
		}
		scores, err := Evaluate(c.judged, c.candidates, Options{Measures: []Measure{m}, Convention: convention, Depth: c.depth, Missing: c.missing})
		if check.kind == "error" {
			if err == nil || !strings.Contains(err.Error(), check.want) {
				t.Errorf("line %d: error %v does not contain %q", check.line, err, check.want)
			}
			continue
		}
		if err != nil {
			t.Errorf("line %d: %v", check.line, err)
			continue
		}
		got := scores.Means
		if check.kind == "slice" {
			got = scores.Slices[slices.IndexFunc(scores.Slices, func(s Slice) bool { return s.Name == check.convention })].Means
		}
		want, err := strconv.ParseFloat(check.want, 64)
		if err != nil {
			t.Fatalf("line %d: %v", check.line, err)
		}
		if len(got) != 1 || math.Abs(got[0]-want) > 1e-9 {
			t.Errorf("line %d: %s %s is %v, want %v", check.line, check.convention, m, got, want)
		}
	}
}

func readCases(path string) ([]textCase, error) {
	file, err := os.Open(path)
	if err != nil {
		return nil, err
	}
	defer file.Close()
	var groups [][]string // lines of each case, as "number\tverb\targuments"
	scanner := bufio.NewScanner(file)
	for number := 1; scanner.Scan(); number++ {
		line, _, _ := strings.Cut(scanner.Text(), "#")
		fields := strings.Fields(line)
		if len(fields) == 0 {
			continue
		}
		if fields[0] == "case" {
			groups = append(groups, nil)
		}
		last := len(groups) - 1
		groups[last] = append(groups[last], fmt.Sprintf("%d %s", number, strings.Join(fields, " ")))
	}
	cases := make([]textCase, len(groups))
	for i, lines := range groups {
		if cases[i], err = parseCase(lines); err != nil {
			return nil, fmt.Errorf("%s:%w", path, err)
		}
	}
	return cases, scanner.Err()
}

func parseCase(lines []string) (textCase, error) {
	c := textCase{}
	passages := passageNames(lines)
	number := func(name string) int32 { return int32(slices.Index(passages, name)) }
	query := func(key string) *ranking.Candidates {
		i := slices.IndexFunc(c.candidates, func(k ranking.Candidates) bool { return k.Query == key })
		if i < 0 {
			c.candidates = append(c.candidates, ranking.Candidates{Query: key})
			i = len(c.candidates) - 1
		}
		return &c.candidates[i]
	}
	var err error
	float := func(text string) float64 {
		v, e := strconv.ParseFloat(text, 64)
		err = errors.Join(err, e)
		return v
	}
	for _, line := range lines {
		f := strings.Fields(line)
		lineNumber := int(float(f[0]))
		switch verb := f[1]; verb {
		case "case":
			c.name = strings.Join(f[2:], " ")
		case "judge":
			j := Judged{Query: f[2]}
			for _, g := range f[3:] {
				name, grade, _ := strings.Cut(g, "=")
				j.Grades = append(j.Grades, Grade{number(name), float(grade)})
			}
			slices.SortFunc(j.Grades, func(a, b Grade) int { return int(a.Passage - b.Passage) })
			c.judged = append(c.judged, j)
		case "seen":
			for i := range c.judged {
				c.judged[i].Seen = c.judged[i].Seen || slices.Contains(f[2:], c.judged[i].Query)
			}
		case "rank":
			q := query(f[2])
			for _, h := range f[3:] {
				name, score, _ := strings.Cut(h, ":")
				q.Hits = append(q.Hits, ranking.Hit{Passage: number(name), Score: float32(float(score))})
			}
		case "deep":
			q := query(f[2])
			for _, j := range c.judged {
				for rank, h := range q.Hits {
					if j.Query == f[2] && j.grade(h.Passage) > 0 {
						q.Positives = append(q.Positives, ranking.Positive{Passage: h.Passage, Score: h.Score, Rank: int32(rank)})
					}
				}
			}
			for _, p := range f[3:] {
				name, rest, _ := strings.Cut(p, "@")
				rank, score, _ := strings.Cut(rest, ":")
				q.Positives = append(q.Positives, ranking.Positive{Passage: number(name), Score: float32(float(score)), Rank: int32(float(rank))})
			}
		case "own":
			for i := range c.judged {
				for _, name := range f[3:] {
					if c.judged[i].Query == f[2] {
						c.judged[i].OwnID = append(c.judged[i].OwnID, number(name))
					}
				}
			}
		case "missing":
			c.missing = Missing(f[2])
		case "depth":
			c.depth = int(float(f[2]))
		case "expect", "slice", "error":
			c.checks = append(c.checks, check{lineNumber, verb, f[2], f[3], strings.Join(f[4:], " ")})
		default:
			return c, fmt.Errorf("%d: unknown verb %q", lineNumber, verb)
		}
		if err != nil {
			return c, fmt.Errorf("%d: %w", lineNumber, err)
		}
	}
	return c, nil
}

// passageNames lists the names of a case's passages in order.
func passageNames(lines []string) []string {
	var names []string
	for _, line := range lines {
		f := strings.Fields(line)
		if f[1] != "judge" && f[1] != "rank" && f[1] != "deep" {
			continue
		}
		for _, word := range f[3:] {
			names = append(names, word[:strings.IndexAny(word, "=:@")])
		}
	}
	slices.Sort(names)
	return slices.Compact(names)
}
