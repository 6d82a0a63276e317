package main

import (
	"strings"

	"github.com/quarry-ml/quarry/model"
)

// shortestShuffled is the characters from which on FlagEmbedding's --shuffle_ratio shuffles a text.
const shortestShuffled = 101

// shuffleText is a text as FlagEmbedding's trainers shuffle it (1.4.2, AbsDataset._shuffle_text): cut into three chunks of a
// third of its characters and one, the last shorter, which are joined in another order with a space between them, in the middle of
// words too. A text of up to 100 characters stays as it is.
func shuffleText(text string, order []int) string {
	runes := []rune(text)
	if len(runes) < shortestShuffled {
		return text
	}
	size := len(runes)/len(order) + 1
	chunks := make([]string, len(order))
	for i, chunk := range order {
		chunks[i] = string(runes[chunk*size : min((chunk+1)*size, len(runes))])
	}
	return strings.Join(chunks, " ")
}

// shuffled reads a passage with the chunks of its text in another order.
func (t *training) shuffled(p int32, order []int) (model.Sequence, error) {
	text := t.set.corpus.Passages[p].Full()
	other := shuffleText(text, order)
	if other == text {
		return t.passages[p], nil
	}
	return t.model.Sequence(other, t.passage.prompt, t.passage.maxLength)
}
