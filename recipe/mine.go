package recipe

import (
	"slices"

	"github.com/quarry-ml/quarry/audit"
	"github.com/quarry-ml/quarry/mine"
)

// Sources of negatives.
const (
	Dense  = "dense"  // what the miner ranks high
	BM25   = "bm25"   // what ranks high by the words that it shares with the query
	Fused  = "fused"  // what ranks high by both, or by several others
	None   = "none"   // no mined negatives: each query learns from the other passages of its batch
	Random = "random" // passages drawn from the whole corpus: the control that mining is compared with
)

// Mine says which passages become a query's negatives. Positives are never among them.
type Mine struct {
	// Where negatives come from: dense, what the miner ranks high; bm25, what shares words with the query; fused, both, or what
	// sources lists; none, only the other passages of the batch (a warm-up); random, the whole corpus (the control that mining
	// is compared with). One of sources that is a model, a run or vectors is that; the list alone says as much.
	Source string `yaml:"source" in:"dense|bm25|fused|none|random|model|run|vectors"`
	// What ranks, where it is not source alone: a list of one or more, which are fused. In a round or a set, another source takes the
	// list back.
	Sources []Source `yaml:"sources" unset:"as source says" omit:"true"`
	// How source fused makes one ranking: rrf, by reciprocal ranks, which no limit of scores can be held against;
	// weighted, by scores brought to 0 to 1.
	Fuse string `yaml:"fuse" in:"rrf|weighted" unset:"by rrf"`
	// Added to ranks, counted from 1, where fuse is rrf.
	FuseConstant *float64 `yaml:"fuse_constant" in:"[0,)" unset:"60 of its paper" omit:"true"`
	// Weights of the rankings in source fused, in their order: the miner's and BM25's, or those of sources. One at least is above 0.
	FuseWeights []float64 `yaml:"fuse_weights" in:"[0,)" unset:"1 each"`
	// BM25's k1: how soon further occurrences of a word stop to count.
	BM25K1 *float64 `yaml:"bm25_k1" in:"[0,)" unset:"1.5 of bm25s"`
	// BM25's b: how much long passages are held back.
	BM25B *float64 `yaml:"bm25_b" in:"[0,1]" unset:"0.75 of bm25s"`
	// Ranks that may become negatives, counted from 0, the end not included: 2-200 is ranks 3 to 200 counted from one. The
	// very best are often positives that nobody judged.
	Window Window `yaml:"window"`
	// Negatives kept a query.
	Negatives int `yaml:"negatives" in:"[1,)"`
	// Candidates kept a query and split, for every later question about windows and margins.
	Depth int `yaml:"depth" in:"[1,)" unset:"the window's end (twice that with survivors), and no less than 100"`
	// How negatives are taken from the window: uniform, a keyed draw; top, the best ranked; rank, drawn in proportion to
	// 1/(1 + rank); score, in proportion to exp(score / sampling_temperature).
	Sampling string `yaml:"sampling" in:"uniform|top|rank|score"`
	// Divisor of scores where sampling is score; small ones keep to the best.
	SamplingTemperature float64 `yaml:"sampling_temperature" in:"(0,)" unset:"none; sampling by score needs one"`
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
	// Greatest score of a negative as a share of the positive's: 0.95 is NV-Retriever's TopK-PercPos, made right for
	// negative scores.
	ShareOfPositive *float64 `yaml:"share_of_positive" unset:"no limit"`
	// A second model that is asked of what the other rules leave.
	Teacher Teacher `yaml:"teacher" unset:"no teacher"`
	// Whose score margins and shares are held against where a query has several positives: minimum, the lowest one's;
	// each, every positive's by itself, with a training row and negatives of its own.
	Reference string `yaml:"reference" in:"minimum|each" unset:"the minimum"`
	// Least similarity to the text of the query or of a positive that is dropped as a near-duplicate: the share of all
	// pieces of three characters that both texts have, case, spaces and a final stop aside. Equal texts are dropped always.
	NearText *float64 `yaml:"near_text" in:"(0,1]" unset:"only equal texts"`
	// By data.passage_group_field: never, no passage of the group of one of the query's positives is a negative; only, no
	// other passage is one.
	SameGroup string `yaml:"same_group" in:"never|only" unset:"groups do not count"`
	// Queries that a passage may be a negative of: a pass over all queries, in an order keyed by their ids.
	HubLimit int `yaml:"hub_limit" in:"[1,)" unset:"no limit"`
	// Negatives that each band of raw ranks gives, such as [2-20:5, 20-100:10]; a band that has fewer gives those.
	Quotas []mine.Quota `yaml:"quotas" unset:"drawn from the whole window"`
	// Share of the negatives that comes from those of the last round, where they still pass every rule but the window.
	Kept float64 `yaml:"kept" in:"[0,1]" unset:"none"`
	// Share of the negatives that is drawn from the whole corpus.
	Random float64 `yaml:"random" in:"[0,1]" unset:"none"`
	// What becomes of a row's own neg texts: replace, mined ones take their place; keep, they take the first slots.
	Given string `yaml:"given" in:"replace|keep" unset:"they are replaced"`
	// What people said of negatives: a file that `quarry view` writes, such as runs/NAME/verdicts.jsonl of this recipe, which
	// need not be there yet. Dropped passages are no negatives of their query, promoted ones are its positives. They
	// are of texts and hold in every set that is trained on.
	Verdicts Path `yaml:"verdicts" unset:"none"`
	// What the audit of the training rows may find at most, else the run fails (exit 3): a count or a share, such as
	// [equal_positive<=0, above_positive<=2%]. [Mining](mining.md#audit) lists the findings.
	Expect []audit.Limit `yaml:"expect" unset:"nothing"`
	// Write where every negative comes from, with the rules that it passed, into a file of its own.
	Provenance bool `yaml:"provenance" unset:"not written"`
}

