package model

import (
	"fmt"

	"github.com/quarry-ml/quarry/prompt"
)

// inContext tokenizes a text as FlagEmbedding's ICLLLMEmbedder does a query (bge-en-icl): template and text are cut to
// what maxLength leaves beside the beginning-of-text token, suffix and end-of-text token, and go back to text; that stands
// between examples and suffix, and the whole is tokenized again, so that tokens join across the seams as in any text.
// Examples are never cut and count beside maxLength.
//
// FlagEmbedding reserves the tokens of the literal <s> and </s>; here they are those of the contract, which are the same
// for the models it was written for.
func (m *Model) inContext(text string, p Prompt, maxLength int) (Sequence, error) {
	room, err := m.room(p, maxLength)
	if err != nil {
		return Sequence{}, err
	}
	cut, truncated, err := m.Cut(p.Template.Apply(text), room)
	if err != nil {
		return Sequence{}, err
	}
	ids := m.Tokenizer.Encode(nil, p.Examples+cut+p.Suffix)
	// Its own second limit: more than the parts come to, but where a cut within characters leaves U+FFFD in their place,
	// of three tokens each.
	limit := (m.count(p.Examples)+m.count(p.Suffix)+maxLength+8)/8*8 + 8
	s := m.sequence(ids, p, limit, truncated)
	if len(s.IDs) > m.Config.MaxPositions {
		return Sequence{}, fmt.Errorf("%d tokens with in-context examples: the model has %d positions; show fewer or shorter ones", len(s.IDs), m.Config.MaxPositions)
	}
	return s, nil
}

// TrainingSequence tokenizes a query as FlagEmbedding's decoder_only.icl trains on it: examples, template and text are
// cut together to what maxLength (0: the contract's) leaves beside the special tokens and the suffix, and the whole
// has no more than maxLength tokens. Without suffix and examples it is Sequence.
func (m *Model) TrainingSequence(text string, p Prompt, maxLength int) (Sequence, error) {
	if p.Suffix == "" && p.Examples == "" {
		return m.Sequence(text, p, maxLength)
	}
	maxLength, err := m.length(maxLength)
	if err != nil {
		return Sequence{}, err
	}
	room, err := m.room(p, maxLength)
	if err != nil {
		return Sequence{}, err
	}
	cut, truncated, err := m.Cut(p.Examples+p.Template.Apply(text), room)
	if err != nil {
		return Sequence{}, err
	}
	ids := m.Tokenizer.Encode(nil, cut+p.Suffix)
	return m.sequence(ids, p, maxLength, truncated), nil
}

// room is the tokens that a limit leaves beside special tokens and suffix, as FlagEmbedding counts them: those of the
// text "<s>", and of suffix and "</s>" written behind each other.
func (m *Model) room(p Prompt, maxLength int) (int, error) {
	taken := m.count(m.Contract.BOS) + m.count(p.Suffix+m.Contract.EOS)
	if maxLength-taken < 1 {
		return 0, fmt.Errorf("max length %d leaves no room for text beside %d special and suffix tokens", maxLength, taken)
	}
	return maxLength - taken, nil
}

// Cut returns the text of a text's first tokens, and whether there were more. The text goes through tokens and back even
// where all of it stays, which may change it: decoding takes out what a normalizer took out.
func (m *Model) Cut(text string, tokens int) (cut string, truncated bool, err error) {
	ids := m.Tokenizer.Encode(nil, text)
	truncated = len(ids) > tokens
	cut, err = m.Tokenizer.Decode(ids[:min(len(ids), tokens)])
	return cut, truncated, err
}

// Count is the tokens of a text with the special tokens around it.
func (m *Model) Count(text string) int { return m.count(text) + m.Tokenizer.SpecialCount() }

func (m *Model) count(text string) int {
	if text == "" {
		return 0
	}
	return len(m.Tokenizer.Encode(nil, text))
}

// ExampleText is an in-context example as decoder_only.icl shows it in training: query and answer are cut to so many
// tokens each, and a blank line ends it.
func (m *Model) ExampleText(query, answer string, p Prompt, queryTokens, answerTokens int) (string, error) {
	q, _, err := m.Cut(p.Template.Apply(query), queryTokens)
	if err != nil {
		return "", err
	}
	a, _, err := m.Cut(answer, answerTokens)
	return prompt.Example{Query: q, Response: a}.Shown(p.Suffix), err
}

// FitExamples joins texts of examples, the first ones that have no more than so many tokens together with the special
// tokens, and says how many they are. As in FlagEmbedding the first that is too much ends them.
func (m *Model) FitExamples(texts []string, tokens int) (examples string, shown int) {
	for _, text := range texts {
		if m.Count(examples+text) > tokens {
			break
		}
		examples += text
		shown++
	}
	return examples, shown
}
