package rundir

import (
	"bytes"
	"cmp"
	"context"
	"encoding/json"
	"fmt"
	"path"
	"slices"
)

// StampVersion is the version of the stamp's own layout; a stamp of another version is stale.
const StampVersion = 1

// Stage is what a stage is about to be computed from: all that its outputs may depend on.
type Stage struct {
	Name      string // of the stamp: "embed", "mine", "eval-epoch-3", …
	Round     int
	Algorithm int // the stage's own version, raised when the same input gives other bytes
	Inputs    []Input
	Options   any // marshalled to JSON; key paths name what changed

	// Told is what the stage has to say when it is done, marshalled to JSON for who finds it done later; nil is nothing. It
	// makes no stage stale.
	Told any
}

// Input is something that a stage reads.
type Input struct {
	Name   string `json:"name"`   // in words that mean something in a message: "corpus.jsonl", "miner", "round-0/candidates/train.cand"
	Digest string `json:"digest"` // hex SHA-256, or any text that is equal exactly if the input is
}

// Stamp is the record of a finished stage. It holds no time, so the same work leaves the same stamp.
type Stamp struct {
	Version   int             `json:"version"`
	Stage     string          `json:"stage"`
	Round     int             `json:"round"`
	Algorithm int             `json:"algorithm"`
	Identity  string          `json:"identity,omitempty"` // numeric identity it was computed with
	Inputs    []Input         `json:"inputs,omitempty"`   // sorted by name
	Options   json.RawMessage `json:"options"`            // canonical JSON
	Digest    string          `json:"options_digest"`     // SHA-256 of the canonical options, hex
	Outputs   []Output        `json:"outputs"`            // sorted by path
	Told      json.RawMessage `json:"told,omitempty"`     // canonical JSON
}

// WriteStamp records that a stage has finished with the outputs given as paths; a directory stands for the files in it.
// It digests them, so call it after they are written, renamed and synced.
func (d *Dir) WriteStamp(ctx context.Context, s Stage, outputs []string) (*Stamp, error) {
	stamp, err := d.describe(s)
	if err != nil {
		return nil, err
	}
	if s.Told != nil {
		if stamp.Told, err = CanonicalJSON(s.Told); err != nil {
			return nil, fmt.Errorf("stamp of %s: %w", s.Name, err)
		}
	}
	if stamp.Outputs, err = d.digestOutputs(ctx, outputs); err != nil {
		return nil, fmt.Errorf("stamp of %s: %w", s.Name, err)
	}
	return stamp, WriteJSON(d.FS, d.Stamp(s.Round, s.Name), stamp)
}

// ReadStamp returns the stamp of a stage; the error is fs.ErrNotExist where it has none.
func (d *Dir) ReadStamp(round int, stage string) (*Stamp, error) {
	file := d.Stamp(round, stage)
	stamp := &Stamp{}
	if err := ReadJSON(d.FS, file, stamp); err != nil {
		return nil, err
	}
	options, err := CanonicalJSON(stamp.Options)
	if err != nil {
		return nil, fmt.Errorf("%s: %w", file, err)
	}
	stamp.Options = options // WriteJSON indents it
	return stamp, nil
}

// DropStamp removes a stage's stamp, so that the stage is redone; no stamp is no error.
func (d *Dir) DropStamp(round int, stage string) error {
	file := d.Stamp(round, stage)
	if err := RemoveAll(d.FS, file); err != nil {
		return Explain(file, err)
	}
	return nil
}

// Output returns the record of one output by its path relative to the run directory.
func (s *Stamp) Output(relative string) (Output, bool) {
	i := slices.IndexFunc(s.Outputs, func(o Output) bool { return o.Path == relative })
	if i < 0 {
		return Output{}, false
	}
	return s.Outputs[i], true
}

// Equal says whether two stamps record the same work with the same results.
func (s *Stamp) Equal(other *Stamp) bool {
	a, errA := CanonicalJSON(s)
	b, errB := CanonicalJSON(other)
	return errA == nil && errB == nil && bytes.Equal(a, b)
}

// describe is the stamp of a stage without its outputs.
func (d *Dir) describe(s Stage) (*Stamp, error) {
	options, err := CanonicalJSON(s.Options)
	if err != nil {
		return nil, fmt.Errorf("stamp of %s: %w", s.Name, err)
	}
	inputs := slices.Clone(s.Inputs)
	slices.SortFunc(inputs, func(a, b Input) int { return cmp.Compare(a.Name, b.Name) })
	for i := range inputs[:max(0, len(inputs)-1)] {
		if inputs[i].Name == inputs[i+1].Name {
			return nil, fmt.Errorf("stamp of %s: two inputs are named %q", s.Name, inputs[i].Name)
		}
	}
	return &Stamp{
		Version: StampVersion, Stage: s.Name, Round: s.Round, Algorithm: s.Algorithm, Identity: d.identity,
		Inputs: inputs, Options: options, Digest: DigestBytes(options),
	}, nil
}

func (d *Dir) digestOutputs(ctx context.Context, paths []string) ([]Output, error) {
	outputs := []Output{}
	for _, file := range paths {
		relative, err := d.Relative(file)
		if err != nil {
			return nil, err
		}
		files, err := DigestTree(ctx, d.FS, file)
		if err != nil {
			return nil, err
		}
		for _, f := range files {
			f.Path = path.Join(relative, f.Path)
			outputs = append(outputs, f)
		}
	}
	slices.SortFunc(outputs, func(a, b Output) int { return cmp.Compare(a.Path, b.Path) })
	return slices.Compact(outputs), nil
}
