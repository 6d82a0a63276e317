package tokenizer

import (
	"encoding/json"
	"math"
	"path/filepath"
)

// Around returns the special tokens that the tokenizer of a model directory puts before and after a text, as they are
// written, without reading its vocabulary: for those who describe a model. Files are read by their names within the
// directory; read returns nil for one that is not there. Without a tokenizer.json there are none.
func Around(dir string, read func(name string) ([]byte, error)) (before, after string, err error) {
	const file = "tokenizer.json"
	data, err := read(file)
	if err != nil || data == nil {
		return "", "", err
	}
	c, err := readConfigBy(dir, read)
	if err != nil {
		return "", "", err
	}
	bos, eos, decides, err := c.adds()
	if err != nil {
		return "", "", err
	}
	if decides {
		return c.named(bos, eos)
	}
	name := filepath.Join(dir, file)
	var parts struct {
		PostProcessor json.RawMessage `json:"post_processor"`
	}
	if err := (section{name, topLevel, data}).decodeSome(&parts); err != nil {
		return "", "", err
	}
	t, err := parsePostProcessor(section{name, "post_processor", parts.PostProcessor}, math.MaxInt32)
	return t.textBefore, t.textAfter, err
}

// named are bos_token and eos_token, where they are wanted.
func (c config) named(bos, eos bool) (before, after string, err error) {
	if bos {
		if before, err = c.needed("bos_token"); err != nil {
			return "", "", err
		}
	}
	if eos {
		after, err = c.needed("eos_token")
	}
	return before, after, err
}
