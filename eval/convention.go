package eval

import (
	"errors"
	"fmt"
	"strings"
)

// Convention names the library whose definition of a measure a number follows. docs/measures.md tells them apart.
type Convention string

// The conventions.
const (
	// SentenceTransformers is InformationRetrievalEvaluator (sentence-transformers 6.2): average precision over
	// min(k, R), nDCG with gain 1, a query without positives not scored. The default.
	SentenceTransformers Convention = "sentence-transformers"
	// TrecEval is trec_eval 9 (and pytrec_eval): average precision over R, nDCG with linear gain, ties by passage id
	// descending, whatever the ranking's own order; only the hits that a run file would hold are seen; the mean is over
	// the queries that have both judgments and a ranking.
	TrecEval Convention = "trec_eval"
	// Kaggle is the usual apk/mapk of Kaggle's competitions: average precision over min(k, R), a repeated prediction
	// counted once though it uses up a rank, nDCG with gain 2^grade-1, a query without positives not scored.
	Kaggle Convention = "kaggle"
	// Ranx is ranx 0.3: average precision over R, nDCG with linear gain; only the hits are seen. ranx leaves the order
	// of ties open; here they stay in the ranking's order.
	Ranx Convention = "ranx"
	// BEIR is what BEIR's evaluation makes of pytrec_eval: trec_eval's definitions, but a passage with the query's own id
	// is struck from its ranking first (ignore_identical_ids, BEIR's default).
	BEIR Convention = "beir"
)

// rules are what the conventions disagree about.
type rules struct {
	divideByCutoff    bool                        // average precision over min(k, R), else over R
	gain              func(grade float64) float64 // of nDCG
	hitsOnly          bool                        // a positive beyond the kept hits counts as not found
	tiesDescending    bool                        // equal scores by passage order descending
	repeats           bool                        // a passage may be ranked twice; its second place is void
	wholeGrades       bool                        // a positive needs grade 1 or more
	scoresUnanswered  bool                        // a query without positives scores 0, else it is skipped
	skipsMissingQuery bool                        // a judged query without a ranking is skipped, else an error
	strikesOwnID      bool                        // the passages of the query's own id are struck from its ranking
}

// ParseConvention reads a convention's name; empty is the default.
func ParseConvention(name string) (Convention, error) {
	c := Convention(name)
	if c == "" {
		c = SentenceTransformers
	}
	if _, err := c.rules(); err != nil {
		return "", err
	}
	return c, nil
}

// Conventions lists all names, the default first.
func Conventions() []Convention {
	return []Convention{SentenceTransformers, TrecEval, Kaggle, Ranx, BEIR}
}

func (c Convention) rules() (rules, error) {
	switch c {
	case SentenceTransformers:
		return rules{divideByCutoff: true, gain: binaryGain}, nil
	case TrecEval, BEIR:
		return rules{
			gain: linearGain, hitsOnly: true, tiesDescending: true, wholeGrades: true, scoresUnanswered: true, skipsMissingQuery: true,
			strikesOwnID: c == BEIR,
		}, nil
	case Kaggle:
		return rules{divideByCutoff: true, gain: exponentialGain, repeats: true}, nil
	case Ranx:
		return rules{gain: linearGain, hitsOnly: true, wholeGrades: true, scoresUnanswered: true}, nil
	}
	var names []string
	for _, known := range Conventions() {
		names = append(names, string(known))
	}
	return rules{}, fmt.Errorf("unknown convention %q: use one of %s", c, strings.Join(names, ", "))
}

// RanksDecide says that a convention takes rankings in the order that they come in, scores aside: a submission file of
// Kaggle's has none.
func (c Convention) RanksDecide() bool { return c == Kaggle }

// AllowsRepeats says that a ranking may hold a passage twice; under the others that is an error.
func (c Convention) AllowsRepeats() bool { return c == Kaggle }

// KeepsTies says that equal scores stay in the order that a ranking has them in; the others order ties by passage.
func (c Convention) KeepsTies() bool { return c == Kaggle || c == Ranx }

// ErrNoRanking marks a judged query without a ranking, where the rule makes an error of it.
var ErrNoRanking = errors.New("has no ranking")

// Missing says what becomes of a judged query that has no ranking.
type Missing string

// What a missing ranking may mean.
const (
	MissingByConvention Missing = ""      // as the convention has it
	MissingIsError      Missing = "error" // somebody forgot it
	MissingIsSkipped    Missing = "skip"  // the mean is over the others, as trec_eval has it without -c
	MissingIsZero       Missing = "zero"  // every measure of it is 0, as trec_eval -c has it
)

// ParseMissing reads a word; empty is the convention's rule.
func ParseMissing(word string) (Missing, error) {
	switch m := Missing(word); m {
	case MissingByConvention, MissingIsError, MissingIsSkipped, MissingIsZero:
		return m, nil
	}
	return "", fmt.Errorf("missing queries %q: use error, skip or zero", word)
}

// resolve is the rule that holds under a convention.
func (m Missing) resolve(r rules) Missing {
	switch {
	case m != MissingByConvention:
		return m
	case r.skipsMissingQuery:
		return MissingIsSkipped
	}
	return MissingIsError
}
