package mine

import (
	"math"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"go.yaml.in/yaml/v3"
)

func number(v float64) *float64 { return &v }

func TestParseWindow(t *testing.T) {
	for _, tc := range []struct {
		text, wantErr string
		want          Window
	}{
		{"2-200", "", Window{2, 200}},
		{" 0-1 ", "", Window{0, 1}},
		{"200-2", "is empty", Window{}},
		{"5-5", "is empty", Window{}},
		{"-5", "not two ranks", Window{}},
		{"2-", "not two ranks", Window{}},
		{"2", "not two ranks", Window{}},
		{"2-2e2", "not two ranks", Window{}},
		{"2-99999999999", "a rank is too large", Window{}},
		{"1-2-3", "not two ranks", Window{}},
	} {
		t.Run(tc.text, func(t *testing.T) {
			got, err := ParseWindow(tc.text)
			if tc.wantErr != "" {
				if err == nil || !strings.Contains(err.Error(), tc.wantErr) {
					t.Errorf("error %v does not contain %q", err, tc.wantErr)
				}
				return
			}
			if err != nil || got != tc.want {
				t.Errorf("got %v, %v; want %v", got, err, tc.want)
			}
		})
	}
}

// FuzzParseWindow checks that a window that is read is never empty and reads back the same.
func FuzzParseWindow(f *testing.F) {
	for _, seed := range []string{"2-200", "0-1", "3-2", "a-b", "--", "2‐200"} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, text string) {
		w, err := ParseWindow(text)
		if err != nil {
			return
		}
		if again, err := ParseWindow(w.String()); w.Len() < 1 || w.From < 0 || err != nil || again != w {
			t.Errorf("%q reads as %+v, which reads as %+v, %v", text, w, again, err)
		}
	})
}

// FuzzParseQuota checks that a quota that is read asks for something and reads back the same.
func FuzzParseQuota(f *testing.F) {
	for _, seed := range []string{"2-20:5", "2-20", ":", "0-1:0", "3-2:1", "0-1: 7"} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, text string) {
		q, err := ParseQuota(text)
		if err != nil {
			return
		}
		if again, err := ParseQuota(q.String()); q.Negatives < 1 || q.Window.Len() < 1 || err != nil || again != q {
			t.Errorf("%q reads as %+v, which reads as %+v, %v", text, q, again, err)
		}
	})
}

func TestOptionsYAML(t *testing.T) {
	o := DefaultOptions()
	text := "window: 2-100\nnegatives: 8\nsampling: top\nmargin: 0\nmax_score: 0.9\nquotas: [\"2-20:3\"]\nhub_limit: 4\n"
	if err := yaml.Unmarshal([]byte(text), &o); err != nil {
		t.Fatal(err)
	}
	want := Options{Window: Window{2, 100}, Negatives: 8, Seed: 42, Sampling: Top, Margin: number(0), MaxScore: number(0.9), Quotas: []Quota{{Window{2, 20}, 3}}, HubLimit: 4}
	if diff := cmp.Diff(want, o); diff != "" {
		t.Errorf("-want +got:\n%s", diff)
	}
	written, err := yaml.Marshal(o)
	if err != nil {
		t.Fatal(err)
	}
	var again Options
	if err := yaml.Unmarshal(written, &again); err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(o, again); diff != "" {
		t.Errorf("options written and read (-before +after):\n%s", diff)
	}
}

func TestValidate(t *testing.T) {
	if err := DefaultOptions().Validate(); err != nil {
		t.Errorf("the default options: %v", err)
	}
	for _, tc := range []struct {
		name   string
		change func(o *Options)
		want   string
	}{
		{"empty window", func(o *Options) { o.Window = Window{} }, "is empty"},
		{"a share in percent", func(o *Options) { o.ShareOfPositive = number(95) }, "a share of 95 % is 0.95"},
		{"no negatives", func(o *Options) { o.Negatives = 0 }, "negatives: 0"},
		{"more negatives than ranks", func(o *Options) { o.Window = Window{2, 10} }, "do not fit into the window 2-10, which holds 8"},
		{"unknown sampling", func(o *Options) { o.Sampling = "random" }, `sampling: "random"`},
		{"margin NaN", func(o *Options) { o.Margin = number(math.NaN()) }, "margin: NaN"},
		{"relative margin infinite", func(o *Options) { o.RelativeMargin = number(math.Inf(1)) }, "relative_margin: +Inf"},
		{"near text 0", func(o *Options) { o.NearText = number(0) }, "near_text: 0 is not a similarity"},
		{"share NaN", func(o *Options) { o.ShareOfPositive = number(math.NaN()) }, "share_of_positive: NaN"},
		{"score without temperature", func(o *Options) { o.Sampling = ByScore }, "needs a sampling_temperature above 0"},
		{"temperature without score", func(o *Options) { o.SamplingTemperature = 1 }, "has no part in sampling"},
		{"unknown reference", func(o *Options) { o.Reference = "mean" }, `reference: "mean"`},
		{"unknown group rule", func(o *Options) { o.SameGroup = "always" }, `same_group: "always"`},
		{"unknown way with given ones", func(o *Options) { o.Given = "add" }, `given: "add"`},
		{"negative hub limit", func(o *Options) { o.HubLimit = -1 }, "hub_limit: -1"},
		{"kept beyond all", func(o *Options) { o.Kept = 1.5 }, "kept: 1.5 is not a share"},
		{"shares beyond all", func(o *Options) { o.Kept, o.Random = 0.6, 0.6 }, "are together more than all 15"},
		{"quotas overlap", func(o *Options) { o.Quotas = []Quota{{Window{2, 20}, 1}, {Window{19, 30}, 1}} }, "2-20:1 and 19-30:1 overlap"},
		{"quota outside", func(o *Options) { o.Quotas = []Quota{{Window{0, 20}, 1}} }, "0-20:1 reaches beyond the window 2-200"},
		{"quota of none", func(o *Options) { o.Quotas = []Quota{{Window{2, 20}, 0}} }, "asks for no negatives"},
		{"quotas beyond all", func(o *Options) { o.Quotas, o.Kept = []Quota{{Window{2, 20}, 14}}, 0.2 }, "they ask for 14 negatives, but 12 of all 15"},
		{"scores crossed", func(o *Options) { o.MinScore, o.MaxScore = number(1), number(0) }, "nothing is left"},
	} {
		t.Run(tc.name, func(t *testing.T) {
			o := DefaultOptions()
			tc.change(&o)
			if err := o.Validate(); err == nil || !strings.Contains(err.Error(), tc.want) {
				t.Errorf("error %v does not contain %q", err, tc.want)
			}
		})
	}
}

func TestValidateDepth(t *testing.T) {
	o := DefaultOptions()
	if err := o.ValidateDepth(200, 9); err != nil {
		t.Errorf("raw ranks: %v", err)
	}
	if err := o.ValidateDepth(199, 0); err == nil || !strings.Contains(err.Error(), "needs a depth of 200, but 199") {
		t.Errorf("raw ranks, too shallow: %v", err)
	}
	o.Survivors = true
	if err := o.ValidateDepth(209, 9); err != nil {
		t.Errorf("survivors: %v", err)
	}
	if err := o.ValidateDepth(208, 9); err == nil || !strings.Contains(err.Error(), "needs a depth of 209") {
		t.Errorf("survivors, too shallow: %v", err)
	}
}
