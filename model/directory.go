package model

import (
	"errors"
	"fmt"
	"io/fs"
	"path"
	"path/filepath"
	"slices"

	"github.com/quarry-ml/quarry/model/safetensors"
	"github.com/quarry-ml/quarry/model/tokenizer"
	"github.com/quarry-ml/quarry/model/weightfiles"
)

// Directory is what a model directory says about its model: everything but the weights, checked.
type Directory struct {
	Path     string
	Config   *Config
	Modules  []Module // what is computed, in order; Options are applied
	Contract Contract

	// Assumed names what the directory and the options leave open and a default decided, for callers to show:
	// "pooling mean (no modules.json)".
	Assumed []string

	files       fs.FS // with the tokenizer as SpecialTokens and EOS make it
	rows        int   // of the table of word embeddings in the files, where SpecialTokens make it longer; else 0
	prompts     *storedPrompts
	limits      limits
	currentForm bool // modules.json is in the form of sentence-transformers 6
	ended       bool // texts end with eos_token by Options.EOS alone
	plain       bool // nothing in it says how the vectors of tokens become one
}

// Options stand above what a directory says. The zero value changes nothing.
type Options struct {
	Pooling   PoolingMode // empty: as the directory says
	Normalize *bool       // nil: as the directory says, else false
	Score     Score       // empty: as the directory says, else cosine

	TruncateDim int // leading numbers of a vector that are kept; 0: as the directory says, else all

	// SpecialTokens are special tokens that the tokenizer has to have: those that it lacks are added behind its vocabulary, in
	// their order, with a row of the table of word embeddings each (grow.go says which values).
	SpecialTokens []string

	// EOS ends every text with the tokenizer's eos_token, as transformers' add_eos_token=True does, for the classes that go by
	// it: Llama's, which is Mistral's too, Gemma's and Cohere's. Others stay as they are, Qwen2's among them.
	EOS bool

	// AssumeMean opens a directory for which nothing names a pooling, with mean pooling, which Assumed then names. It is
	// for those who show what a directory leaves open; vectors of an assumed pooling may be other ones than were trained.
	AssumeMean bool
}

// ErrNoPooling says that nothing names the pooling of a model.
var ErrNoPooling = errors.New("no modules.json says how the vectors of tokens become one: the pooling must be given")

// What a directory without modules.json is taken to be.
const (
	assumedPooling   = "pooling mean (no modules.json)"
	assumedNormalize = "no normalisation (no modules.json)"
)

// ReadDirectory reads a model directory: config.json; modules.json and what it names, in the old and the new form;
// sentence_bert_config.json and config_sentence_transformers.json; quarry.json where there is one. A transformers
// directory without modules.json is a Transformer with mean pooling and no normalisation, as sentence-transformers has
// it, unless the options say otherwise; Open refuses the assumed pooling. Weights and tokenizer are not read.
func ReadDirectory(dir string, o Options) (*Directory, error) {
	files, err := directoryFiles(dir)
	if err != nil {
		return nil, err
	}
	return readDirectory(files, dir, o)
}

// Transformer returns the folder that holds the network's config.json, weights and tokenizer: the model directory
// itself but in directories of early releases.
func (d *Directory) Transformer() string {
	return filepath.Join(d.Path, filepath.FromSlash(d.Modules[0].Path))
}

// OpenWeights maps the network's weights, of either format, with the names that networks have today and the table of word
// embeddings as long as the vocabulary that SpecialTokens make. The caller closes them.
func (d *Directory) OpenWeights() (*safetensors.File, error) {
	f, err := weightfiles.Open(d.Transformer())
	if err != nil {
		return nil, err
	}
	if err := renameOld(f); err != nil {
		return nil, errors.Join(err, f.Close())
	}
	if d.rows == 0 {
		return f, nil
	}
	if err := growTables(f, d.rows, d.Config.VocabSize); err != nil {
		return nil, errors.Join(err, f.Close())
	}
	return f, nil
}

