package merging

import (
	"fmt"
	"strings"

	"github.com/quarry-ml/quarry/draw"
	"github.com/quarry-ml/quarry/model/tokenizer"
)

// Count is the number of probes that a merge is checked on unless its caller has texts of its own.
const Count = 64

// Probes makes probe texts of a model's own vocabulary, for merges where no data is at hand: n texts of 2 to 33 tokens,
// drawn with the given seed. They mean nothing; that base and adapter agree with the merged model must hold for any text.
func Probes(t *tokenizer.Tokenizer, seed uint64, n int) []string {
	texts := make([]string, n)
	for i := range texts {
		source := draw.New(seed, draw.Probe, 0, 0, fmt.Sprint(i))
		words := make([]string, 2+i%32)
		for j := range words {
			words[j] = t.Token(int32(source.IntN(t.VocabSize())))
		}
		texts[i] = strings.Join(words, " ")
	}
	return texts
}
