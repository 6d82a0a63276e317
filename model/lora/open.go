package lora

import (
	"errors"
	"fmt"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"github.com/quarry-ml/quarry/model/safetensors"
	"github.com/quarry-ml/quarry/model/torchfile"
)

// How PEFT names tensors: prefix, the module's path in the wrapped network, suffix.
const (
	prefix  = "base_model.model."
	suffixA = ".lora_A.weight"
	suffixB = ".lora_B.weight"
)

// Open reads an adapter directory made for base. Its tensors and base must fit together: a tensor that belongs to no
// module, a module that adapter_config.json selects and that has no tensors, and a shape that does not fit are errors
// that name it. Module names may carry the wrapping of the network that was trained ("bert.", "model.",
// "0.auto_model."), and may be those of transformers' classes of NomicBERT and GTE, whose parts become one layer on the base's
// map. A table of word embeddings that lies beside the adapter (EmbeddingName) and not in it is taken with it. The values are
// copied; nothing stays open.
func Open(dir string, base *safetensors.File) (*Adapter, error) {
	configPath := filepath.Join(dir, ConfigName)
	raw, err := os.ReadFile(configPath)
	if errors.Is(err, os.ErrNotExist) {
		return nil, fmt.Errorf("%s: missing: %s is not an adapter's directory: %w", configPath, dir, err)
	}
	if err != nil {
		return nil, err
	}
	config, err := ParseConfig(raw, configPath)
	if err != nil {
		return nil, err
	}
	f, err := OpenWeights(dir)
	if err != nil {
		return nil, err
	}
	a, err := read(config, f, base, namesTokens(dir))
	if err := errors.Join(err, f.Close()); err != nil {
		return nil, err
	}
	if err := a.takeEmbedding(dir, base); err != nil {
		return nil, err
	}
	return a, nil
}

// OpenWeights maps the tensors of an adapter directory: adapter_model.safetensors, or else the adapter_model.bin that PEFT
// wrote before. The caller closes them.
func OpenWeights(dir string) (*safetensors.File, error) {
	path := filepath.Join(dir, WeightsName)
	f, err := safetensors.Open(path)
	if !errors.Is(err, os.ErrNotExist) {
		return f, err
	}
	f, err = torchfile.Open(filepath.Join(dir, TorchWeightsName))
	if errors.Is(err, os.ErrNotExist) {
		return nil, fmt.Errorf("%s: missing: %w", path, os.ErrNotExist)
	}
	return f, err
}

// Read is Open for a configuration and a file that are at hand.
func Read(c Config, f, base *safetensors.File) (*Adapter, error) { return read(c, f, base, false) }

// read is Read, where a tokenizer may say which tokens the adapter's tables are of.
func read(c Config, f, base *safetensors.File, tokens bool) (*Adapter, error) {
	modules, err := Modules(base)
	if err != nil {
		return nil, err
	}
	ofFiles, parts := modules, takenApart(f, modules)
	if parts != nil {
		modules = modulesOfParts(parts)
	}
	r := &assembly{config: c, tokens: tokens, file: f, base: base, layers: map[string]*Layer{}, saved: map[string]Saved{}}
	if r.matcher, err = c.matcher(); err != nil {
		return nil, err
	}
	for _, t := range f.Tensors() {
		if err := r.add(t, modules); err != nil {
			return nil, err
		}
	}
	if len(r.layers) == 0 {
		return nil, fmt.Errorf("%s: holds no LoRA weights for a module of %s", f.Name(), base.Name())
	}
	layers, err := r.finish(modules)
	if err != nil {
		return nil, err
	}
	if err := r.checkWhole(); err != nil {
		return nil, err
	}
	a := &Adapter{Config: c, Layers: layers, Saved: r.saved}
	if parts != nil {
		a.Layers = join(layers, parts, ofFiles)
		a.Joined = onParts(layers, parts, ofFiles)
	}
	return a, nil
}

// assembly collects an adapter from its tensors.
type assembly struct {
	config     Config
	tokens     bool // the tokens of its tables are known
	matcher    *matcher
	file, base *safetensors.File
	layers     map[string]*Layer // by module name
	saved      map[string]Saved
	wrapping   *string // before a module's name when the adapter was trained
}

func (r *assembly) add(t safetensors.Tensor, modules []Module) error {
	path, ok := strings.CutPrefix(t.Name, prefix)
	if !ok {
		return fmt.Errorf("%s: does not begin with %q: not an adapter's tensor", t.Where(), prefix)
	}
	if i, bad := safetensors.FirstNonFinite(t); bad {
		return fmt.Errorf("%s: element %d is not a finite number", t.Where(), i)
	}
	if name, isA, ok := cutMatrix(t.Name); ok {
		return r.addMatrix(t, name, modules, isA)
	}
	if strings.Contains(path, ".lora_") {
		return fmt.Errorf("%s: this kind of weight is not supported; supported are *%s and *%s", t.Where(), suffixA, suffixB)
	}
	return r.addSaved(t, path)
}

// cutMatrix is the path of the module whose A or B a tensor's name says it is.
func cutMatrix(tensor string) (path string, isA, ok bool) {
	path = strings.TrimPrefix(tensor, prefix)
	if name, ok := strings.CutSuffix(path, suffixA); ok {
		return name, true, true
	}
	name, ok := strings.CutSuffix(path, suffixB)
	return name, false, ok
}

