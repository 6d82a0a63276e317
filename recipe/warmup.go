package recipe

import "fmt"

// checkWarmups refuses a share of the steps in which the rate rises where their number stands in its place. A share of 0
// is none, and the default says nothing: a resolved recipe, which writes every key, has it beside the steps. Where a share above the
// rounds stands for other ones, a round with steps forgets it.
func (r *Recipe) checkWarmups(d *decoder) {
	standard := defaults().Finetune.WarmupRatio
	check := func(section string, f Finetune) {
		if d.lines[section+"finetune.warmup_ratio"] > 0 && f.WarmupSteps > 0 && f.WarmupRatio > 0 && f.WarmupRatio != standard {
			d.failAt(section+"finetune.warmup_ratio", "%sfinetune.warmup_ratio has no part with finetune.warmup_steps, which stand in its place: give one of them", section)
		}
	}
	check("", r.Finetune)
	for i := range r.Rounds {
		check(fmt.Sprintf("rounds[%d].", i), r.Rounds[i].Finetune)
	}
	for i, s := range r.Folds.Settings {
		if len(s.Rounds) > 0 {
			check(fmt.Sprintf("folds.settings[%d].", i), s.Rounds[0].Finetune)
		}
	}
	for _, rounds := range r.allRounds() {
		for i := range rounds {
			if f := &rounds[i].Finetune; f.WarmupSteps > 0 && f.WarmupRatio > 0 {
				f.WarmupRatio = standard
			}
		}
	}
}
