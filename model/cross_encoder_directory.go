package model

import (
	"encoding/json"
	"errors"
	"fmt"
	"path"
	"slices"
	"strings"
)

// ErrNoCrossEncoder says that a directory holds another kind of model, or another architecture.
var ErrNoCrossEncoder = errors.New("no cross-encoder that is supported")

// crossEncoderDirectory is what the directory of a cross-encoder says, but for its weights.
type crossEncoderDirectory struct {
	*Directory
	activation ScoreActivation
	trained    TrainedQueries
	listed     string // the digest of the trained queries' file by config.json; empty where none belongs to the model
}

// readCrossEncoder reads the directory of a cross-encoder: of transformers, or as sentence-transformers 4 to 6 save it.
func readCrossEncoder(dir string) (*crossEncoderDirectory, error) {
	files, err := directoryFiles(dir)
	if err != nil {
		return nil, err
	}
	d, err := (&reader{files: files, name: dir}).readCrossEncoder()
	if err != nil {
		return nil, err
	}
	return d, d.readTrained()
}

func (r *reader) readCrossEncoder() (*crossEncoderDirectory, error) {
	root, err := r.readCrossModules()
	if err != nil {
		return nil, err
	}
	o, err := r.readScorer(path.Join(root, "config.json"))
	if err != nil {
		return nil, err
	}
	d := &crossEncoderDirectory{Directory: &Directory{Path: r.name, Modules: []Module{{Kind: KindTransformer, Path: root}}, files: r.files}}
	if d.Config, err = r.readConfig(path.Join(root, "config.json")); err != nil {
		return nil, err
	}
	if d.limits, err = r.readLimits(root, d.Config, judges); err != nil {
		return nil, err
	}
	if _, err := o.take(trainedKey, &d.listed); err != nil {
		return nil, err
	}
	d.activation, err = r.readActivation(o)
	return d, err
}

// readTrained reads the queries that a cross-encoder was trained on, where its directory says: the very list that it was
// written with.
func (d *crossEncoderDirectory) readTrained() error {
	r := &reader{files: d.files, name: d.Path}
	raw, err := r.read(TrainedQueriesName)
	if err != nil {
		return err
	}
	file := r.path(TrainedQueriesName)
	switch {
	case raw == nil && d.listed == "":
		return nil
	case raw == nil:
		return fmt.Errorf("%s: missing: config.json (%s) says that the model was written with it, and without it nothing tells what it may judge: copy it too", file, trainedKey)
	}
	if d.trained, err = ParseTrainedQueries(raw, file); err != nil {
		return err
	}
	if d.listed != "" && d.listed != d.trained.digest() {
		return fmt.Errorf("%s: is not the list that the model was written with, by config.json (%s): copy that one", file, trainedKey)
	}
	return nil
}

// readCrossModules reads modules.json where there is one, which lists a Transformer alone, and returns the Transformer's
// folder.
func (r *reader) readCrossModules() (string, error) {
	const name = "modules.json"
	raw, err := r.read(name)
	if err != nil || raw == nil {
		return "", err
	}
	file := r.path(name)
	var listed []json.RawMessage
	if err := json.Unmarshal(raw, &listed); err != nil {
		return "", fmt.Errorf("%s: is not a list of modules: %w", file, err)
	}
	modules := make([]Module, len(listed))
	for i, item := range listed {
		if modules[i], err = parseModule(item, fmt.Sprintf("%s: module %d", file, i), i); err != nil {
			return "", err
		}
	}
	if slices.ContainsFunc(modules, func(m Module) bool { return m.Kind == KindPooling }) {
		return "", fmt.Errorf("%s: a Pooling makes this an embedder, which compares two vectors: %w", file, ErrNoCrossEncoder)
	}
	if len(modules) != 1 || modules[0].Kind != KindTransformer {
		return "", fmt.Errorf("%s: of the modules of a cross-encoder a Transformer alone is supported", file)
	}
	return modules[0].Path, nil
}

