package model

import (
	"errors"
	"fmt"
	"slices"
	"strings"

	"github.com/quarry-ml/quarry/compute"
	"github.com/quarry-ml/quarry/compute/tensor"
	"github.com/quarry-ml/quarry/model/safetensors"
	"github.com/quarry-ml/quarry/model/tokenizer"
	"github.com/quarry-ml/quarry/model/transformer"
)

// Model is an open model directory: its contract, its tokenizer, and its weights, mapped.
type Model struct {
	*Directory
	Tokenizer *tokenizer.Tokenizer

	prefix  string // of the network's tensor names in its file
	head    transformer.Head
	tensors map[string]safetensors.Tensor
	weights map[string]*compute.Weight
	files   []*safetensors.File

	adapters map[string]transformer.Adapter // of the attached adapter
	attached int64                          // bytes of its weights
	unit     bool                           // graphs end with unit length whatever the directory says
	scores   bool                           // it is the network of a cross-encoder
}

// Open reads a model directory and maps its weights. Everything is checked before it is used: modules, architecture,
// tokenizer against vocabulary, weights without use, and on first use each tensor's presence, shape and values. A
// directory whose pooling would be a guess is refused (ErrNoPooling) unless the options name one or assume it; that of a
// sequence classifier is refused whatever they name (ErrScorer).
func Open(dir string, o Options) (*Model, error) {
	d, err := ReadDirectory(dir, o)
	if err != nil {
		return nil, err
	}
	if err := d.refuseScorer(); err != nil {
		return nil, err
	}
	if !d.NamesPooling() && !o.AssumeMean {
		return nil, fmt.Errorf("%s: %w", dir, ErrNoPooling)
	}
	m := &Model{Directory: d, tensors: map[string]safetensors.Tensor{}, weights: map[string]*compute.Weight{}}
	if m.Tokenizer, err = d.OpenTokenizer(); err != nil {
		return nil, err
	}
	if err := m.checkVocabulary(); err != nil {
		return nil, err
	}
	if err := m.openFiles(); err != nil {
		return nil, errors.Join(err, m.Close())
	}
	if err := m.readNetwork(); err != nil {
		return nil, errors.Join(err, m.Close())
	}
	if err := m.checkUnused(); err != nil {
		return nil, errors.Join(err, m.Close())
	}
	return m, nil
}

// ErrScorer says that a directory holds a sequence classifier, such as a cross-encoder, and nothing in it says that its network
// is an embedder's, too.
var ErrScorer = errors.New("a sequence classifier, such as a cross-encoder, which reads query and passage together and gives scores, not vectors")

// refuseScorer refuses the checkpoint of a sequence classifier: with a pooling its encoder gives vectors too, which nobody has
// trained to be any.
func (d *Directory) refuseScorer() error {
	for _, class := range d.Config.Architectures {
		if d.plain && strings.HasSuffix(class, "ForSequenceClassification") {
			return fmt.Errorf("%s: %s is %w: name it as a teacher; its encoder is an embedder once a modules.json with a Pooling says so", d.Path, class, ErrScorer)
		}
	}
	return nil
}

// CheckPooling refuses the first token's vector of a causal network: that token sees no other, so that all texts with the same
// first token have one vector, and nothing can be learned.
func (d *Directory) CheckPooling() error {
	if network, ok := d.Config.network.(transformer.Decoder); ok && !network.Bidirectional && d.Contract.Pooling == PoolCLS {
		return fmt.Errorf("%s: pooling %s of a causal %s: its first token sees no other, and all texts get equal vectors: take the last token, or the mean", d.Path, d.Contract.Pooling, d.Config.ModelType)
	}
	return nil
}

// NamesPooling says whether the directory's own files, or the options that it was read with, name its pooling; else it would be a
// guess.
func (d *Directory) NamesPooling() bool { return !slices.Contains(d.Assumed, assumedPooling) }

// checkVocabulary refuses a tokenizer with tokens that the network has no embedding for, but those that the family's
// tokenizers are known to have: no text is meant to hold one, and one that does is an error when it is embedded.
func (m *Model) checkVocabulary() error {
	n, rows := m.Tokenizer.VocabSize(), m.Config.VocabSize
	for id := rows; id < n; id++ {
		if token := m.Tokenizer.Token(int32(id)); !slices.Contains(m.Config.family.beyond, token) {
			return fmt.Errorf("%s: the tokenizer has %d tokens, config.json's vocab_size is %d: they belong to different models, or tokens were added without embeddings (%q has id %d)",
				m.Path, n, rows, token, id)
		}
	}
	return nil
}