// OpenTokenizer reads the tokenizer, with the tokens that SpecialTokens add.
func (d *Directory) OpenTokenizer() (*tokenizer.Tokenizer, error) {
	r := &reader{files: d.files, name: d.Path}
	return tokenizer.LoadBy(d.Transformer(), func(name string) ([]byte, error) { return r.read(path.Join(d.Modules[0].Path, name)) })
}

// OpenDense maps the weights of a Dense module, checked: linear.weight [Out, In] and, with a bias, linear.bias [Out].
// The caller closes them.
func (d *Directory) OpenDense(m Module) (*safetensors.File, error) {
	return openDense(filepath.Join(d.Path, filepath.FromSlash(m.Path)), m.Dense)
}

// Dimension returns the length of the model's vectors: what the contract keeps of them.
func (d *Directory) Dimension() int {
	if n := d.Contract.TruncateDim; n > 0 {
		return n
	}
	return d.WholeDimension()
}

// WholeDimension returns the length of the model's vectors before any truncation, which training sees.
func (d *Directory) WholeDimension() int {
	n := d.Config.HiddenSize
	for _, m := range d.Modules {
		if m.Kind == KindDense {
			n = m.Dense.Out
		}
	}
	return n
}

// ConfigJSON returns a copy of config.json as it stands in the directory.
func (d *Directory) ConfigJSON() []byte { return d.Config.encode("") }

// reader reads files of a directory; name stands for it in errors.
type reader struct {
	files       fs.FS
	name        string
	currentForm bool
}

func (r *reader) path(name string) string { return filepath.Join(r.name, filepath.FromSlash(name)) }

// read returns a file, nil when it is absent.
func (r *reader) read(name string) ([]byte, error) {
	raw, err := fs.ReadFile(r.files, name)
	if errors.Is(err, fs.ErrNotExist) {
		return nil, nil
	}
	if err != nil {
		return nil, fmt.Errorf("%s: %w", r.path(name), err)
	}
	if raw == nil {
		raw = []byte{}
	}
	return raw, nil
}

func readDirectory(files fs.FS, name string, o Options) (*Directory, error) {
	r := &reader{files: files, name: name}
	modules, err := r.readModules()
	if err != nil {
		return nil, err
	}
	d := &Directory{Path: name, Modules: modules, files: files, currentForm: r.currentForm}
	root := ""
	if modules != nil {
		root = modules[0].Path
	}
	if d.Config, err = r.readConfig(path.Join(root, "config.json")); err != nil {
		return nil, err
	}
	if err := d.grow(r, root, o.SpecialTokens); err != nil {
		return nil, err
	}
	if o.EOS {
		if err := d.endTexts(r, root); err != nil {
			return nil, err
		}
	}
	d.assumeModules()
	if err := d.checkDimensions(r); err != nil {
		return nil, err
	}
	if d.limits, err = r.readLimits(root, d.Config, embeds); err != nil {
		return nil, err
	}
	if err := d.readContract(r); err != nil {
		return nil, err
	}
	d.plain = len(d.Assumed) > 0
	return d, d.apply(o)
}

func (r *reader) readConfig(name string) (*Config, error) {
	raw, err := r.read(name)
	if err != nil {
		return nil, err
	}
	if raw == nil {
		return nil, fmt.Errorf("%s: missing: this is not a model directory", r.path(name))
	}
	return ParseConfig(raw, r.path(name))
}

// assumeModules is what sentence-transformers makes of a plain transformers directory.
func (d *Directory) assumeModules() {
	if d.Modules != nil {
		return
	}
	pooling := &Pooling{Mode: PoolMean, IncludePrompt: true, Dimension: d.Config.HiddenSize}
	d.Modules = []Module{{Kind: KindTransformer}, {Kind: KindPooling, Path: "1_Pooling", Pooling: pooling}}
	d.Assumed = []string{assumedPooling, assumedNormalize}
}

