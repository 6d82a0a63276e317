package report_test

import (
	"os"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/quarry-ml/quarry/report"
	"github.com/quarry-ml/quarry/rundir"
	"github.com/quarry-ml/quarry/rundir/faultfs"
)

func TestParseScore(t *testing.T) {
	for _, tc := range []struct {
		name, text string
		want       rundir.OutsideScore
		err        string // part of the message; empty: none
	}{
		{"labelled", "1/3=0.505:LB", rundir.OutsideScore{Round: 1, Epoch: 3, Value: 0.505, Label: "LB"}, ""},
		{"without a label", "0/0=-2e-3", rundir.OutsideScore{Value: -0.002, Label: "external"}, ""},
		{"label with colon and spaces", "0/12=1:LB: private", rundir.OutsideScore{Epoch: 12, Value: 1, Label: "LB: private"}, ""},
		{"empty", "", rundir.OutsideScore{}, "want ROUND/EPOCH=VALUE:LABEL"},
		{"no epoch", "1=0.505:LB", rundir.OutsideScore{}, "want ROUND/EPOCH=VALUE:LABEL"},
		{"no value", "1/3", rundir.OutsideScore{}, "want ROUND/EPOCH=VALUE:LABEL"},
		{"negative round", "-1/3=0.5:LB", rundir.OutsideScore{}, `round "-1"`},
		{"epoch in words", "1/last=0.5:LB", rundir.OutsideScore{}, `epoch "last"`},
		{"comma for a point", "1/3=0,5:LB", rundir.OutsideScore{}, `value "0,5" is no number`},
		{"not a number", "1/3=NaN:LB", rundir.OutsideScore{}, "no finite number"},
		{"infinite", "1/3=inf:LB", rundir.OutsideScore{}, "no finite number"},
		{"empty label", "1/3=0.5:", rundir.OutsideScore{}, `label ""`},
		{"label with a line end", "1/3=0.5:a\nb", rundir.OutsideScore{}, "cannot be printed"},
		{"label too long", "1/3=0.5:" + strings.Repeat("x", 41), rundir.OutsideScore{}, "longer than 40"},
	} {
		t.Run(tc.name, func(t *testing.T) {
			got, err := report.ParseScore(tc.text)
			if tc.err != "" {
				if err == nil || !strings.Contains(err.Error(), tc.err) {
					t.Errorf("error %v, want %q in it", err, tc.err)
				}
				return
			}
			if err != nil || got != tc.want {
				t.Errorf("got %+v, %v; want %+v", got, err, tc.want)
			}
		})
	}
}

func TestRecord(t *testing.T) {
	r := twoRounds(t)
	r.record("1/3=0.5:LB", "1/3=0.4:private", "0/2=0.3:LB")
	r.record("1/3=0.505:LB")
	want := []rundir.OutsideScore{
		{Round: 0, Epoch: 2, Value: 0.3, Label: "LB"},
		{Round: 1, Epoch: 3, Value: 0.505, Label: "LB"},
		{Round: 1, Epoch: 3, Value: 0.4, Label: "private"},
	}
	var got []rundir.OutsideScore
	for _, round := range r.read().Rounds {
		for _, e := range round.Epochs {
			got = append(got, e.Outside...)
		}
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("recorded (-want +got):\n%s", diff)
	}
}

func TestRecordKeepsNothingOfWhatItRefuses(t *testing.T) {
	for _, tc := range []struct{ name, score, want string }{
		{"no such round", "2/0=0.5:LB", "no such epoch: round 2 of a run with 2 rounds"},
		{"no such epoch", "1/4=0.5:LB", "no such epoch: round 1 has scores of 0, 1, 2, 3, not of 4"},
	} {
		t.Run(tc.name, func(t *testing.T) {
			r := twoRounds(t)
			r.record("1/3=0.5:LB")
			before := r.content()
			good, err := report.ParseScore("0/1=0.1:LB")
			if err != nil {
				t.Fatal(err)
			}
			bad, err := report.ParseScore(tc.score)
			if err != nil {
				t.Fatal(err)
			}
			if err := report.Record(r.Dir, good, bad); err == nil || !strings.Contains(err.Error(), tc.want) {
				t.Errorf("error %v, want %q in it", err, tc.want)
			}
			if after := r.content(); after != before {
				t.Errorf("the file changed to %s", after)
			}
		})
	}
}