// Close unmaps the weights. No graph that uses them may run any more.
func (m *Model) Close() error {
	var failed error
	for _, f := range m.files {
		failed = errors.Join(failed, f.Close())
	}
	m.files = nil
	return failed
}

// openFiles maps the network's tensors and, under the names that denseName gives them, those of dense modules.
func (m *Model) openFiles() error {
	f, err := m.OpenWeights()
	if err != nil {
		return err
	}
	m.files = append(m.files, f)
	for _, t := range f.Tensors() {
		m.tensors[t.Name] = t
	}
	for _, module := range m.Modules {
		if module.Kind != KindDense {
			continue
		}
		f, err := m.OpenDense(module)
		if err != nil {
			return err
		}
		m.files = append(m.files, f)
		for _, t := range f.Tensors() {
			m.tensors[denseName(module, t.Name)] = t
		}
	}
	return nil
}

func denseName(module Module, name string) string { return module.Path + "/" + name }

// Graph builds the model's operation list, head and attached adapter included.
func (m *Model) Graph(mode transformer.Mode) (*tensor.Graph, error) {
	if mode.Adapters == nil {
		mode.Adapters = m.adapters
	}
	head := m.head
	head.Unit = m.unit
	if d := m.Contract.TruncateDim; !mode.Whole && d < m.WholeDimension() {
		head.Truncate = d
	}
	return transformer.Graph(m.Config.network, m.prefix, head, mode)
}

// CompareByCosine makes every graph built afterwards end with vectors of unit length where the contract compares by
// cosine, so that a dot product is the score; a model without a Normalize module leaves that to whoever compares. The
// contract itself, and what is written of the model, stay as they are.
func (m *Model) CompareByCosine() { m.unit = m.Contract.Score == Cosine }

// Dropout returns the probabilities that config.json states: of hidden values and of attention weights.
func (m *Model) Dropout() (hidden, attention float64) {
	return m.Config.HiddenDropout, m.Config.AttentionDropout
}

// LinearModules are the names of the network's linear modules, which adapters may sit on.
func (m *Model) LinearModules() []string { return m.Config.network.Modules() }

// Prefix is what the file's tensor names have before the network's, such as "bert.".
func (m *Model) Prefix() string { return m.prefix }

// Weight returns a parameter as the file has it: mapped, a matrix of F16 or BF16 too, which compute widens where it is
// used; a vector of those types is widened here. All users of the model share it. A missing tensor, another shape or a value that is not finite is an error that names it.
func (m *Model) Weight(spec tensor.ParamSpec) (*compute.Weight, error) {
	if w, ok := m.weights[spec.Name]; ok {
		return w, nil
	}
	t, ok := m.tensors[spec.Name]
	if !ok {
		return nil, fmt.Errorf("%s: no tensor %q: the weights do not belong to this config.json", m.Path, spec.Name)
	}
	if !fits(t.Shape, spec) {
		return nil, fmt.Errorf("%s: shape %v, want [%d, %d]: the weights do not belong to this config.json", t.Where(), t.Shape, spec.Rows, spec.Columns)
	}
	if at, found := safetensors.FirstNonFinite(t); found {
		return nil, fmt.Errorf("%s: element %d is not a finite number", t.Where(), at)
	}
	w, err := weightOf(t, spec)
	if err != nil {
		return nil, err
	}
	m.weights[spec.Name] = w
	return w, nil
}

func weightOf(t safetensors.Tensor, spec tensor.ParamSpec) (*compute.Weight, error) {
	if staysHalf(t) {
		halves, err := t.Halves()
		if err != nil {
			return nil, err
		}
		return compute.NewHalfWeight(spec.Name, spec.Rows, spec.Columns, halves)
	}
	values, err := t.Float32s()
	if err != nil {
		return nil, err
	}
	return compute.NewWeight(spec.Name, spec.Rows, spec.Columns, values)
}

func fits(shape []int, spec tensor.ParamSpec) bool {
	if len(shape) == 1 {
		return spec.Rows == 1 && shape[0] == spec.Columns
	}
	return len(shape) == 2 && shape[0] == spec.Rows && shape[1] == spec.Columns
}

// Weights returns the parameters of a graph in order.
func (m *Model) Weights(g *tensor.Graph) ([]*compute.Weight, error) {
	weights := make([]*compute.Weight, len(g.Params))
	for i, spec := range g.Params {
		w, err := m.Weight(spec)
		if err != nil {
			return nil, err
		}
		weights[i] = w
	}
	return weights, nil
}
