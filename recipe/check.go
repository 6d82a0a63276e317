package recipe

import (
	"fmt"
	"reflect"
	"regexp"
	"slices"
	"strings"

	"github.com/quarry-ml/quarry/eval"
	"github.com/quarry-ml/quarry/finetune"
	"github.com/quarry-ml/quarry/mine"
)

var nameForm = regexp.MustCompile(`^[\p{L}\p{N}_][\p{L}\p{N}._-]*$`)

// check finds what each value for itself cannot show.
func (r *Recipe) check(d *decoder) {
	d.missing(reflect.ValueOf(r).Elem(), "")
	if !nameForm.MatchString(r.Name) {
		d.failAt("name", "name %q: want letters, digits, dots, dashes and underscores: it names the run directory", r.Name)
	}
	r.Data.check(d)
	if s := r.Prompts.Suffix; s != nil && strings.Contains(string(*s), "{}") {
		d.failAt("prompts.suffix", "prompts.suffix %s: it stands behind the text, and has no {} for it", s.Show())
	}
	for i, m := range r.Eval.Metrics {
		if slices.Contains(r.Eval.Metrics[:i], m) {
			d.failAt("eval.metrics", "eval.metrics: %s is named twice", m)
		}
	}
	if largest := r.Eval.largestCutoff(); r.Eval.Depth < largest {
		d.failAt("eval.depth", "eval.depth is %d, but a metric looks at %d hits", r.Eval.Depth, largest)
	}
	r.checkTeachers(d)
	for i := range r.Rounds {
		r.checkRound(d, i, r.Rounds[i])
	}
	r.checkSets(d)
	r.Folds.check(d, r)
	r.checkLoRA(d)
	r.checkWarmups(d)
}

// checkApart finds, in a recipe with keys and values that were refused, what does not hang on these: names, and sources that
// lack a key. A source of which something was refused is passed over, for that may be the key.
func (r *Recipe) checkApart(d *decoder) {
	refused := slices.Clone(d.problems)
	r.Data.checkAlso(d)
	r.Data.checkSetNames(d)
	wrong := func(key string) bool {
		return slices.ContainsFunc(refused, func(p problem) bool { return strings.Contains(p.text, key) })
	}
	for i, round := range r.Rounds {
		if wrong(fmt.Sprintf("rounds[%d].mine.sources", i)) {
			continue
		}
		for k, one := range round.Mine.Sources {
			if one.Kind == "" || wrong(fmt.Sprintf("mine.sources[%d]", k)) {
				continue
			}
			one.checkAt(d, i, k)
			one.checkDev(d, i, k)
		}
	}
}

// checkRound finds contradictions within the settings of round i, and between them and the rest.
func (r *Recipe) checkRound(d *decoder, i int, s Stages) {
	s.check(d, i, r.Eval.Metrics)
	if s.Mine.SameGroup != "" && r.Data.PassageGroupField == "" {
		d.failRound(i, []string{"mine.same_group"}, "mine.same_group needs data.passage_group_field: the key of the corpus that holds groups")
	}
	if s.Mine.Asks() && r.Weights == BF16Weights && s.Mine.Teacher.Kind != "embedder" {
		d.failRound(i, []string{"mine.teacher.kind", "mine.teacher.model"}, "mine.teacher: weights bf16 rounds embedders alone: want mine.teacher.kind embedder, if it is one, or weights stored")
	}
	for k, one := range s.Mine.Sources {
		one.checkDev(d, i, k)
	}
	s.checkExamples(d, i, r.Data)
}

// check sees that the held-out files are not the training file itself; queries that occur in two files are found later.
func (data Data) check(d *decoder) {
	data.checkAlso(d)
	if data.AllowLeakage || data.Train.File == "" {
		return
	}
	if data.Dev.File == data.Train.File {
		d.failAt("data.dev", "data.dev is the training file: hold queries out, or set data.allow_leakage")
	}
	if data.Test.File == data.Train.File {
		d.failAt("data.test", "data.test is the training file: hold queries out, or set data.allow_leakage")
	}
	if data.Test.File != "" && data.Test.File == data.Dev.File && data.Dev.File != data.Train.File {
		d.failAt("data.test", "data.test is the dev file: epochs are chosen by it; hold other queries out, or set data.allow_leakage")
	}
}

// check finds contradictions within the settings of round i.
func (s *Stages) check(d *decoder, i int, metrics []eval.Measure) {
	train := s.Finetune
	s.Mine.check(d, i)
	if train.Batch%train.Accumulate != 0 {
		d.failRound(i, []string{"finetune.accumulate", "finetune.batch"}, "finetune.accumulate is %d, but a batch of %d queries does not divide into so many blocks",
			train.Accumulate, train.Batch)
	} else if train.Batch/train.Accumulate == 1 && train.GroupSize == 1 {
		d.failRound(i, []string{"finetune.batch", "finetune.group_size", "mine.source"}, "finetune.batch and finetune.group_size leave each query alone with its positive: it has nothing to learn from")
	}
	if t := train.Temperature; train.LearnTemperature && !(t >= finetune.MinTemperature && t <= finetune.MaxTemperature) {
		d.failRound(i, []string{"finetune.temperature", "finetune.learn_temperature"}, "finetune.temperature is %v, but one that is learned starts and stays between %v and %v",
			t, finetune.MinTemperature, finetune.MaxTemperature)
	}
	train.checkWarmup(d, i)
	train.checkLosses(d, i)
	s.checkSelect(d, i, metrics)
}