// Stopped at any operation, recording leaves the old scores or the new ones.
func TestRecordStopped(t *testing.T) {
	for at := 1; ; at++ {
		r := newRun(t)
		r.table(0, measures, []float64{0.17, 0.30})
		r.record("0/1=0.5:LB")
		before := r.content()
		faulty := faultfs.New(string(r.Layout), faultfs.Fault{At: at, Crash: true})
		r.FS = faulty
		err := report.Record(r.Dir, rundir.OutsideScore{Epoch: 1, Value: 0.505, Label: "LB"})
		if !faulty.Crashed() {
			if err != nil {
				t.Fatal(err)
			}
			return
		}
		if err := faulty.Settle(faultfs.TearUnsynced); err != nil {
			t.Fatal(err)
		}
		r.FS = rundir.OS{}
		after := r.content()
		if after != before && !strings.Contains(after, "0.505") {
			t.Fatalf("stopped at operation %d: %s", at, after)
		}
		r.read()
	}
}

func FuzzParseScore(f *testing.F) {
	for _, seed := range []string{"1/3=0.505:LB", "0/0=1", "1/3=NaN", "1/3=0.5:a|b", "=/=:"} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, text string) {
		s, err := report.ParseScore(text)
		if err != nil {
			if !strings.HasPrefix(err.Error(), "score ") {
				t.Errorf("error %q does not name the score", err)
			}
			return
		}
		if s.Round < 0 || s.Epoch < 0 || s.Label == "" {
			t.Errorf("%q gives %+v", text, s)
		}
	})
}

// Whatever is in the files, reading them ends with a report that can be written or with an error.
func FuzzRead(f *testing.F) {
	f.Add([]byte(`{"version":1,"round":0,"measures":["map@25"],"epochs":[{"epoch":0,"eval_loss":0.5,"dev":{"queries":1,"all":[1]}}]}`), []byte(`{"version":1,"scores":[{"round":0,"epoch":0,"value":1,"label":"LB"}]}`))
	f.Add([]byte(`{"version":1}`), []byte(`{"version":1}`))
	f.Add([]byte(`{`), []byte(``))
	d, err := rundir.Open(f.TempDir(), rundir.OpenOptions{Create: true})
	if err != nil {
		f.Fatal(err)
	}
	f.Cleanup(func() { d.Close() })
	if err := os.Mkdir(d.Round(0).Dir(), 0o755); err != nil {
		f.Fatal(err)
	}
	f.Fuzz(func(t *testing.T, scores, outside []byte) {
		for file, content := range map[string][]byte{d.Round(0).Scores(): scores, d.OutsideScores(): outside} {
			if err := os.WriteFile(file, content, 0o644); err != nil {
				t.Fatal(err)
			}
		}
		r, err := report.Read(d)
		if err != nil {
			if !strings.Contains(err.Error(), "scores.json") {
				t.Errorf("error %q names no file", err)
			}
			return
		}
		for _, format := range report.Formats() {
			if err := r.Write(&strings.Builder{}, format); err != nil {
				t.Error(err)
			}
		}
	})
}

// record records scores as the command does.
func (r *run) record(texts ...string) {
	r.t.Helper()
	var scores []rundir.OutsideScore
	for _, text := range texts {
		s, err := report.ParseScore(text)
		if err != nil {
			r.t.Fatal(err)
		}
		scores = append(scores, s)
	}
	if err := report.Record(r.Dir, scores...); err != nil {
		r.t.Fatal(err)
	}
}

// content is the file of outside scores.
func (r *run) content() string {
	r.t.Helper()
	content, err := os.ReadFile(r.OutsideScores())
	if err != nil {
		r.t.Fatal(err)
	}
	return string(content)
}
