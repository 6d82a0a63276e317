package model

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path"
	"path/filepath"
	"slices"

	"github.com/quarry-ml/quarry/model/lora"
	"github.com/quarry-ml/quarry/model/safetensors"
	"github.com/quarry-ml/quarry/model/tokenizer"
)

// WithTokensOf adds to the options the special tokens that a tokenizer.json beside an adapter has and the base's lacks:
// the base with these options has the vocabulary that the adapter was trained with. An adapter without a tokenizer adds
// none. Tokens under other ids than the base would give them, tokens that are not special ones, and tokens whose embeddings
// the adapter should have brought and did not are errors. Texts end with eos_token, if the adapter's do (Options.EOS).
func (o Options) WithTokensOf(adapter, base string) (Options, error) {
	name := filepath.Join(adapter, "tokenizer.json")
	raw, err := os.ReadFile(name)
	if errors.Is(err, fs.ErrNotExist) {
		return o, nil
	}
	if err != nil {
		return o, err
	}
	theirs, err := tokenizer.Parse(raw, name)
	if err != nil {
		return o, err
	}
	d, err := ReadDirectory(base, o)
	if err != nil {
		return o, err
	}
	ours, err := d.OpenTokenizer()
	if err != nil {
		return o, err
	}
	tokens, rows, err := tokensBeyond(theirs, ours)
	if err != nil {
		return o, fmt.Errorf("%s: %w", name, err)
	}
	last := ""
	if rows > d.Config.VocabSize {
		last = theirs.Token(int32(rows - 1))
	}
	if err := checkTable(adapter, theirs, last, max(rows, d.Config.VocabSize)); err != nil {
		return o, err
	}
	o.SpecialTokens = append(slices.Clone(o.SpecialTokens), tokens...)
	return o.withEndOf(adapter, d)
}

// withEndOf lets texts end with eos_token where those do that the adapter's tokenizer reads, and the base's do not.
func (o Options) withEndOf(adapter string, base *Directory) (Options, error) {
	theirs, err := directoryFiles(adapter)
	if err != nil {
		return o, err
	}
	var after [2]string
	for i, r := range []struct {
		*reader
		root string
	}{{&reader{files: theirs, name: adapter}, ""}, {&reader{files: base.files, name: base.Path}, base.Modules[0].Path}} {
		if _, after[i], err = tokenizer.Around(r.path(r.root), func(name string) ([]byte, error) { return r.read(path.Join(r.root, name)) }); err != nil {
			return o, err
		}
	}
	o.EOS = o.EOS || after[0] != "" && after[1] == ""
	return o, nil
}

// tokensBeyond are the special tokens that a tokenizer has and ours has not, in the order of their ids, and the rows that a
// table needs for those that are new words.
func tokensBeyond(theirs, ours *tokenizer.Tokenizer) (tokens []string, rows int, err error) {
	special, next := theirs.SpecialIDs(), ours.NextID()
	for id := range int32(theirs.VocabSize()) {
		token := theirs.Token(id)
		if token == "" {
			continue
		}
		isSpecial := slices.Contains(special, id)
		has, known := ours.ID(token)
		if !known {
			has, next = next, next+1
			rows = int(id) + 1
		}
		switch {
		case has != id:
			return nil, 0, fmt.Errorf("token %q has id %d; with the base's tokenizer it is %d: the adapter was trained with another tokenizer", token, id, has)
		case !known && !isSpecial:
			return nil, 0, fmt.Errorf("token %q is not in the base's vocabulary and no special token: only special tokens are added to a base", token)
		case !known || isSpecial && !slices.Contains(ours.SpecialIDs(), id):
			tokens = append(tokens, token)
		}
	}
	return tokens, rows, nil
}

// checkTable looks at the table of word embeddings within an adapter, else at the one beside it. One that is shorter than the
// base's, of so many rows, must have a row for each of the tokenizer's tokens; without any no token may be new to the base; added
// is one that is.
func checkTable(dir string, theirs *tokenizer.Tokenizer, added string, rows int) error {
	f, err := lora.OpenWeights(dir)
	if errors.Is(err, fs.ErrNotExist) {
		return nil // the adapter's own reader tells
	}
	if err != nil {
		return err
	}
	name := f.Name()
	if i := slices.IndexFunc(f.Tensors(), func(t safetensors.Tensor) bool { return lora.IsTable(t.Name) }); i >= 0 {
		return errors.Join(rowsForTokens(f.Tensors()[i], theirs, rows), f.Close())
	}
	if err := f.Close(); err != nil {
		return err
	}
	f, table, err := lora.OpenEmbedding(dir)
	if errors.Is(err, fs.ErrNotExist) {
		if added == "" {
			return nil
		}
		return fmt.Errorf("%s: tokens were added to the vocabulary (%q), and their embeddings are not here, nor in %s beside it, where FlagEmbedding saves them: save the adapter with PEFT's save_embedding_layers=True", name, added, lora.EmbeddingName)
	}
	if err != nil {
		return err
	}
	return errors.Join(rowsForTokens(table, theirs, rows), f.Close())
}

// rowsForTokens refuses a table that is shorter than the base's and has no row for a token of the tokenizer. Another shape is told
// where the table is read.
func rowsForTokens(table safetensors.Tensor, theirs *tokenizer.Tokenizer, rows int) error {
	if len(table.Shape) != 2 || table.Shape[0] >= rows {
		return nil
	}
	for id := theirs.VocabSize() - 1; id >= table.Shape[0]; id-- {
		if token := theirs.Token(int32(id)); token != "" {
			return fmt.Errorf("%s: has rows for %d tokens, and the tokenizer beside the adapter has token %q with id %d: they do not belong together", table.Where(), table.Shape[0], token, id)
		}
	}
	return nil
}
