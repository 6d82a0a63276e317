package eval

import (
	"errors"
	"fmt"
	"math"
	"strings"
	"testing"

	"go.yaml.in/yaml/v3"

	"github.com/quarry-ml/quarry/draw"
)

func three() *int { n := 3; return &n }

func epochs(values ...float64) []EpochScore {
	scores := make([]EpochScore, len(values))
	for i, v := range values {
		scores[i] = EpochScore{Epoch: i, Value: v}
	}
	return scores
}

func TestChoose(t *testing.T) {
	for _, tc := range []struct {
		name    string
		rule    SelectRule
		scores  []EpochScore
		want    int
		because string
		p       map[[2]int]float64 // of the tests that are asked for
	}{
		{"highest", DefaultSelectRule(), epochs(0.17, 0.30, 0.36, 0.33), 2, "map@25 0.3600 is the best of epochs 0 to 3", nil},
		{"tie goes to the earlier", DefaultSelectRule(), epochs(0.1, 0.3, 0.3), 1, "best", nil},
		{"tie with the base keeps the base", DefaultSelectRule(), epochs(0.3, 0.3), 0, "no epoch gains on the base's map@25 0.3000", nil},
		{"base beats all", DefaultSelectRule(), epochs(0.4, 0.3, 0.35), 0, "no epoch gains", nil},
		{"no epoch 0", DefaultSelectRule(), epochs(0.1, 0.2, 0.3)[1:], 2, "epochs 1 to 2", nil},
		{"one epoch", DefaultSelectRule(), epochs(0.1), 0, "the only epoch", nil},
		{"file order is free", DefaultSelectRule(), []EpochScore{{2, 0.5}, {0, 0.1}, {1, 0.6}}, 1, "best", nil},
		{"gain too small", SelectRule{Metric: "map@25", MinGain: 0.05}, epochs(0.1, 0.3, 0.32), 1, "a gain counting from 0.05", nil},
		{"small gains add up", SelectRule{Metric: "map@25", MinGain: 0.05}, epochs(0.1, 0.3, 0.33, 0.36), 3, "best", nil},
		{"patience stops before a late rise", SelectRule{Metric: "map@25", Patience: 2}, epochs(0.1, 0.3, 0.2, 0.2, 0.9), 1, "later ones not looked at (patience 2)", nil},
		{"patience not used up", SelectRule{Metric: "map@25", Patience: 2}, epochs(0.1, 0.3, 0.2, 0.9), 3, "best", nil},
		{"loss is better when lower", SelectRule{Metric: EvalLoss}, epochs(2.0, 1.2, 1.1, 1.4), 2, "eval_loss 1.1000", nil},
		{"loss may be negative", SelectRule{Metric: EvalLoss}, epochs(0.5, -1, -0.5), 1, "eval_loss", nil},
		{"by number", SelectRule{Epoch: three(), Because: "epoch 5 looks overfitted"}, epochs(1, 2, 3, 4, 5, 6), 3, "epoch 5 looks overfitted", nil},
		{"noise keeps the earlier", SelectRule{Metric: "map@25", MaxP: 0.05}, epochs(0.1, 0.3, 0.31), 1, "the last sure gain of epochs 0 to 2, a gain counting where the randomisation test gives p of at most 0.05, by Holm corrected over the 2 epochs after the first; epoch 2's 0.3100 is not told from epoch 1's 0.3000 (p = 0.4, by Holm 0.4)", map[[2]int]float64{{0, 1}: 0.01, {1, 2}: 0.4}},
		// Of three epochs the first gain wants p * 3 <= 0.05, the next p * 2: 0.01 * 3 = 0.03, 0.02 * 2 = 0.04.
		{"noise adds up", SelectRule{Metric: "map@25", MaxP: 0.05}, epochs(0.1, 0.3, 0.31, 0.33), 3, "the last sure gain", map[[2]int]float64{{0, 1}: 0.01, {1, 2}: 0.4, {1, 3}: 0.02}},
		{"many epochs are many chances", SelectRule{Metric: "map@25", MaxP: 0.05}, epochs(0.1, 0.3, 0.29, 0.29), 0, "no epoch gains on the base's map@25 0.1000", map[[2]int]float64{{0, 1}: 0.02, {0, 2}: 0.02, {0, 3}: 0.02}},
		{"a gain that is found leaves fewer", SelectRule{Metric: "map@25", MaxP: 0.05}, epochs(0.1, 0.3, 0.31, 0.32), 3, "is the best of epochs 0 to 3", map[[2]int]float64{{0, 1}: 0.0166, {1, 2}: 0.025, {2, 3}: 0.05}},
		{"sure gains", SelectRule{Metric: "map@25", MaxP: 0.05}, epochs(0.1, 0.3, 0.2), 1, "is the best of epochs 0 to 2, a gain counting", map[[2]int]float64{{0, 1}: 0.025}},
		{"nothing but noise", SelectRule{Metric: "map@25", MaxP: 0.05}, epochs(0.1, 0.11), 0, "no epoch gains on the base's map@25 0.1000", map[[2]int]float64{{0, 1}: 0.06}},
		{"a small gain is not tested", SelectRule{Metric: "map@25", MaxP: 0.05, MinGain: 0.1}, epochs(0.1, 0.11), 0, "no epoch gains", nil},
		{"patience counts noise", SelectRule{Metric: "map@25", MaxP: 0.05, Patience: 1}, epochs(0.1, 0.11, 0.9), 0, "later ones not looked at", map[[2]int]float64{{0, 1}: 0.06}},
	} {
		t.Run(tc.name, func(t *testing.T) {
			got, because, err := tc.rule.Choose(tc.scores, func(first, second int) (float64, error) {
				if p, ok := tc.p[[2]int{first, second}]; ok {
					return p, nil
				}
				return 0, fmt.Errorf("epochs %d and %d were not to be tested", first, second)
			})
			if err != nil {
				t.Fatal(err)
			}
			if got != tc.want || !strings.Contains(because, tc.because) {
				t.Errorf("got epoch %d because %q; want %d because …%q…", got, because, tc.want, tc.because)
			}
		})
	}
}

