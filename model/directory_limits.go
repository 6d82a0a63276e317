package model

import (
	"encoding/json"
	"fmt"
	"io/fs"
	"path"
	"strconv"

	"github.com/quarry-ml/quarry/model/tokenizer"
)

// limits is what the files beside the network say about its input: how long a text may be, and what the tokenizer puts
// around it.
type limits struct {
	stated    int // max_seq_length of sentence_bert_config.json or its like; 0 when it has none
	tokenizer int // model_max_length of tokenizer_config.json; 0 when it sets no limit
	positions int // of a text where neither says anything
	bos, eos  string
	lowercase bool // sentence_bert_config.json says do_lower_case, which the tokenizer does anyway

	config *object // sentence_bert_config.json or its like, nil when there is none
}

// maxLength is the decided order: sentence_bert_config.json, else the smaller of tokenizer and positions. The truncation
// section of tokenizer.json has no say (all-MiniLM's says 128, where the model reads 256).
func (l limits) maxLength() int {
	if l.stated > 0 {
		return l.stated
	}
	return l.unstated()
}

func (l limits) unstated() int {
	if l.tokenizer > 0 {
		return min(l.tokenizer, l.positions)
	}
	return l.positions
}

func (r *reader) readLimits(root string, c *Config, t textTask) (limits, error) {
	l := limits{positions: c.Positions, bos: c.family.bos, eos: c.family.eos}
	tokenizerLowers, err := r.readTokenizerConfig(root, &l, c.family.lowers)
	if err != nil {
		return limits{}, err
	}
	if c.family.bos == "" && c.family.eos == "" {
		read := func(name string) ([]byte, error) { return r.read(path.Join(root, name)) }
		if l.bos, l.eos, err = tokenizer.Around(r.path(root), read); err != nil {
			return limits{}, err
		}
	}
	if err := r.readSentenceConfig(root, &l, t); err != nil {
		return limits{}, err
	}
	if l.lowercase && !tokenizerLowers {
		return limits{}, fmt.Errorf("%s: do_lower_case true is supported only with a tokenizer that lowers by itself (do_lower_case true in tokenizer_config.json)", l.config.file)
	}
	if l.stated > c.MaxPositions {
		return limits{}, fmt.Errorf("%s: max_seq_length %d is above the model's %d positions", l.config.file, l.stated, c.MaxPositions)
	}
	return l, nil
}

// readTokenizerConfig takes facts from tokenizer_config.json; the tokenizer package reads the rest of it. Whether the
// tokenizer lowers texts is otherwise as the family's do.
func (r *reader) readTokenizerConfig(root string, l *limits, family bool) (lowers bool, err error) {
	name := path.Join(root, "tokenizer_config.json")
	raw, err := r.read(name)
	if err != nil || raw == nil {
		return family, err
	}
	o, err := parseObject(raw, r.path(name))
	if err != nil {
		return false, err
	}
	var length json.Number
	if _, err := o.take("model_max_length", &length); err != nil {
		return false, err
	}
	// No limit is written as 1000000000000000019884624838656, the integer nearest to 1e30.
	if n, err := strconv.ParseFloat(length.String(), 64); err == nil && n >= 1 && n < 1e9 {
		l.tokenizer = int(n)
	}
	if err := takeToken(o, "cls_token", &l.bos); err != nil {
		return false, err
	}
	if err := takeToken(o, "sep_token", &l.eos); err != nil {
		return false, err
	}
	lowers = family
	_, err = o.take("do_lower_case", &lowers)
	return lowers, err
}

// takeToken reads a special token: its text, or an object that holds the text as "content".
func takeToken(o *object, key string, into *string) error {
	var raw json.RawMessage
	present, err := o.take(key, &raw)
	if err != nil || !present {
		return err
	}
	if raw[0] != '{' {
		_, err := o.take(key, into)
		return err
	}
	token := struct {
		Content *string `json:"content"`
	}{into}
	_, err = o.take(key, &token)
	return err
}

// sentenceConfigs are the names of the file that says how texts go into the network, in the order in which
// sentence-transformers looks for it. Releases of before the second named it after the architecture.
var sentenceConfigs = []string{
	"sentence_bert_config.json", "sentence_roberta_config.json", "sentence_distilbert_config.json", "sentence_camembert_config.json",
	"sentence_albert_config.json", "sentence_xlm-roberta_config.json", "sentence_xlnet_config.json",
}

// readSentenceConfig reads the first of those files: {max_seq_length, do_lower_case} in the old form, what goes in and out
// of the network in that of sentence-transformers 6.
func (r *reader) readSentenceConfig(root string, l *limits, t textTask) error {
	var name string
	var raw []byte
	for _, file := range sentenceConfigs {
		name = path.Join(root, file)
		content, err := r.read(name)
		if err != nil {
			return err
		}
		if raw = content; raw != nil {
			break
		}
	}
	if raw == nil {
		return r.refuseOtherSentenceConfig(root)
	}
	o, err := parseObject(raw, r.path(name))
	if err != nil {
		return err
	}
	l.config = o
	present, err := o.take("max_seq_length", &l.stated)
	if err != nil {
		return err
	}
	if present && l.stated < 1 {
		return fmt.Errorf("%s: max_seq_length %d is not positive", o.file, l.stated)
	}
	if _, err := o.take("do_lower_case", &l.lowercase); err != nil {
		return err
	}
	if err := t.take(o); err != nil {
		return err
	}
	o.ignore("unpad_inputs") // a layout of the batch in memory
	for _, key := range []string{"processing_kwargs", "model_args", "model_kwargs", "tokenizer_args", "processor_kwargs", "config_args", "config_kwargs"} {
		var settings map[string]json.RawMessage
		if _, err := o.take(key, &settings); err != nil {
			return err
		}
		if len(settings) > 0 {
			return fmt.Errorf("%s: %s is not supported", o.file, key)
		}
	}
	return o.rest()
}

// textTask is what goes in and out of a network that reads texts, in the words of the new form.
type textTask struct{ name, output, method string }

// embeds is what the old form means: the last hidden state comes out. judges is a cross-encoder's: the logits do.
var (
	embeds = textTask{"feature-extraction", "token_embeddings", "last_hidden_state"}
	judges = textTask{"sequence-classification", "scores", "logits"}
)

// take allows the new form to say this task, and no other.
func (t textTask) take(o *object) error {
	task, output := t.name, t.output
	var modalities map[string]map[string]string
	for _, field := range []struct {
		key  string
		into any
	}{{"transformer_task", &task}, {"module_output_name", &output}, {"modality_config", &modalities}} {
		if _, err := o.take(field.key, field.into); err != nil {
			return err
		}
	}
	if task != t.name {
		return fmt.Errorf("%s: transformer_task %q is not supported; supported is %s", o.file, task, t.name)
	}
	if output != t.output {
		return fmt.Errorf("%s: module_output_name %q is not supported; supported is %s", o.file, output, t.output)
	}
	text, ok := modalities["text"]
	if modalities != nil && (!ok || len(modalities) != 1 || text["method"] != "forward" || text["method_output_name"] != t.method) {
		return fmt.Errorf("%s: modality_config is not supported; supported is text by forward's %s", o.file, t.method)
	}
	return nil
}

// refuseOtherSentenceConfig finds a file of such a name that sentence-transformers does not read.
func (r *reader) refuseOtherSentenceConfig(root string) error {
	other, _ := fs.Glob(r.files, path.Join(root, "sentence_*_config.json"))
	if len(other) > 0 {
		return fmt.Errorf("%s: is not a name that sentence-transformers reads; use sentence_bert_config.json", r.path(other[0]))
	}
	return nil
}
