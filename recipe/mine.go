package recipe

// Sources of negatives.
const (
	Dense  = "dense"  // what the miner ranks high
	None   = "none"   // no mined negatives: each query learns from the other passages of its batch
	Random = "random" // passages drawn from the whole corpus: the control that mining is compared with
)

// Mine says which passages become a query's negatives. Positives are never among them.
type Mine struct {
	// Where negatives come from: dense, what the miner ranks high; none, only the other passages of the batch (a warm-up);
	// random, the whole corpus (the control that mining is compared with).
	Source string `yaml:"source" in:"dense|none|random"`
	// Ranks that may become negatives, counted from 0, the end not included: 2-200 is ranks 3 to 200 counted from one. The
	// very best are often positives that nobody judged.
	Window Window `yaml:"window"`
	// Negatives kept a query.
	Negatives int `yaml:"negatives" in:"[1,)"`
	// Candidates kept a query and split, for every later question about windows and margins.
	Depth int `yaml:"depth" in:"[1,)" unset:"the window's end (twice that with survivors), and no less than 100"`
	// How negatives are taken from the window: uniform, a keyed draw; top, the best ranked.
	Sampling string `yaml:"sampling" in:"uniform|top"`
	// Least score of a negative.
	MinScore *float64 `yaml:"min_score" unset:"no limit"`
	// Greatest score of a negative.
	MaxScore *float64 `yaml:"max_score" unset:"no limit"`
	// A negative scores at least this much less than the query's weakest positive. 0 drops exactly those above it.
	Margin *float64 `yaml:"margin" unset:"no limit"`
	// The same as a share of the positive's score: 0.05 keeps what scores at most 95 % of it.
	RelativeMargin *float64 `yaml:"relative_margin" unset:"no limit"`
	// Count the window's ranks over the candidates that survive every other rule, not over the raw ranking.
	Survivors bool `yaml:"survivors"`
}
