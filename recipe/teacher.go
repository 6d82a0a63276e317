package recipe

import (
	"strings"

	"github.com/quarry-ml/quarry/prompt"
)

// AutoTeacher leaves it to a teacher's directory to say what it is.
const AutoTeacher = "auto"

// Teacher is a second model that scores candidates and positives, so that what it takes for an answer is no negative.
type Teacher struct {
	// Model directory, or Hugging Face name, of a cross-encoder or of a second embedder; or the directory that
	// `quarry finetune --kind cross-encoder --folds` leaves, whose cross-encoders score each query out of fold. It scores each query's positives and
	// the candidates that all other rules leave, or without margin its negatives alone; the mined rows get its scores, which finetune.distill learns from.
	// Scores are kept by content: no pair is scored twice, in whatever round, fold or command.
	Model Path `yaml:"model" unset:"no teacher"`
	// What it is: auto, as its directory says; cross-encoder, which reads query and passage together; embedder, which
	// compares their vectors under its own prompts. With weights bf16 it has to be an embedder, and kind to say so.
	Kind string `yaml:"kind" in:"auto|cross-encoder|embedder" unset:"as its directory says"`
	// The teacher scores a negative at least this much less than the query's weakest positive, in its own scores. 0 drops
	// exactly those above it. Without one the teacher scores the mined rows alone, and drops nothing.
	Margin *float64 `yaml:"margin" unset:"none: it scores the mined rows alone"`
	// Score by a cross-encoder's logits, whatever activation it names.
	Logits bool `yaml:"logits" unset:"as the model says"`
	// Tokens read of a pair by a cross-encoder, and of a text by an embedder, special ones included.
	MaxLength int `yaml:"max_length" in:"[1,)" unset:"as the model says"`
	// The same of an embedder's queries alone.
	QueryMaxLength int `yaml:"query_max_length" in:"[1,)" unset:"as max_length says"`
	// The same of an embedder's passages alone.
	PassageMaxLength int `yaml:"passage_max_length" in:"[1,)" unset:"as max_length says"`
	// Around an embedder's queries; "" for nothing.
	QueryPrompt *prompt.Template `yaml:"query_prompt" unset:"as the model says"`
	// Behind an embedder's queries, which are never cut for it.
	QuerySuffix *prompt.Template `yaml:"query_suffix" unset:"as the model says"`
	// Around an embedder's passages; "" for nothing.
	PassagePrompt *prompt.Template `yaml:"passage_prompt" unset:"as the model says"`
	// How the vectors of an embedder's tokens become one. Needed only where the model does not say it.
	Pooling string `yaml:"pooling" in:"cls|mean|max|lasttoken|weightedmean" unset:"as the model says"`
	// Whether an embedder's vectors are brought to length 1. Needed only where the model does not say it.
	Normalize *bool `yaml:"normalize" unset:"as the model says"`
	// Leading numbers of an embedder's vectors that are compared.
	TruncateDim int `yaml:"truncate_dim" in:"[1,)" unset:"as the model says"`
}

// TeacherMargin is the key within mine of what package mine calls teacher_margin.
const TeacherMargin = "teacher.margin"

// MarshalJSON writes the section as Stages.MarshalJSON does.
func (t Teacher) MarshalJSON() ([]byte, error) { return canonicalJSON(t) }

// EmbedderOnly names the first key that is given and means nothing to a cross-encoder; "" where none is.
func (t Teacher) EmbedderOnly() string {
	for _, one := range []struct {
		key   string
		given bool
	}{
		{"query_max_length", t.QueryMaxLength > 0}, {"passage_max_length", t.PassageMaxLength > 0},
		{"query_prompt", t.QueryPrompt != nil}, {"query_suffix", t.QuerySuffix != nil}, {"passage_prompt", t.PassagePrompt != nil},
		{"pooling", t.Pooling != ""}, {"normalize", t.Normalize != nil}, {"truncate_dim", t.TruncateDim > 0},
	} {
		if one.given {
			return one.key
		}
	}
	return ""
}

// checkTeachers refuses settings of a teacher that no round asks. Where they stand for other rounds, one without a model
// forgets them.
func (r *Recipe) checkTeachers(d *decoder) {
	named := r.Mine.Teacher.Model.Written != "" // or by some round
	for _, s := range r.Rounds {
		named = named || s.Mine.Teacher.Model.Written != ""
	}
	for n, rounds := range r.allRounds() {
		for i := range rounds {
			t := &rounds[i].Mine.Teacher
			if t.Model.Written != "" {
				continue
			}
			if n == 0 && !named && *t != (Teacher{}) {
				d.failRound(i, []string{"mine.teacher"}, "mine.teacher is of no use without mine.teacher.model")
			}
			*t = Teacher{}
		}
	}
}

// check finds a teacher that cannot be asked.
func (t Teacher) check(d *decoder, i int) {
	const at = "mine.teacher."
	key := t.EmbedderOnly()
	switch {
	case t.Model.Written == "":
	case t.QuerySuffix != nil && strings.Contains(string(*t.QuerySuffix), "{}"):
		d.failRound(i, []string{at + "query_suffix"}, "mine.teacher.query_suffix %s: it stands behind the text, and has no {} for it", t.QuerySuffix.Show())
	case t.Kind == "embedder" && t.Logits:
		d.failRound(i, []string{at + "logits"}, "mine.teacher.logits has no part with mine.teacher.kind embedder")
	case t.Kind == "cross-encoder" && key != "":
		d.failRound(i, []string{at + key}, "mine.teacher.%s has no part with mine.teacher.kind cross-encoder", key)
	}
}