// checkWarmup refuses steps of a warm-up that have no part. Their share, which has a default, may stand beside them.
func (f Finetune) checkWarmup(d *decoder, i int) {
	if f.WarmupSteps > 0 && f.Schedule == string(finetune.Constant) {
		d.failRound(i, []string{"finetune.warmup_steps", "finetune.schedule"}, "finetune.warmup_steps has no part with finetune.schedule constant, whose rate does not rise: use constant_with_warmup")
	}
}

// check finds contradictions within the rules of mining.
func (m Mine) check(d *decoder, i int) {
	if m.Searches() && m.Depth < m.Window.End {
		d.failRound(i, []string{"mine.depth", "mine.window"}, "mine.depth is %d, but mine.window %s ends later: want %d or more",
			m.Depth, m.Window, m.Window.End)
	}
	if width := m.Window.End - m.Window.Start; m.Searches() && m.Negatives > width && m.Kept == 0 && m.Random == 0 && m.Given != string(mine.Keep) {
		d.failRound(i, []string{"mine.negatives", "mine.window"}, "mine.negatives is %d, but mine.window %s holds %d ranks",
			m.Negatives, m.Window, width)
		return
	}
	if m.MinScore != nil && m.MaxScore != nil && *m.MinScore > *m.MaxScore {
		d.failRound(i, []string{"mine.min_score", "mine.max_score"}, "mine.min_score %v is above mine.max_score %v",
			*m.MinScore, *m.MaxScore)
		return
	}
	m.Teacher.check(d, i)
	if !m.Searches() {
		return
	}
	if name := m.Options(0).NeedsScores(); name != "" && !m.Scored() {
		d.failRound(i, []string{"mine." + name, "mine.source"}, "mine.%s compares scores, and reciprocal ranks are none: want mine.fuse weighted", name)
	}
	m.checkSources(d, i)
	if err := m.Options(0).Validate(); err != nil {
		option, _, _ := strings.Cut(strings.ReplaceAll(err.Error(), ":", " "), " ")
		text := strings.Replace(err.Error(), "teacher_margin", TeacherMargin, 1)
		d.failRound(i, []string{"mine." + strings.Replace(option, "teacher_margin", TeacherMargin, 1), "mine"}, "mine.%s", text)
	}
}

// checkLosses finds losses that do not go together, and settings of one that is not asked for.
func (f *Finetune) checkLosses(d *decoder, i int) {
	if f.Distill == string(finetune.M3KD) && f.BothDirections {
		d.failRound(i, []string{"finetune.distill", "finetune.both_directions"}, "finetune.distill m3_kd_loss takes the place of the loss that finetune.both_directions is about: leave one out")
	}
	if f.Distill == "" && f.TeacherScores.Written != "" {
		d.failRound(i, []string{"finetune.teacher_scores"}, "finetune.teacher_scores is of no use without finetune.distill")
	}
	if f.Guide.Written == "" && (f.GuideMask != "" || f.GuideMargin != 0) {
		d.failRound(i, []string{"finetune.guide_mask", "finetune.guide_margin"}, "finetune.guide_mask and finetune.guide_margin are of no use without finetune.guide")
	}
	if err := (finetune.Matryoshka{Dims: f.Matryoshka, Weights: f.MatryoshkaWeights}).Validate(); err != nil {
		d.failRound(i, []string{"finetune.matryoshka_weights", "finetune.matryoshka"}, "finetune.%v", err)
	}
}

// checkSelect sees that the rule can be applied to what is trained and measured.
func (s *Stages) checkSelect(d *decoder, i int, metrics []eval.Measure) {
	rule := s.Select
	if rule.Epoch != nil && *rule.Epoch > s.Finetune.Epochs {
		d.failRound(i, []string{"select.epoch", "finetune.epochs"}, "select.epoch is %d, but finetune.epochs is %d",
			*rule.Epoch, s.Finetune.Epochs)
	}
	if rule.Metric == "" || rule.Metric == eval.EvalLoss {
		return
	}
	m, err := eval.ParseMeasure(rule.Metric)
	if err != nil {
		return // the rule's own check has told
	}
	if !slices.Contains(metrics, m) {
		d.failRound(i, []string{"select.metric", "select", "eval.metrics"}, "select.metric %s is not among eval.metrics %v: add it there", m, metrics)
	}
}

// missing reports keys that must be given and are not.
func (d *decoder) missing(section reflect.Value, path string) {
	for _, f := range fieldsOf(section.Type()) {
		value := section.FieldByIndex(f.index)
		full := join(path, f.key)
		switch {
		case f.need && value.IsZero() && d.lines[full] == 0:
			d.failAt(full, "%s is missing", full)
		case isSection(f.kind):
			d.missing(value, full)
		case isSectionList(f.kind):
			for i := range value.Len() {
				d.missing(value.Index(i), fmt.Sprintf("%s[%d]", full, i))
			}
		}
	}
}

// failAt reports a problem at the line of a key or of the nearest section around it.
func (d *decoder) failAt(key, format string, arguments ...any) {
	d.fail(lineOf(d.lines, key), format, arguments...)
}

// failRound reports a problem between settings of round i: at the first of the keys that the round itself gives, else
// at the first that the file gives at all, and then once for all rounds that share it.
func (d *decoder) failRound(i int, keys []string, format string, arguments ...any) {
	text := fmt.Sprintf(format, arguments...)
	for _, key := range keys {
		if line := d.lines[fmt.Sprintf("rounds[%d].%s", i, key)]; line > 0 {
			d.fail(line, "round %d: %s", i, text)
			return
		}
	}
	line := 0
	for _, key := range keys {
		if line = d.lines[key]; line > 0 {
			break
		}
	}
	if !slices.Contains(d.problems, problem{line, text}) {
		d.fail(line, "%s", text)
	}
}