// readScorer checks that config.json is that of a supported cross-encoder with one label, before the network itself is read.
func (r *reader) readScorer(name string) (*object, error) {
	raw, err := r.read(name)
	if err != nil {
		return nil, err
	}
	if raw == nil {
		return nil, fmt.Errorf("%s: missing: this is not a model directory", r.path(name))
	}
	o, err := parseObject(raw, r.path(name))
	if err != nil {
		return nil, err
	}
	var kind string
	var architectures []string
	if _, err := o.take("model_type", &kind); err != nil {
		return nil, err
	}
	if _, err := o.take("architectures", &architectures); err != nil {
		return nil, err
	}
	if f := familyOf(kind); f == nil || f.scorer == nil || len(architectures) != 1 || architectures[0] != f.scorer.class {
		return nil, fmt.Errorf("%s: architecture %s of model_type %q: %w; supported are %s",
			o.file, quoted(architectures), kind, ErrNoCrossEncoder, supportedScorers())
	}
	return o, o.oneLabel()
}

func quoted(names []string) string {
	if len(names) == 0 {
		return "(none is named)"
	}
	return `"` + strings.Join(names, `", "`) + `"`
}

// oneLabel wants one label, as id2label or num_labels says; transformers takes two where neither does.
func (o *object) oneLabel() error {
	labels := 2
	if _, err := o.take("num_labels", &labels); err != nil {
		return err
	}
	var names map[string]json.RawMessage
	if present, err := o.take("id2label", &names); err != nil {
		return err
	} else if present {
		labels = len(names)
	}
	if labels != 1 {
		return fmt.Errorf("%s: a head of %d labels is not supported: a score is one (id2label, num_labels)", o.file, labels)
	}
	return nil
}

// readActivation takes the activation from where sentence-transformers looks for it, in its order:
// config_sentence_transformers.json, then config.json under the key of version 4 on, then that of those before. A prompt that
// is put before every query has no part in what is supported.
func (r *reader) readActivation(config *object) (ScoreActivation, error) {
	const name = "config_sentence_transformers.json"
	raw, err := r.read(name)
	if err != nil {
		return "", err
	}
	var found string
	if raw != nil {
		o, err := parseObject(raw, r.path(name))
		if err != nil {
			return "", err
		}
		var kind, prompt string
		for _, field := range []struct {
			key  string
			into *string
		}{{"model_type", &kind}, {"default_prompt_name", &prompt}, {"activation_fn", &found}} {
			if _, err := o.take(field.key, field.into); err != nil {
				return "", err
			}
		}
		if kind != "" && kind != "CrossEncoder" {
			return "", fmt.Errorf("%s: model_type %q is no CrossEncoder", o.file, kind)
		}
		if prompt != "" {
			return "", fmt.Errorf("%s: default_prompt_name %q is not supported: prompts of cross-encoders are not", o.file, prompt)
		}
		if found != "" {
			return parseActivation(found, o.file+": activation_fn")
		}
	}
	var settings map[string]json.RawMessage
	if _, err := config.take("sentence_transformers", &settings); err != nil {
		return "", err
	}
	if raw, ok := settings["activation_fn"]; ok {
		if err := json.Unmarshal(raw, &found); err != nil {
			return "", fmt.Errorf("%s: sentence_transformers: activation_fn: want a name", config.file)
		}
		return parseActivation(found, config.file+": sentence_transformers: activation_fn")
	}
	const old = "sbert_ce_default_activation_function"
	if _, err := config.take(old, &found); err != nil {
		return "", err
	}
	return parseActivation(found, config.file+": "+old)
}

// parseActivation reads the name of a torch module; where there is none it is the sigmoid.
func parseActivation(name, where string) (ScoreActivation, error) {
	switch name {
	case "", "torch.nn.modules.activation.Sigmoid", "torch.nn.Sigmoid":
		return SigmoidScore, nil
	case "torch.nn.modules.linear.Identity", "torch.nn.Identity":
		return IdentityScore, nil
	}
	return "", fmt.Errorf("%s: %q is not supported; supported are torch.nn.modules.activation.Sigmoid and torch.nn.modules.linear.Identity", where, name)
}