// addMatrix puts A or B in its layer. The rank is checked at the end, when both are there.
func (r *assembly) addMatrix(t safetensors.Tensor, path string, modules []Module, isA bool) error {
	name := unwrap(path)
	i := slices.IndexFunc(modules, func(m Module) bool { return m.Name == name })
	if i < 0 && isPooler(name) {
		return nil // the base is without, as embedders often are
	}
	if i < 0 {
		return fmt.Errorf("%s: the base %s has no linear module %q", t.Where(), r.base.Name(), name)
	}
	if err := r.sameWrapping(t, strings.TrimSuffix(path, name)); err != nil {
		return err
	}
	m := modules[i]
	layer := r.layers[name]
	if layer == nil {
		layer = &Layer{Target: Target{Module: m}}
		r.layers[name] = layer
	}
	side, into, want := 1, &layer.A, m.In
	if !isA {
		side, into, want = 0, &layer.B, m.Out
	}
	if len(t.Shape) != 2 || t.Shape[side] != want || len(t.Data) == 0 {
		return fmt.Errorf("%s: shape %v does not fit the base's %q [%d, %d]", t.Where(), t.Shape, m.Tensor, m.Out, m.In)
	}
	if *into != nil {
		return fmt.Errorf("%s: module %q has two such tensors", t.Where(), name)
	}
	values, err := t.Float32s()
	*into = slices.Clone(values) // the view ends with the file
	return err
}

// sameWrapping: all tensors come from one network, whose wrapping the configuration's patterns see.
func (r *assembly) sameWrapping(t safetensors.Tensor, wrapping string) error {
	if r.wrapping == nil {
		r.wrapping = &wrapping
	}
	if *r.wrapping != wrapping {
		return fmt.Errorf("%s: is wrapped in %q, other tensors in %q", t.Where(), wrapping, *r.wrapping)
	}
	return nil
}

// addSaved takes a tensor of modules_to_save, or one that has a row for each token.
func (r *assembly) addSaved(t safetensors.Tensor, path string) error {
	if !r.config.savesWhole(path) && !ofVocabulary(path) {
		return fmt.Errorf("%s: belongs neither to a LoRA pair nor to modules_to_save", t.Where())
	}
	for _, of := range r.base.Tensors() {
		if unwrap(of.Name) != unwrap(path) {
			continue
		}
		if r.tokens && ofVocabulary(path) && shorter(t, of) {
			values, err := filledUp(t, of)
			r.saved[of.Name] = Saved{Shape: slices.Clone(of.Shape), Values: values}
			return err
		}
		if ofVocabulary(path) && len(t.Shape) == 2 && len(of.Shape) == 2 && t.Shape[0] != of.Shape[0] && t.Shape[1] == of.Shape[1] {
			return fmt.Errorf("%s: has rows for %d tokens, but the base's %q for %d: the adapter was trained with another vocabulary; tokens that were added to it must be in a tokenizer.json beside the adapter, or named", t.Where(), t.Shape[0], of.Name, of.Shape[0])
		}
		if !slices.Equal(of.Shape, t.Shape) {
			return fmt.Errorf("%s: shape %v, but the base's %q has %v", t.Where(), t.Shape, of.Name, of.Shape)
		}
		values, err := t.Float32s()
		r.saved[of.Name] = Saved{Shape: slices.Clone(t.Shape), Values: slices.Clone(values)}
		return err
	}
	if unwrap(path) == head {
		return nil // trained under a head that this base is without
	}
	return fmt.Errorf("%s: the base %s has no such tensor", t.Where(), r.base.Name())
}

// checkWhole refuses an adapter without a tensor that its modules_to_save names: the base's would stand in its place. The
// pooler, which networks are often built without, may be missing.
func (r *assembly) checkWhole() error {
	for _, t := range r.config.whole(r.base, *r.wrapping) {
		if _, ok := r.saved[t.Name]; !ok && !isPooler(unwrap(t.Name)) {
			return fmt.Errorf("%s: has no tensor %q, which modules_to_save selects", r.file.Name(), prefix+*r.wrapping+unwrap(t.Name))
		}
	}
	return nil
}

// finish checks that the layers are complete and are those that the configuration selects.
func (r *assembly) finish(modules []Module) ([]Layer, error) {
	targets, err := r.config.match(modules, *r.wrapping)
	if err != nil {
		return nil, err
	}
	var layers []Layer
	for _, t := range targets {
		layer := r.layers[t.Name]
		if layer == nil && isPooler(t.Name) {
			continue
		}
		if layer == nil {
			return nil, fmt.Errorf("%s: has no weights for module %q, which target_modules selects", r.file.Name(), t.Name)
		}
		delete(r.layers, t.Name)
		layer.Target = t
		if err := r.checkRank(layer); err != nil {
			return nil, err
		}
		layers = append(layers, *layer)
	}
	if len(r.layers) > 0 {
		names := slices.Sorted(maps.Keys(r.layers))
		return nil, fmt.Errorf("%s: has weights for module %q, which target_modules does not select (%d such modules)", r.file.Name(), names[0], len(names))
	}
	return layers, nil
}

func (r *assembly) checkRank(l *Layer) error {
	for _, matrix := range []struct {
		suffix string
		values []float32
		want   int
	}{{suffixA, l.A, l.Rank * l.In}, {suffixB, l.B, l.Out * l.Rank}} {
		if matrix.values == nil {
			return fmt.Errorf("%s: module %q has no %s", r.file.Name(), l.Name, strings.TrimPrefix(matrix.suffix, "."))
		}
		if len(matrix.values) != matrix.want {
			return fmt.Errorf("%s: tensor %q: its rank is not %d, which %s says", r.file.Name(), prefix+*r.wrapping+l.Name+matrix.suffix, l.Rank, ConfigName)
		}
	}
	return nil
}