// Options are the settings as package mine takes them, those of the defaults left out.
func (m Mine) Options(seed uint64) mine.Options {
	o := mine.Options{
		Window: mine.Window{From: m.Window.Start, To: m.Window.End}, Survivors: m.Survivors, Negatives: m.Negatives, Seed: seed,
		Sampling: mine.Sampling(m.Sampling), SamplingTemperature: m.SamplingTemperature,
		MinScore: m.MinScore, MaxScore: m.MaxScore, Margin: m.Margin, RelativeMargin: m.RelativeMargin, ShareOfPositive: m.ShareOfPositive,
		NearText: m.NearText, SameGroup: mine.SameGroup(m.SameGroup), HubLimit: m.HubLimit, Quotas: m.Quotas, Kept: m.Kept, Random: m.Random,
		Verdicts: m.Verdicts.Written != "",
	}
	if m.Asks() {
		o.TeacherMargin = m.Teacher.Margin
	}
	if m.Reference == string(mine.Each) { // what is the default is left out: stamps do not tell it apart
		o.Reference = mine.Each
	}
	if m.Given == string(mine.Keep) {
		o.Given = mine.Keep
	}
	return o
}

// Embeds says whether the round needs vectors of the corpus and its queries to mine.
func (m Mine) Embeds() bool {
	return slices.ContainsFunc(m.Ranks(), func(s Source) bool { return s.Kind == Dense })
}

// Searches says whether the round ranks the corpus for its queries to mine.
func (m Mine) Searches() bool { return m.Source != None && m.Source != Random }

// Asks says whether the round asks a teacher of what it has ranked.
func (m Mine) Asks() bool { return m.Teacher.Model.Written != "" && m.Searches() }

// Scored says whether a candidate's score compares with a positive's: the sum of reciprocal ranks does not.
func (m Mine) Scored() bool { return m.Source != Fused || m.Fuse == "weighted" }
