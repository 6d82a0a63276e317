package model

import (
	"path"

	"github.com/quarry-ml/quarry/model/tokenizer"
)

// endTexts makes the tokenizer end every text with its eos_token, as transformers does when it is opened with
// add_eos_token=True and saved. A tokenizer of a class that does not go by that option stays as it is.
func (d *Directory) endTexts(r *reader, root string) error {
	read := func(name string) ([]byte, error) { return r.read(path.Join(root, name)) }
	around, takes, err := tokenizer.Ending(r.path(root), read)
	if err != nil || !takes {
		return err
	}
	files := replacedFiles{FS: r.files, content: map[string][]byte{}}
	for _, file := range []struct {
		name string
		set  func(*object)
	}{
		{"tokenizer.json", func(o *object) { o.set("post_processor", around) }},
		{"tokenizer_config.json", func(o *object) {
			if _, says := o.values["add_bos_token"]; !says {
				o.set("add_bos_token", true)
			}
			o.set("add_eos_token", true)
		}},
	} {
		name := path.Join(root, file.name)
		raw, err := r.read(name)
		if err != nil {
			return err
		}
		o, err := parseObject(raw, r.path(name))
		if err != nil {
			return err
		}
		file.set(o)
		files.content[name] = o.encode("  ")
	}
	d.files, r.files, d.ended = files, files, true
	return nil
}