// checkDimensions follows the length of a text's vector through the modules.
func (d *Directory) checkDimensions(r *reader) error {
	dimension := d.Config.HiddenSize
	for _, m := range d.Modules {
		in, out := dimension, dimension
		switch m.Kind {
		case KindPooling:
			in, out = m.Pooling.Dimension, m.Pooling.Dimension
		case KindDense:
			in, out = m.Dense.In, m.Dense.Out
		}
		if in != dimension {
			return fmt.Errorf("%s: takes vectors of %d, but %d come in", r.path(path.Join(m.Path, "config.json")), in, dimension)
		}
		dimension = out
	}
	return nil
}

// readContract joins what sentence-transformers' files say with quarry.json, which must agree with them.
func (d *Directory) readContract(r *reader) error {
	const file = "config_sentence_transformers.json"
	raw, err := r.read(file)
	if err != nil {
		return err
	}
	if d.prompts, err = parsePrompts(raw, r.path(file)); err != nil {
		return err
	}
	pooling := d.Modules[1].Pooling
	d.Contract = Contract{
		BOS: d.limits.bos, EOS: d.limits.eos, MaxLength: d.limits.maxLength(),
		Pooling: pooling.Mode, IncludePrompt: pooling.IncludePrompt, Normalize: normalizes(d.Modules),
	}
	d.prompts.fill(&d.Contract)
	if err := d.checkTruncation(d.Contract); err != nil {
		return fmt.Errorf("%s: %w", r.path(file), err)
	}
	stored, err := r.read(ContractName)
	if err != nil || stored == nil {
		return err
	}
	c, err := ParseContract(stored, r.path(ContractName))
	if err != nil {
		return err
	}
	if len(d.Assumed) > 0 { // only the contract speaks of pooling and normalisation
		d.Modules, d.Assumed = withContract(d.Modules, c), nil
		d.Contract.Pooling, d.Contract.IncludePrompt, d.Contract.Normalize = c.Pooling, c.IncludePrompt, c.Normalize
	}
	if d.ended {
		c.BOS, c.EOS = d.Contract.BOS, d.Contract.EOS
	}
	if err := c.agree(d.Contract, r.path(ContractName)); err != nil {
		return err
	}
	d.Contract = c
	return nil
}

// apply puts the options above what was read.
func (d *Directory) apply(o Options) error {
	c := d.Contract
	if o.Pooling != "" {
		c.Pooling = o.Pooling
		d.decided(assumedPooling)
	}
	if o.Normalize != nil {
		c.Normalize = *o.Normalize
		d.decided(assumedNormalize)
	}
	if o.Score != "" {
		c.Score = o.Score
	}
	if o.TruncateDim != 0 {
		c.TruncateDim = o.TruncateDim
	}
	if err := c.Validate(); err != nil {
		return fmt.Errorf("%s: %w", d.Path, err)
	}
	if err := d.checkTruncation(c); err != nil {
		return fmt.Errorf("%s: %w", d.Path, err)
	}
	d.Contract, d.Modules = c, withContract(d.Modules, c)
	return nil
}

// checkTruncation sees that vectors have what a contract keeps of them.
func (d *Directory) checkTruncation(c Contract) error {
	if n := d.WholeDimension(); c.TruncateDim > n {
		return fmt.Errorf("truncate_dim %d: the model's vectors have %d numbers", c.TruncateDim, n)
	}
	return nil
}

// decided takes out an assumption that the options have replaced.
func (d *Directory) decided(assumed string) {
	d.Assumed = slices.DeleteFunc(d.Assumed, func(a string) bool { return a == assumed })
}

// normalizes reports whether vectors leave the modules with unit length.
func normalizes(modules []Module) bool { return modules[len(modules)-1].Kind == KindNormalize }

// withContract returns the modules that a contract asks for: its pooling, and a Normalize at the end or none.
func withContract(modules []Module, c Contract) []Module {
	out := append([]Module(nil), modules...)
	pooling := *out[1].Pooling
	pooling.Mode, pooling.IncludePrompt = c.Pooling, c.IncludePrompt
	out[1].Pooling = &pooling
	if !c.Normalize && normalizes(out) {
		out = out[:len(out)-1]
	}
	if c.Normalize && !normalizes(out) {
		out = append(out, Module{Kind: KindNormalize, Path: fmt.Sprintf("%d_Normalize", len(out))})
	}
	return out
}
