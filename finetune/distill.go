package finetune

import (
	"fmt"
	"math"
)

// Distillation names how a model learns from a teacher's scores of a query's own passages. What it learns to match is the
// teacher's softmax over them, at temperature 1.
type Distillation string

// The ways of distillation, as FlagEmbedding computes them.
const (
	// KLDiv adds to InfoNCE the cross entropy of the softmax over the query's own passages from the teacher's.
	KLDiv Distillation = "kl_div"
	// M3KD takes InfoNCE's place: the sum over the query's own passages, by the teacher's share of each, of the cross
	// entropy that has it as target among all columns but the query's own passages before it (Chen et al., 2024).
	M3KD Distillation = "m3_kd_loss"
)

func (d Distillation) known() bool { return d == "" || d == KLDiv || d == M3KD }

// teacherTargets is the softmax of a teacher's scores.
func teacherTargets(scores []float64) []float64 {
	s := standing(scores, 0, 1)
	targets := make([]float64, len(scores))
	for i, score := range scores {
		targets[i] = s.share(score)
	}
	return targets
}

// distance is a row's distance from its teacher; unless the loss is all that is wanted, its gradient by logit is added to
// pull. No mask takes a query's own passages from it: the teacher has judged them. Their scores are put in place.
func (t *tile) distance(i int, scores, pull []float64) float64 {
	from, teacher := t.targets[i], t.teacher[i]
	own := scores[from : from+len(teacher)]
	for k := range own {
		own[k] = dot(t.queries[i], t.passages[from+k])
	}
	if t.lossOnly {
		pull = nil
	}
	if t.distill == M3KD {
		return m3Distance(scores, from, teacher, t.temperature, pull)
	}
	return klDistance(own, from, teacher, t.temperature, pull)
}

// klDistance is -sum of teacher · log softmax(own/temperature).
func klDistance(own []float64, from int, teacher []float64, temperature float64, pull []float64) float64 {
	s := standing(own, 0, temperature)
	level := s.highest + math.Log(s.sum)
	var loss float64
	for k, share := range teacher {
		logit := own[k] / temperature
		loss += float64(share * (level - logit))
		if pull != nil {
			pull[from+k] += s.share(logit) - share
		}
	}
	return loss
}

// m3Distance is the sum over a row's own passages k, at the columns from on, of teacher[k] times the cross entropy with
// target k among the columns without the own passages before k.
func m3Distance(scores []float64, from int, teacher []float64, temperature float64, pull []float64) float64 {
	end := from + len(teacher)
	isOwn := func(j int) bool { return from <= j && j < end }
	others := stand{highest: math.Inf(-1)} // of the columns that every target is up against
	for j, score := range scores {
		if !isOwn(j) {
			others.highest = max(others.highest, score/temperature)
		}
	}
	if !math.IsInf(others.highest, -1) {
		for j, score := range scores {
			if !isOwn(j) {
				others.sum += math.Exp(score/temperature - others.highest)
			}
		}
	}
	var loss, pullOthers float64 // the latter is d loss / d logit, less the factor exp(logit - others.highest)
	for k, share := range teacher {
		rest := scores[from+k : end]
		highest := others.highest
		for _, score := range rest {
			highest = max(highest, score/temperature)
		}
		sum := float64(others.sum * math.Exp(others.highest-highest))
		for _, score := range rest {
			sum += math.Exp(score/temperature - highest)
		}
		level := highest + math.Log(sum)
		loss += float64(share * (level - rest[0]/temperature))
		if pull == nil {
			continue
		}
		pullOthers += float64(share * math.Exp(others.highest-level))
		pull[from+k] -= share
		for l, score := range rest {
			pull[from+k+l] += float64(share * math.Exp(score/temperature-level))
		}
	}
	if pull == nil || math.IsInf(others.highest, -1) {
		return loss
	}
	for j, score := range scores {
		if !isOwn(j) {
			pull[j] += float64(pullOthers * math.Exp(score/temperature-others.highest))
		}
	}
	return loss
}

// checkTeacher sees that every passage of every example has a teacher's score.
func (d Data) checkTeacher() error {
	for _, e := range d.Examples {
		if len(e.PositiveScores) != len(e.Positives) || len(e.NegativeScores) != len(e.Negatives) {
			return fmt.Errorf("query %q has a teacher's scores of %d of %d positives and %d of %d negatives: distillation needs all",
				e.Key, len(e.PositiveScores), len(e.Positives), len(e.NegativeScores), len(e.Negatives))
		}
	}
	return nil
}