// TestNoiseMovesTheChoiceNoMoreThanMaxPSays walks epochs that differ by nothing but noise: p values are uniform, the same ranking
// of epochs for all. Uncorrected, some epoch of ten would be taken in two of five runs.
func TestNoiseMovesTheChoiceNoMoreThanMaxPSays(t *testing.T) {
	const runs, maxP = 4000, 0.05
	moved := 0
	for run := range runs {
		scores := epochs(0.1)
		for epoch := 1; epoch <= 10; epoch++ {
			scores = append(scores, EpochScore{Epoch: epoch, Value: 0.1 + float64(epoch)/100})
		}
		chosen, _, err := SelectRule{Metric: "map@25", MaxP: maxP}.Choose(scores, func(_, second int) (float64, error) {
			p := draw.New(7, draw.Probe, run, second, "noise")
			return p.Float64(), nil
		})
		if err != nil {
			t.Fatal(err)
		}
		if chosen != 0 {
			moved++
		}
	}
	// By Bonferroni's bound at most 5 %; of independent tests 1 - (1 - 0.005)^10 = 4.9 %. Four standard errors are 1.4 %.
	if share := float64(moved) / runs; share < 0.035 || share > 0.063 {
		t.Errorf("noise moves %.1f %% of the choices, and max_p says %g", 100*share, maxP)
	}
}

func failing(int, int) (float64, error) { return 0, errors.New("no values") }

