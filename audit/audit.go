// Package audit looks over mined rows before anything is trained on them: what would teach a model something wrong, or
// nothing. It looks at the rows as a trainer reads them, whoever mined them.
package audit

import (
	"cmp"
	"crypto/sha256"
	"fmt"
	"math"
	"slices"
	"strings"
	"unicode/utf8"

	"github.com/quarry-ml/quarry/corpus"
)

// Row is one row of training. What is not known is left empty.
type Row struct {
	Line      int // 1-based in its file
	Query     string
	Positives []Text
	Negatives []Text
	Filler    []bool // of each negative: it was drawn from the whole corpus; nil where that is not known
	Measure   Measure
}

// Text is a positive or negative of a row.
type Text struct {
	Text  string
	ID    string   // empty where it is not known
	Score *float64 // nil where it is not known
}

// Options say what counts as a finding.
type Options struct {
	Negatives     int     // wanted a row; 0 for as many as the row with most has
	NearText      float64 // least similarity of a near-duplicate, in (0, 1]
	HubShare      float64 // a passage that is a negative of more than this share of all rows is a hub
	MaxCharacters int     // a longer text cannot be meant to be read whole; 0 for no limit
}

// DefaultOptions find texts that differ by a word or so, passages of one row in ten, and texts beyond any usual length.
func DefaultOptions() Options { return Options{NearText: 0.9, HubShare: 0.1, MaxCharacters: 32768} }

// Validate refuses options that find nothing or everything.
func (o Options) Validate() error {
	switch {
	case !(o.NearText > 0 && o.NearText <= 1):
		return fmt.Errorf("near-text %v: want a similarity above 0 and at most 1", o.NearText)
	case !(o.HubShare > 0 && o.HubShare <= 1):
		return fmt.Errorf("hub-share %v: want a share above 0 and at most 1", o.HubShare)
	case o.Negatives < 0 || o.MaxCharacters < 0:
		return fmt.Errorf("negatives %d, characters %d: want numbers from 0 on", o.Negatives, o.MaxCharacters)
	}
	return nil
}

// Kind names what can be found. The order is that of reports.
type Kind string

// The kinds of findings.
const (
	EqualPositive    Kind = "equal_positive"    // negatives with the text of a positive of their row
	NearPositive     Kind = "near_positive"     // negatives with nearly the text of a positive
	EqualQuery       Kind = "equal_query"       // negatives with the text of the query, but for case, spaces and a final stop
	AbovePositive    Kind = "above_positive"    // negatives that score, or by reciprocal ranks rank, above the lowest positive
	Contradictory    Kind = "contradictory"     // negatives that are a positive of another row with the same query
	Repeated         Kind = "repeated"          // negatives that their row has already
	Filler           Kind = "filler"            // negatives drawn from the whole corpus
	Hubs             Kind = "hubs"              // passages that are a negative of more than HubShare of the rows
	IDConflicts      Kind = "id_conflicts"      // ids with several texts, and texts with several ids
	DuplicateQueries Kind = "duplicate_queries" // rows whose query another row has with other positives
	Short            Kind = "short"             // rows with fewer negatives than wanted
	Empty            Kind = "empty"             // rows without a negative
	NoPositives      Kind = "no_positives"      // rows without a positive
	Unreadable       Kind = "unreadable"        // texts that are empty or longer than MaxCharacters
)

// kinds are all in the order of reports, each with what it is counted of.
var kinds = []struct {
	kind Kind
	of   unit
}{
	{EqualPositive, negatives}, {NearPositive, negatives}, {EqualQuery, negatives}, {AbovePositive, scored}, {Contradictory, negatives}, {Repeated, negatives}, {Filler, traced},
	{Hubs, passages}, {IDConflicts, passages}, {DuplicateQueries, rows}, {Short, rows}, {Empty, rows}, {NoPositives, rows}, {Unreadable, texts},
}

// unit is what findings are counted of.
type unit int

const (
	negatives unit = iota
	scored         // negatives that have a score, as a positive of their row has
	traced         // negatives whose row says where they are from
	passages
	rows
	texts
)

// Finding is how often one kind was found.
type Finding struct {
	Kind     Kind     `json:"kind"`
	Count    int      `json:"count"`
	Of       int      `json:"of"`                 // negatives, of these those with a score or of known origin, different negatives, rows or texts there are
	Examples []string `json:"examples,omitempty"` // the first few, by line
}

// Report is what an audit found: every kind, those that were not found too.
type Report struct {
	Rows      int       `json:"rows"`
	Negatives int       `json:"negatives"`
	Findings  []Finding `json:"findings"`
}

