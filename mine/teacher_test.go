package mine

import (
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

// taught is ten with what a teacher says: of positives 2 and 5 it says 3 and 1, and of candidate p it says p - 4.
func taught() Query {
	q := Query{Candidates: ten(), Teacher: map[int32]float32{2: 3, 5: 1}}
	for _, p := range []int32{0, 1, 3, 4, 6, 7, 8, 9} {
		q.Teacher[p] = float32(p - 4)
	}
	return q
}

func TestTeacherMargin(t *testing.T) {
	for _, tc := range []struct {
		name   string
		change func(o *Options)
		want   [][]int32 // of each row
		drops  []int
	}{
		{"absent changes nothing", func(o *Options) { o.TeacherMargin = nil }, [][]int32{{0, 1, 3, 4, 6, 7, 8, 9}}, []int{0}},
		{"0 drops what is above the lowest positive", func(*Options) {}, [][]int32{{0, 1, 3, 4}}, []int{4}},                                                // above 1: 6 to 9
		{"equal to it stays", func(o *Options) { *o.TeacherMargin = -1 }, [][]int32{{0, 1, 3, 4, 6}}, []int{3}},                                            // above 2: 7 to 9
		{"a margin", func(o *Options) { *o.TeacherMargin = 2.5 }, [][]int32{{0, 1}}, []int{6}},                                                             // above -1.5: 3 to 9
		{"each positive by itself", func(o *Options) { o.Reference = Each }, [][]int32{{0, 1, 3, 4, 6, 7}, {0, 1, 3, 4}}, []int{2, 4}},                     // above 3, above 1
		{"behind the other rules", func(o *Options) { o.Margin = number(0) }, [][]int32{{}}, []int{4}},                                                     // the margin leaves 6 to 9
		{"before the window over survivors", func(o *Options) { o.Survivors, o.Window, o.Negatives = true, Window{1, 3}, 2 }, [][]int32{{1, 3}}, []int{4}}, // 0, 1, 3, 4 are left
	} {
		t.Run(tc.name, func(t *testing.T) {
			o := Options{Window: Window{0, 10}, Negatives: 10, Sampling: Top, TeacherMargin: number(0)}
			tc.change(&o)
			results, err := mineAll(0, o, taught())
			if err != nil || len(results) != len(tc.want) {
				t.Fatalf("%d rows: %v", len(results), err)
			}
			for i, r := range results {
				if diff := cmp.Diff(tc.want[i], passagesOf(r)); diff != "" {
					t.Errorf("row %d, -want +got:\n%s", i, diff)
				}
				if r.Dropped.TeacherMargin != tc.drops[i] {
					t.Errorf("row %d: dropped %+v", i, r.Dropped)
				}
			}
		})
	}
}

// TestATeacherIsAskedOfWhatIsLeft: of positives and of candidates behind all other rules; the answers suffice.
func TestATeacherIsAskedOfWhatIsLeft(t *testing.T) {
	for _, tc := range []struct {
		name   string
		change func(o *Options)
		want   []int32
	}{
		{"no rule", func(o *Options) { o.TeacherMargin = nil }, nil},
		{"a window", func(o *Options) { o.Window = Window{1, 4} }, []int32{1, 2, 3, 5}},
		{"a margin", func(o *Options) { o.Margin = number(0.15) }, []int32{2, 5, 7, 8, 9}},
		{"each positive's margin", func(o *Options) { o.Margin, o.Reference = number(0.15), Each }, []int32{2, 4, 5, 6, 7, 8, 9}},
	} {
		t.Run(tc.name, func(t *testing.T) {
			o := Options{Window: Window{0, 10}, Negatives: 1, Sampling: Uniform, TeacherMargin: number(0)}
			tc.change(&o)
			m, err := New(o, 0, numbered())
			if err != nil {
				t.Fatal(err)
			}
			q := taught()
			got, err := m.AsksTeacher(q)
			if err != nil || !slices.Equal(got, tc.want) {
				t.Fatalf("asks %v (%v), want %v", got, err, tc.want)
			}
			q.Teacher = map[int32]float32{}
			for _, p := range got {
				q.Teacher[p] = taught().Teacher[p]
			}
			if _, err := m.Mine(t.Context(), []Query{q}); err != nil {
				t.Errorf("with those answers: %v", err)
			}
			for _, p := range got {
				delete(q.Teacher, p)
				if _, err := m.Mine(t.Context(), []Query{q}); err == nil || !strings.Contains(err.Error(), "the teacher has no score of ") {
					t.Errorf("without that of %d: %v", p, err)
				}
				q.Teacher[p] = taught().Teacher[p]
			}
		})
	}
}

// TestTeacherMarginsNest: what a wider margin leaves, a narrower one leaves too.
func TestTeacherMarginsNest(t *testing.T) {
	var before []int32
	for i := range 13 {
		o := Options{Window: Window{0, 10}, Negatives: 10, Sampling: Top, TeacherMargin: number(6 - float64(i))}
		results, err := mineAll(0, o, taught())
		if err != nil {
			t.Fatal(err)
		}
		now := passagesOf(results[0])
		for _, p := range before {
			if !slices.Contains(now, p) {
				t.Fatalf("margin %v: %d is gone", *o.TeacherMargin, p)
			}
		}
		before = now
	}
	if len(before) != 8 {
		t.Errorf("the widest leaves %v", before)
	}
}

func TestTeacherMarginIsRefused(t *testing.T) {
	for _, change := range []func(o *Options){
		func(o *Options) { o.Kept = 0.5 }, func(o *Options) { o.Random = 0.5 }, func(o *Options) { o.Given = Keep },
	} {
		o := DefaultOptions()
		o.TeacherMargin = number(0)
		change(&o)
		if err := o.Validate(); err == nil || !strings.Contains(err.Error(), "teacher_margin: negatives that are kept, random or given") {
			t.Errorf("got %v", err)
		}
	}
}

// TestRulingsDecideWhatATeacherIsAsked: what is drawn of the rest, and the margin, do not.
func TestRulingsDecideWhatATeacherIsAsked(t *testing.T) {
	o := Options{Window: Window{0, 10}, Negatives: 5, Sampling: Top, Margin: number(0.1), TeacherMargin: number(0)}
	other := o
	other.Negatives, other.Seed, other.Sampling, other.SamplingTemperature = 3, 7, ByScore, 0.1
	other.HubLimit, other.Quotas, other.TeacherMargin = 2, []Quota{{Window: Window{0, 5}, Negatives: 2}}, number(0.5)
	asks := func(o Options) []int32 {
		t.Helper()
		m, err := New(o, 0, numbered())
		if err != nil {
			t.Fatal(err)
		}
		asked, err := m.AsksTeacher(taught())
		if err != nil {
			t.Fatal(err)
		}
		return asked
	}
	if diff := cmp.Diff(o.Rulings(), other.Rulings()); diff != "" || !slices.Equal(asks(o), asks(other)) {
		t.Errorf("%s\n%v and %v", diff, asks(o), asks(other))
	}
	other.Margin = nil
	if cmp.Diff(o.Rulings(), other.Rulings()) == "" || slices.Equal(asks(o), asks(other)) {
		t.Error("a rule before the teacher's changes nothing")
	}
}
