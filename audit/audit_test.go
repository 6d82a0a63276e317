package audit

import (
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

func number(v float64) *float64 { return &v }

func text(id, t string) Text { return Text{Text: t, ID: id} }

// rowsOf has one case of everything; the comments name it.
func rowsOf() []Row {
	long := strings.Repeat("long ", 20)
	return []Row{
		{Line: 1, Query: "how to add?", Positives: []Text{{"Add the numerators", "p1", number(0.6)}, {"Add the tops", "p2", number(0.5)}}, Negatives: []Text{
			{"Add the tops", "p2", number(0.4)}, // equal_positive
			{"add the numerator s.", "n1", nil}, // near_positive: equal but for case, spaces and stop
			{"How to add", "n2", nil},           // near the query, not equal: it lacks the question mark
			{"HOW TO ADD ?", "n3", nil},         // equal_query
			{"A pie", "n4", number(0.55)},       // above_positive
			{"A pie", "n4", nil},                // repeated
		}, Filler: []bool{false, false, true}}, // filler
		{Line: 2, Query: "How to  ADD?", Positives: []Text{text("p3", "A pie")}, Negatives: []Text{ // duplicate_queries; id_conflicts: n4 and p3 have one text
			text("p1", "Add the numerators"), // contradictory
			text("n5", "hub"),
		}},
		{Line: 3, Query: "why?", Positives: []Text{text("p4", "so")}, Negatives: []Text{text("n5", "hub"), text("n6", long)}},                 // unreadable
		{Line: 4, Query: "who?", Positives: []Text{text("p5", "me")}, Negatives: []Text{text("n5", "hub"), text("n6", "another text of n6")}}, // id_conflicts
		{Line: 5, Query: "when?", Negatives: nil}, // empty, no_positives
	}
}

func TestFindings(t *testing.T) {
	a, err := New(Options{NearText: 0.9, HubShare: 0.5, MaxCharacters: 50})
	if err != nil {
		t.Fatal(err)
	}
	for _, r := range rowsOf() {
		a.Add(r)
	}
	got := a.Report()
	counts := map[Kind][2]int{}
	for _, f := range got.Findings {
		counts[f.Kind] = [2]int{f.Count, f.Of}
	}
	want := map[Kind][2]int{
		EqualPositive: {1, 12}, NearPositive: {1, 12}, EqualQuery: {1, 12}, AbovePositive: {1, 2}, Contradictory: {3, 12}, Repeated: {1, 12}, Filler: {1, 3},
		Hubs: {1, 9}, IDConflicts: {2, 9}, DuplicateQueries: {2, 5}, Short: {4, 5}, Empty: {1, 5}, NoPositives: {1, 5}, Unreadable: {1, 22},
	}
	if diff := cmp.Diff(want, counts); diff != "" {
		t.Errorf("-want +got:\n%s", diff)
	}
	for kind, example := range map[Kind]string{
		Hubs:             `line 2: n5, a negative of 3 rows`,
		IDConflicts:      `line 2: the ids "n4" and "p3" have one text: "A pie"`,
		DuplicateQueries: "line 1: the query of line 2 with other positives",
		AbovePositive:    `line 1: negative 4 scores 0.55, the positive 0.5: "A pie"`,
		Short:            "line 2: 2 negatives of 6",
	} {
		if f := got.Get(kind); len(f.Examples) == 0 || f.Examples[0] != example {
			t.Errorf("%s: examples %q, want %s first", kind, f.Examples, example)
		}
	}
	if line := got.String(); !strings.HasPrefix(line, "audit of 5 rows: equal_positive 1 of 12, near_positive") || strings.Contains(line, "\n") {
		t.Error(line)
	}
}

// TestCleanRows: nothing is found in rows that have nothing, and none is no row.
// TestWhatCannotBeTold: rows without scores keep no limit of those above the positive, and none of filler without their origin.
func TestWhatCannotBeTold(t *testing.T) {
	a, err := New(DefaultOptions())
	if err != nil {
		t.Fatal(err)
	}
	a.Add(Row{Line: 1, Query: "q", Positives: []Text{{Text: "a", Score: number(0.5)}}, Negatives: []Text{{Text: "b"}}})
	report := a.Report()
	for kind, want := range map[Kind]string{AbovePositive: "expected above_positive<=2%, which cannot be told of these rows: no negative has a score", Filler: "no negative says", EqualPositive: ""} {
		if got := (Limit{Kind: kind, Most: 2, Share: true}).Missed(report); (got == "") != (want == "") || !strings.Contains(got, want) {
			t.Errorf("%s: %q", kind, got)
		}
	}
	if got := (Limit{Kind: AbovePositive}).Missed(Report{}); got != "" {
		t.Errorf("no rows: %q", got)
	}
}

// TestDuplicateQueries: every row is held against all rows of its query, not against the first of them alone.
func TestDuplicateQueries(t *testing.T) {
	for _, tc := range []struct {
		name, positives string // one of each row of a query
		want            int
	}{{"the first has its like", "aba", 3}, {"the others have theirs", "abb", 3}, {"all are alike", "aaa", 0}, {"one row", "a", 0}} {
		t.Run(tc.name, func(t *testing.T) {
			a, _ := New(DefaultOptions())
			for i, p := range tc.positives {
				a.Add(Row{Line: i + 1, Query: "q", Positives: []Text{text(string(p), "answer "+string(p))}})
			}
			if f := a.Report().Get(DuplicateQueries); f.Count != tc.want || f.Of != len(tc.positives) {
				t.Errorf("%d of %d rows, want %d", f.Count, f.Of, tc.want)
			}
		})
	}
}

func TestCleanRows(t *testing.T) {
	a, _ := New(DefaultOptions())
	a.Add(Row{Line: 1, Query: "q", Positives: []Text{text("a", "one answer")}, Negatives: []Text{text("b", "something else")}})
	if line := a.Report().String(); line != "audit of 1 rows: nothing found" {
		t.Error(line)
	}
	none, _ := New(DefaultOptions())
	if r := none.Report(); r.Rows != 0 || len(r.Findings) != len(kinds) {
		t.Errorf("%+v", r)
	}
}

func TestOptions(t *testing.T) {
	for _, o := range []Options{{}, {NearText: 2, HubShare: 1}, {NearText: 1}, {NearText: 1, HubShare: 1, Negatives: -1}} {
		if _, err := New(o); err == nil {
			t.Errorf("%+v was taken", o)
		}
	}
}

func TestLimits(t *testing.T) {
	r := Report{Findings: []Finding{{Kind: Short, Count: 3, Of: 200, Examples: []string{"line 7: 1 negatives of 9"}}}}
	for text, want := range map[string]string{
		"short<=3":      "",
		"short<=2":      "expected short<=2, got 3 of 200; line 7: 1 negatives of 9",
		"short <= 1.5%": "",
		"short<=1%":     "expected short<=1%, got 3 of 200; line 7: 1 negatives of 9",
		"hubs<=0":       "",
	} {
		l, err := ParseLimit(text)
		if err != nil {
			t.Fatal(err)
		}
		if got := l.Missed(r); got != want {
			t.Errorf("%s: %q, want %q", text, got, want)
		}
	}
	for text, want := range map[string]string{"short": "write finding<=number", "shrt<=1": `"shrt" is none of equal_positive`, "short<=-1": "no number from 0 on", "short<=x%": `"x" is no number`} {
		if _, err := ParseLimit(text); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%s: %v does not contain %s", text, err, want)
		}
	}
}

// FuzzParseLimit checks that a limit that is read reads back the same.
func FuzzParseLimit(f *testing.F) {
	for _, seed := range []string{"short<=3", "hubs<=0.5%", "<=", "short<=NaN", "empty<=1e300"} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, text string) {
		l, err := ParseLimit(text)
		if err != nil {
			return
		}
		if again, err := ParseLimit(l.String()); err != nil || again != l {
			t.Errorf("%q reads as %+v, which reads as %+v, %v", text, l, again, err)
		}
	})
}
