package pipeline

import (
	"errors"
	"fmt"

	"github.com/quarry-ml/quarry/corpus"
	"github.com/quarry-ml/quarry/mine"
	"github.com/quarry-ml/quarry/recipe"
)

// ownWindow is how a set has a window that its corpus reaches.
const ownWindow = "a window of its own by mine: {window: …}"

// emptyAt is where the recipe has the rule that left no negatives.
func (r *round) emptyAt(err error) string {
	rule := "window"
	if empty := (*mine.EmptyError)(nil); errors.As(err, &empty) {
		rule = empty.Rule
	}
	if rule == "teacher_margin" {
		rule = recipe.TeacherMargin
	}
	return r.atRound("mine." + rule)
}

// checkWindow refuses a window that no ranking of the corpus reaches, where negatives come from there alone.
func (r *round) checkWindow() error {
	o, passages := r.mineOptions(), r.data.corpus.Len()
	if !r.stages.Mine.Searches() || o.CheckWindow(passages) == nil {
		return nil
	}
	return fmt.Errorf("%s: round %d: %sno query can have a negative: the window is %s, the corpus has %d passages; let the window begin at a rank that it has%s",
		r.atRound("mine.window"), r.index, r.toldSet(), o.Window, passages, r.wayOut("mine.window", ownWindow))
}

// windowWarning tells of a window that ends behind the last rank of the corpus; empty where it does not.
func (r *round) windowWarning() string {
	o, passages := r.mineOptions(), r.data.corpus.Len()
	if !r.stages.Mine.Searches() || o.Window.To <= passages {
		return ""
	}
	return fmt.Sprintf("%s: round %d: %sthe window is %s, the corpus has %d passages: of its %d ranks there are %d%s",
		r.atRound("mine.window"), r.index, r.toldSet(), o.Window, passages, o.Window.Len(), max(0, passages-o.Window.From), r.wayOut("mine.window", ownWindow))
}

// checkDepth refuses candidates that were searched less deep than the rules need.
func (r *round) checkDepth(o mine.Options, answers corpus.Answers, queries []corpus.Query) error {
	if r.depth() >= r.data.corpus.Len() {
		return nil
	}
	if err := o.ValidateDepth(r.depth(), mine.MostTaken(queries, answers.Excluded, r.said.Struck)); err != nil {
		return inputErrorf("%s: %s%w", r.at("mine.depth"), r.toldSet(), err)
	}
	return nil
}
