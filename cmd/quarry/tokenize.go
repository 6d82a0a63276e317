package main

import (
	"bufio"
	"context"
	"encoding/json"
	"io"
	"os"
	"path/filepath"

	"github.com/spf13/cobra"

	"github.com/quarry-ml/quarry/model"
	"github.com/quarry-ml/quarry/model/tokenizer"
)

// TokenizeOptions are the flags of quarry tokenize.
type TokenizeOptions struct {
	Model, Input, Output string
	Tokens, NoSpecials   bool
}

func newTokenizeCommand(h *host) *cobra.Command {
	var o TokenizeOptions
	cmd := &cobra.Command{
		Use:   "tokenize --model DIR --input FILE",
		Short: "Show the tokens of texts",
		Long: `Show the tokens of texts: one JSON list of token ids a line, in the order of the input, which is as for quarry embed.

Special tokens are put around a text as the model reads it. Nothing is cut off, and no prompt is added.`,
		Example: `  quarry tokenize --model models/minilm --input dev.jsonl
  quarry tokenize --model models/minilm --input dev.jsonl --tokens`,
		Args: noWords,
		RunE: func(cmd *cobra.Command, _ []string) error { return runTokenize(cmd.Context(), o, h) },
	}
	f := cmd.Flags()
	f.StringVar(&o.Model, "model", "", "model `directory`, or one that holds a tokenizer alone, or a Hugging Face name")
	f.StringVar(&o.Input, "input", "", "JSONL `file` of texts")
	f.StringVar(&o.Output, "output", "", "`file` to write (standard output)")
	f.BoolVar(&o.Tokens, "tokens", false, "tokens as they are written in the vocabulary, not ids")
	f.BoolVar(&o.NoSpecials, "no-specials", false, "without special tokens around a text")
	return cmd
}

// runTokenize writes a line for each text.
func runTokenize(ctx context.Context, o TokenizeOptions, h *host) error {
	if err := need("model", o.Model, "input", o.Input); err != nil {
		return err
	}
	if err := mayWrite("output", o.Output, "input", o.Input, "model", h.folder(o.Model)); err != nil {
		return err
	}
	if err := mayNameText("output", o.Output, "a line of JSON for each text"); err != nil {
		return err
	}
	found, err := h.findTokenizer(o.Model)
	if err != nil {
		return badInputf("--model: %w", err)
	}
	t, err := openTokenizer(found.dir)
	if err != nil {
		return badInputf("--model: %w", err)
	}
	return writeOutput(h, o.Output, func(w io.Writer) error {
		out := bufio.NewWriter(w)
		lines := json.NewEncoder(out)
		lines.SetEscapeHTML(false)
		for text, err := range (textFile{host: h, path: o.Input}).texts {
			if err == nil {
				err = ctx.Err()
			}
			if err != nil {
				return err
			}
			if err := lines.Encode(o.line(t, text.Text, text.IDs)); err != nil {
				return err
			}
		}
		return out.Flush()
	})
}

// line is what is printed of a text, or of ids that are given.
func (o TokenizeOptions) line(t *tokenizer.Tokenizer, text string, ids []int32) any {
	if ids == nil {
		ids = t.Encode([]int32{}, text)
		if !o.NoSpecials {
			ids = t.WithSpecials([]int32{}, ids, 0)
		}
	}
	if !o.Tokens {
		return ids
	}
	tokens := make([]string, len(ids))
	for i, id := range ids {
		tokens[i] = t.Token(id)
	}
	return tokens
}

// openTokenizer reads the tokenizer of a model directory, or of a folder that holds no model.
func openTokenizer(dir string) (*tokenizer.Tokenizer, error) {
	if _, err := os.Stat(filepath.Join(dir, "modules.json")); err != nil {
		return tokenizer.Load(dir)
	}
	d, err := model.ReadDirectory(dir, model.Options{})
	if err != nil {
		return nil, err
	}
	return tokenizer.Load(d.Transformer())
}
