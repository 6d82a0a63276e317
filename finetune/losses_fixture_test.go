package finetune

import "testing"

// TestLossesAgainstThePeers compares losses and gradients with sentence-transformers' MatryoshkaLoss and GISTEmbedLoss and
// with FlagEmbedding's distillation, in float64; see parity/losses_fixture.py. Vectors that are brought to length 1 are
// rounded to float32 here, which the temperature of 0.05 makes twenty times as much of.
func TestLossesAgainstThePeers(t *testing.T) {
	var fixture struct {
		Cases []struct {
			Name              string
			Group             int
			Temperature       float64
			Dims              []int
			Weights           []float64
			Mask              GuideMask
			Margin            float64
			Guide             [][]float32
			Distill           Distillation
			Teacher           [][]float64
			Queries, Passages [][]float32
			Loss              float64
			QueryGradients    [][]float64 `json:"query_gradients"`
			PassageGradients  [][]float64 `json:"passage_gradients"`
		}
	}
	readFixture(t, "losses.json", &fixture)
	guidedCases := 0
	for _, tc := range fixture.Cases {
		t.Run(tc.Name, func(t *testing.T) {
			rows := len(tc.Queries)
			c := contrast{dim: len(tc.Queries[0]), queries: tc.Queries, passages: tc.Passages, temperature: tc.Temperature, distill: tc.Distill, each: inOrder}
			c.masked = func(i, j int) bool { return false }
			var drawn []row
			var columns []int32
			for i := range rows {
				c.targets = append(c.targets, i*tc.Group)
				drawn = append(drawn, row{example: i})
				for k := range tc.Group {
					columns = append(columns, int32(i*tc.Group+k))
				}
			}
			for _, scores := range tc.Teacher {
				c.teacher = append(c.teacher, teacherTargets(scores))
			}
			guide := Guide{
				Query:   func(i int) []float32 { return tc.Guide[i] },
				Passage: func(p int32) []float32 { return tc.Guide[rows+int(p)] },
			}
			c.guided = guide.mask(GuideOptions{tc.Mask, tc.Margin}, drawn, columns, c.targets)
			got := Matryoshka{tc.Dims, tc.Weights}.loss(c)
			guidedCases += min(got.guided, 1)
			tolerance := 1e-9
			if len(tc.Dims) > 0 {
				tolerance = 1e-5
			}
			n := float64(rows)
			within(t, "loss", got.total/n, tc.Loss, tolerance)
			for side, want := range [][][]float64{tc.QueryGradients, tc.PassageGradients} {
				gradients := [][][]float64{got.queries, got.passages}[side]
				for i := range want {
					for k, w := range want[i] {
						within(t, "gradient", gradients[i][k]/n, w, tolerance)
					}
				}
			}
		})
	}
	if guidedCases < 3 {
		t.Errorf("the guide masks anything in %d cases only", guidedCases)
	}
}
