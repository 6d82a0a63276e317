package rerank

import (
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"fmt"

	"github.com/quarry-ml/quarry/format/teacherscores"
	"github.com/quarry-ml/quarry/model"
)

// Kind is what a teacher is.
type Kind string

// The kinds of teachers.
const (
	CrossEncoderKind Kind = "cross-encoder"
	EmbedderKind     Kind = "embedder"
)

// Header says whose scores a file holds, but for the model's digest and the numeric identity, which the caller knows.
func (c *CrossEncoder) Header() teacherscores.Header {
	return teacherscores.Header{Kind: string(CrossEncoderKind), Activation: string(c.Activation()), MaxLength: c.MaxLength()}
}

// Header says whose scores a file holds, as that of a cross-encoder does. The contract is that of the model as it was opened.
func (e *Embedder) Header(c model.Contract) teacherscores.Header {
	query, passage := e.options.Query, e.options.Passage
	reads, err := json.Marshal([]any{
		query.Prompt.Template, query.Prompt.Suffix, query.MaxLength, passage.Prompt.Template, passage.MaxLength,
		e.options.Score, c.Pooling, c.IncludePrompt, c.Normalize, c.TruncateDim,
	})
	if err != nil {
		panic(fmt.Sprintf("rerank: %v", err)) // texts and numbers
	}
	digest := sha256.Sum256(reads)
	return teacherscores.Header{Kind: string(EmbedderKind), Reads: hex.EncodeToString(digest[:])}
}