func TestChooseErrors(t *testing.T) {
	if _, _, err := (SelectRule{Ask: true}).Choose(epochs(1), nil); !errors.Is(err, ErrAsk) {
		t.Errorf("ask: %v", err)
	}
	for _, tc := range []struct {
		name   string
		rule   SelectRule
		scores []EpochScore
		want   string
	}{
		{"not a number", DefaultSelectRule(), epochs(0.1, math.NaN()), "map@25 of epoch 1 is NaN"},
		{"nothing scored", DefaultSelectRule(), nil, "no epoch has been scored"},
		{"twice", DefaultSelectRule(), []EpochScore{{1, 0}, {1, 0}}, "epoch 1 is scored twice"},
		{"not there", SelectRule{Epoch: three(), Because: "x"}, epochs(1, 2), "there is no epoch 3; the epochs are 0 to 1"},
		{"no reason", SelectRule{Epoch: three()}, epochs(1, 2, 3, 4), "needs a reason"},
		{"reason alone", SelectRule{Because: "x"}, epochs(1), "because needs an epoch"},
		{"two rules", SelectRule{Epoch: three(), Because: "x", Metric: "map"}, epochs(1), "only one of the three"},
		{"misspelt", SelectRule{Metric: "mpa@25"}, epochs(1), `did you mean "map@25"`},
		{"another spelling", SelectRule{Metric: "MAP@25"}, epochs(1), `metric "MAP@25": write "map@25"`},
		{"negative gain", SelectRule{Metric: "map", MinGain: -1}, epochs(1), "min_gain -1"},
		{"p of one", SelectRule{Metric: "map", MaxP: 1}, epochs(1), "max_p 1 is not from 0 to below 1"},
		{"test of a loss", SelectRule{Metric: EvalLoss, MaxP: 0.05}, epochs(1), "eval_loss is a mean alone"},
		{"test that fails", SelectRule{Metric: "map", MaxP: 0.05}, epochs(1, 2), "test epoch 1 against epoch 0: no values"},
		{"negative patience", SelectRule{Metric: "map", Patience: -1}, epochs(1), "patience -1"},
	} {
		t.Run(tc.name, func(t *testing.T) {
			if _, _, err := tc.rule.Choose(tc.scores, failing); err == nil || !strings.Contains(err.Error(), tc.want) {
				t.Errorf("error %v does not contain %q", err, tc.want)
			}
		})
	}
}

func TestSelectRuleYAML(t *testing.T) {
	for _, tc := range []struct {
		name, text, wantErr string
		want                SelectRule
	}{
		{"metric", "metric: recall@25\nmin_gain: 0.01\npatience: 2", "", SelectRule{Metric: "recall@25", MinGain: 0.01, Patience: 2}},
		{"metric in capitals", "metric: ' MAP@25'", "", SelectRule{Metric: "map@25"}},
		{"default metric", "min_gain: 0.01", "", SelectRule{Metric: "map@25", MinGain: 0.01}},
		{"ask", "ask", "", SelectRule{Ask: true}},
		{"other word", "best", `"best" is not a rule`, SelectRule{}},
		{"unknown key", "metrics: map", "field metrics not found", SelectRule{}},
	} {
		t.Run(tc.name, func(t *testing.T) {
			got := SelectRule{Metric: "mrr", Patience: 7} // a section is taken whole: nothing of this stays
			decoder := yaml.NewDecoder(strings.NewReader(tc.text))
			decoder.KnownFields(true)
			err := decoder.Decode(&got)
			if tc.wantErr != "" {
				if err == nil || !strings.Contains(err.Error(), tc.wantErr) {
					t.Errorf("error %v does not contain %q", err, tc.wantErr)
				}
				return
			}
			if err != nil || got != tc.want {
				t.Errorf("got %+v, %v; want %+v", got, err, tc.want)
			}
		})
	}
	var byNumber SelectRule
	if err := yaml.Unmarshal([]byte("epoch: 3\nbecause: the dev set is small"), &byNumber); err != nil || *byNumber.Epoch != 3 || byNumber.Validate() != nil {
		t.Errorf("by number: %+v, %v", byNumber, err)
	}
}
