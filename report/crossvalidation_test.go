package report_test

import (
	"bytes"
	"encoding/json"
	"math"
	"strings"
	"testing"

	"github.com/quarry-ml/quarry/report"
	"github.com/quarry-ml/quarry/stats"
)

// TestSettingsAreTestedTogether: of three settings two are set against the chosen one, and their p is corrected for being two.
func TestSettingsAreTestedTogether(t *testing.T) {
	var settings []report.FoldsOf
	for _, s := range []struct {
		name string
		gain float64
	}{{"slow", 0}, {"fast", 0.25}, {"medium", 0.125}} {
		of := report.FoldsOf{Name: s.name}
		for _, fold := range []string{"a", "b"} {
			r := newRun(t)
			r.fold = fold
			r.scoreEverySet(s.gain)
			of.Dirs = append(of.Dirs, r.Dir)
		}
		settings = append(settings, of)
	}
	c, err := report.CrossValidate(settings, "map@25", stats.Options{Level: 0.9, Resamples: 100, Seed: 1})
	if err != nil {
		t.Fatal(err)
	}
	if c.Chosen != 1 || c.Settings[1].Against != nil {
		t.Fatalf("chosen is %d", c.Chosen)
	}
	for _, i := range []int{0, 2} {
		a := c.Settings[i].Against
		// Every query gains alike, so of all exchanges only none and all of them are as large: both have the same p, and Holm doubles both.
		if a.Randomisation >= 0.5 || a.Holm != 2*a.Randomisation {
			t.Errorf("%s: p %v, by Holm %v", c.Settings[i].Name, a.Randomisation, a.Holm)
		}
		if gain := []float64{0.25, 0, 0.125}[i]; math.Abs(a.Difference.Mean-gain) > 1e-12 || a.Difference.Low > a.Difference.Mean || a.Difference.High < a.Difference.Mean {
			t.Errorf("%s: behind by %+v", c.Settings[i].Name, a.Difference)
		}
	}
	for format, want := range map[report.Format]string{
		report.Text: "behind low  behind high", report.Markdown: "p Holm |", report.CSV: ",behind the chosen,behind low,behind high,p,p Holm", report.LaTeX: "& p Holm",
	} {
		var out bytes.Buffer
		if err := c.Write(&out, format); err != nil {
			t.Fatal(err)
		}
		if !strings.Contains(out.String(), want) || strings.Contains(out.String(), "not corrected") {
			t.Errorf("%s lacks %q:\n%s", format, want, out.String())
		}
		if n := strings.Count(out.String(), "sentence-transformers"); n < len(c.Settings) {
			t.Errorf("%s names the convention %d times, of %d settings:\n%s", format, n, len(c.Settings), out.String())
		}
		if format == report.LaTeX {
			for _, fault := range faultsOfLaTeX(out.String()) {
				t.Error(fault)
			}
		}
	}
	var out bytes.Buffer
	if err := c.Write(&out, report.JSON); err != nil {
		t.Fatal(err)
	}
	var got struct {
		Convention string
		Settings   []struct {
			Low  *float64 `json:"behind_low"`
			Holm *float64 `json:"p_holm"`
		}
	}
	if err := json.Unmarshal(out.Bytes(), &got); err != nil || got.Convention != "sentence-transformers" || got.Settings[1].Holm != nil || *got.Settings[0].Holm != c.Settings[0].Against.Holm || *got.Settings[2].Low != c.Settings[2].Against.Difference.Low {
		t.Errorf("%v: %s", err, out.String())
	}
}
