package pipeline

import (
	"cmp"

	"github.com/quarry-ml/quarry/model"
	"github.com/quarry-ml/quarry/prompt"
)

// reading is what the recipe says of how a model beside the miner reads texts: a teacher, or a further source.
type reading struct {
	length, queryLength, passageLength      int
	queryPrompt, querySuffix, passagePrompt *prompt.Template
}

// texts is how the model reads: as the recipe says, else as is stored with the model.
func (o reading) texts(c model.Contract) texts {
	t := texts{
		Query: c.Query, QueryLength: cmp.Or(o.queryLength, o.length, c.MaxLength),
		Passage: c.Passage, PassageLength: cmp.Or(o.passageLength, o.length, c.MaxLength),
	}
	if o.queryPrompt != nil {
		t.Query = model.Prompt{Name: "query", Template: *o.queryPrompt}
	}
	if o.querySuffix != nil {
		t.Query.Suffix = string(*o.querySuffix)
	}
	if o.passagePrompt != nil {
		t.Passage = model.Prompt{Name: "passage", Template: *o.passagePrompt}
	}
	return t
}

// checkRoom refuses lengths that the model or the prompt has no room for, and names the key.
func (t texts) checkRoom(m *model.Model) (key string, err error) {
	if _, err := m.Sequence("", t.Query, t.QueryLength); err != nil {
		return "query_max_length", err
	}
	if _, err := m.Sequence("", t.Passage, t.PassageLength); err != nil {
		return "passage_max_length", err
	}
	return "", nil
}