// Get is the finding of a kind.
func (r Report) Get(kind Kind) Finding {
	for _, f := range r.Findings {
		if f.Kind == kind {
			return f
		}
	}
	return Finding{}
}

// String is the report in one line of a log.
func (r Report) String() string {
	var found []string
	for _, f := range r.Findings {
		if f.Count > 0 {
			found = append(found, fmt.Sprintf("%s %d of %d", f.Kind, f.Count, f.Of))
		}
	}
	if found == nil {
		return fmt.Sprintf("audit of %d rows: nothing found", r.Rows)
	}
	return fmt.Sprintf("audit of %d rows: %s", r.Rows, strings.Join(found, ", "))
}

// digest identifies a text.
type digest [16]byte

func digestOf(text string) digest {
	sum := sha256.Sum256([]byte(text))
	return digest(sum[:16])
}

// Auditor gathers a report row by row. Of texts it keeps digests.
type Auditor struct {
	o         Options
	found     map[Kind]*Finding
	rows      []kept
	texts     int
	scored    int // negatives that could be held against their positive's score
	traced    int // negatives that could be filler
	uses      map[digest]*use
	textsOf   map[string]digest // first text of each id
	idsOf     map[digest]string // first id of each text
	conflicts map[string]bool   // ids and texts with a conflict that was counted
}

// kept is what a row leaves for comparisons with others.
type kept struct {
	line      int
	query     digest
	positives []digest // sorted
	negatives []digest
}

// use is how often a text is a negative.
type use struct {
	rows  int
	first int // line
	name  string
}

// New begins an audit.
func New(o Options) (*Auditor, error) {
	if err := o.Validate(); err != nil {
		return nil, fmt.Errorf("audit: %w", err)
	}
	a := &Auditor{o: o, found: map[Kind]*Finding{}, uses: map[digest]*use{}, textsOf: map[string]digest{}, idsOf: map[digest]string{}, conflicts: map[string]bool{}}
	for _, k := range kinds {
		a.found[k.kind] = &Finding{Kind: k.kind}
	}
	return a, nil
}

// mostExamples is how many examples of a kind are told.
const mostExamples = 3

func (a *Auditor) count(kind Kind, line int, format string, args ...any) {
	f := a.found[kind]
	if f.Count++; len(f.Examples) < mostExamples {
		f.Examples = append(f.Examples, fmt.Sprintf("line %d: ", line)+fmt.Sprintf(format, args...))
	}
}

// Add looks at one row.
func (a *Auditor) Add(r Row) {
	k := kept{line: r.Line, query: digestOf(corpus.Plain(r.Query))}
	lowest := math.Inf(1)
	var near []corpus.Fingerprint
	for _, p := range r.Positives {
		k.positives = append(k.positives, digestOf(strings.TrimSpace(p.Text)))
		near = append(near, corpus.NewFingerprint(p.Text))
		if p.Score != nil {
			lowest = min(lowest, *p.Score)
		}
		a.look(r.Line, p)
	}
	if len(r.Positives) == 0 {
		a.count(NoPositives, r.Line, "%s", quoted(r.Query))
	}
	a.length(r.Line, r.Query)
	for i, n := range r.Negatives {
		d := digestOf(strings.TrimSpace(n.Text))
		a.negative(r, i, d, k, near, lowest)
		k.negatives = append(k.negatives, d)
		a.look(r.Line, n)
	}
	slices.SortFunc(k.positives, func(x, y digest) int { return slices.Compare(x[:], y[:]) })
	a.rows = append(a.rows, k)
}

// negative looks at one negative beside its own row.
func (a *Auditor) negative(r Row, i int, d digest, k kept, near []corpus.Fingerprint, lowest float64) {
	n := r.Negatives[i]
	print := corpus.NewFingerprint(n.Text)
	switch {
	case slices.Contains(k.positives, d):
		a.count(EqualPositive, r.Line, "negative %d, %s", i, quoted(n.Text))
	case slices.ContainsFunc(near, func(p corpus.Fingerprint) bool { return p.Similarity(print) >= a.o.NearText }):
		a.count(NearPositive, r.Line, "negative %d, %s", i, quoted(n.Text))
	}
	if digestOf(corpus.Plain(n.Text)) == k.query {
		a.count(EqualQuery, r.Line, "negative %d, %s", i, quoted(n.Text))
	}
	if n.Score != nil && !math.IsInf(lowest, 1) {
		a.scored++
		if *n.Score > lowest {
			a.count(AbovePositive, r.Line, "negative %d %s: %s", i, r.Measure.above(*n.Score, lowest), quoted(n.Text))
		}
	}
	if i < len(r.Filler) {
		a.traced++
		if r.Filler[i] {
			a.count(Filler, r.Line, "negative %d, %s", i, quoted(n.Text))
		}
	}
	if slices.Contains(k.negatives, d) {
		a.count(Repeated, r.Line, "negative %d, %s", i, quoted(n.Text))
		return
	}
	if a.uses[d] == nil {
		a.uses[d] = &use{first: r.Line, name: cmp.Or(n.ID, quoted(n.Text))}
	}
	a.uses[d].rows++
}

