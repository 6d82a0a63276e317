package recipe

import (
	"fmt"
	"reflect"
)

// checkLoRA refuses settings of adapters that nothing trains, because the method is full, which may be the default. Where
// they stand for other rounds, this one forgets them. A resolved recipe, which writes every key, has defaults there beside a
// method that it names.
func (r *Recipe) checkLoRA(d *decoder) {
	trains := func(rounds []Stages) bool {
		for _, s := range rounds {
			if s.Finetune.Method == LoRA || len(s.Finetune.External.Command) > 0 {
				return true
			}
		}
		return false
	}
	shared := false // the section above the rounds has a part in some of them
	for _, rounds := range r.allRounds() {
		shared = shared || trains(rounds)
	}
	given := func(section string) bool { return d.lines[section+"finetune.lora"] > 0 }
	named := func(section string) bool { return d.lines[section+"finetune.method"] > 0 }
	for i := range r.Rounds {
		f := &r.Rounds[i].Finetune
		if trains(r.Rounds[i : i+1]) {
			continue
		}
		own := fmt.Sprintf("rounds[%d].", i)
		written := given(own) || given("") && !shared
		if written && (!f.LoRA.standard() || !named("") && !named(own)) {
			d.failRound(i, []string{"finetune.lora"}, loraUnused)
		}
		f.LoRA = defaults().Finetune.LoRA
	}
	for i, s := range r.Folds.Settings {
		own := fmt.Sprintf("folds.settings[%d].", i)
		if given(own) && !trains(s.Rounds) {
			d.failAt(own+"finetune.lora", "setting %s: %s", s.Name, loraUnused)
		}
		for k := range s.Rounds {
			if !trains(s.Rounds[k : k+1]) {
				s.Rounds[k].Finetune.LoRA = defaults().Finetune.LoRA
			}
		}
	}
}

const loraUnused = "finetune.lora is of no use without finetune.method lora"

func (l LoRAOptions) standard() bool { return reflect.DeepEqual(l, defaults().Finetune.LoRA) }