// look holds a text's id against what other rows say, and its length against the limit.
func (a *Auditor) look(line int, t Text) {
	a.length(line, t.Text)
	if t.ID == "" {
		return
	}
	d := digestOf(strings.TrimSpace(t.Text))
	if first, ok := a.textsOf[t.ID]; !ok {
		a.textsOf[t.ID] = d
	} else if first != d && !a.conflicts["id "+t.ID] {
		a.conflicts["id "+t.ID] = true
		a.count(IDConflicts, line, "the id %q has another text than before: %s", t.ID, quoted(t.Text))
	}
	if first, ok := a.idsOf[d]; !ok {
		a.idsOf[d] = t.ID
	} else if first != t.ID && !a.conflicts["text "+first] {
		a.conflicts["text "+first] = true
		a.count(IDConflicts, line, "the ids %q and %q have one text: %s", first, t.ID, quoted(t.Text))
	}
}

func (a *Auditor) length(line int, text string) {
	a.texts++
	switch n := utf8.RuneCountInString(text); {
	case strings.TrimSpace(text) == "":
		a.count(Unreadable, line, "an empty text")
	case a.o.MaxCharacters > 0 && n > a.o.MaxCharacters:
		a.count(Unreadable, line, "a text of %d characters: %s", n, quoted(text))
	}
}

// Report looks at the rows together and returns what was found. It is called once, behind the last row.
func (a *Auditor) Report() Report {
	wanted, all := a.o.Negatives, 0
	for _, k := range a.rows {
		all += len(k.negatives)
		if a.o.Negatives == 0 {
			wanted = max(wanted, len(k.negatives))
		}
	}
	asked := map[digest]*question{}
	for _, k := range a.rows {
		if asked[k.query] == nil {
			asked[k.query] = &question{first: k, answers: map[digest]bool{}}
		}
		asked[k.query].add(k)
	}
	for _, k := range a.rows {
		a.together(k, *asked[k.query], wanted)
	}
	a.hubs()
	report := Report{Rows: len(a.rows), Negatives: all}
	of := map[unit]int{negatives: all, scored: a.scored, traced: a.traced, passages: len(a.uses), rows: len(a.rows), texts: a.texts}
	for _, kind := range kinds {
		f := *a.found[kind.kind]
		f.Of = of[kind.of]
		report.Findings = append(report.Findings, f)
	}
	return report
}

// together holds one row against all others.
func (a *Auditor) together(k kept, q question, wanted int) {
	if len(k.negatives) < wanted {
		a.count(Short, k.line, "%d negatives of %d", len(k.negatives), wanted)
	}
	if len(k.negatives) == 0 {
		a.count(Empty, k.line, "no negative")
	}
	if other := q.contrary(k); other != nil {
		a.count(DuplicateQueries, k.line, "the query of line %d with other positives", other.line)
	}
	for i, n := range k.negatives {
		if q.answers[n] && !slices.Contains(k.positives, n) {
			a.count(Contradictory, k.line, "negative %d is a positive of another row with this query", i)
		}
	}
}

func (a *Auditor) hubs() {
	var hubs []*use
	for _, u := range a.uses { // sorted below
		if float64(u.rows) > a.o.HubShare*float64(len(a.rows)) && u.rows > 1 {
			hubs = append(hubs, u)
		}
	}
	slices.SortFunc(hubs, func(x, y *use) int { return cmp.Or(cmp.Compare(y.rows, x.rows), cmp.Compare(x.name, y.name)) })
	for _, u := range hubs {
		a.count(Hubs, u.first, "%s, a negative of %d rows", u.name, u.rows)
	}
}

// quoted is the beginning of a text for an example.
func quoted(text string) string {
	const longest = 60
	if runes := []rune(text); len(runes) > longest {
		text = string(runes[:longest]) + "…"
	}
	return fmt.Sprintf("%q", text)
}
