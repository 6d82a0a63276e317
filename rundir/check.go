package rundir

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"slices"
)

// Freshness is the verdict on a stage.
type Freshness struct {
	// Reasons says in words why the stage has to be done again, each of them complete in itself. None: it is fresh.
	Reasons []string
	// Stamp is the stage's last stamp, nil where there is none that can be read.
	Stamp *Stamp
}

// notDone is the reason of a stage that has no stamp.
const notDone = "not done yet"

// New says that the stage has never ended: no stamp is there to say what has changed.
func (f Freshness) New() bool { return len(f.Reasons) == 1 && f.Reasons[0] == notDone }

// Fresh says that the stage is stamped, nothing that it depends on has changed, and its outputs are as it left them.
func (f Freshness) Fresh() bool { return len(f.Reasons) == 0 }

// Check compares a stage with its stamp and its outputs with the stamp's digests. Outputs are read whole.
// A stage computed under another numeric identity is stale unless the directory is, or was then, opened with AllowIdentityChange.
func (d *Dir) Check(ctx context.Context, s Stage) (Freshness, error) {
	now, err := d.describe(s)
	if err != nil {
		return Freshness{}, err
	}
	stamp, err := d.ReadStamp(s.Round, s.Name)
	switch {
	case errors.Is(err, fs.ErrNotExist):
		return Freshness{Reasons: []string{notDone}}, nil
	case err != nil:
		return Freshness{Reasons: []string{"stamp cannot be read: " + err.Error()}}, nil
	case stamp.Version != StampVersion:
		return Freshness{Reasons: []string{fmt.Sprintf("stamp has version %d, not %d", stamp.Version, StampVersion)}}, nil
	}
	reasons, err := d.compare(stamp, now)
	if err != nil {
		return Freshness{}, err
	}
	if len(reasons) == 0 { // reading outputs is the costly part, and they go anyway when the stage is redone
		if reasons, err = d.compareOutputs(ctx, stamp); err != nil {
			return Freshness{}, err
		}
	}
	return Freshness{Reasons: reasons, Stamp: stamp}, nil
}

// compare says how the stage differs from its stamp.
func (d *Dir) compare(stamp, now *Stamp) ([]string, error) {
	var reasons []string
	if stamp.Stage != now.Stage || stamp.Round != now.Round {
		reasons = append(reasons, fmt.Sprintf("stamp is of stage %s of round %d", stamp.Stage, stamp.Round))
	}
	if stamp.Algorithm != now.Algorithm {
		reasons = append(reasons, fmt.Sprintf("algorithm changed: version %d → %d", stamp.Algorithm, now.Algorithm))
	}
	if stamp.Identity != now.Identity && !d.allowIdentityChange && !slices.Contains(d.earlier, stamp.Identity) {
		reasons = append(reasons, fmt.Sprintf("numeric identity changed: %q → %q", stamp.Identity, now.Identity))
	}
	reasons = append(reasons, compareInputs(stamp.Inputs, now.Inputs)...)
	changed, err := Differences(stamp.Options, now.Options)
	if err != nil {
		return nil, fmt.Errorf("%s: %w", d.Stamp(now.Round, now.Stage), err)
	}
	if DigestBytes(stamp.Options) != stamp.Digest {
		changed = append(changed, "stamp's options do not match their digest")
	}
	return append(reasons, changed...), nil
}

// compareInputs walks two lists sorted by name.
func compareInputs(before, after []Input) (reasons []string) {
	for len(before) > 0 || len(after) > 0 {
		switch {
		case len(after) == 0 || len(before) > 0 && before[0].Name < after[0].Name:
			reasons = append(reasons, fmt.Sprintf("input no longer used: %s", before[0].Name))
			before = before[1:]
		case len(before) == 0 || after[0].Name < before[0].Name:
			reasons = append(reasons, fmt.Sprintf("input added: %s", after[0].Name))
			after = after[1:]
		default:
			if before[0].Digest != after[0].Digest {
				reasons = append(reasons, fmt.Sprintf("input changed: %s", after[0].Name))
			}
			before, after = before[1:], after[1:]
		}
	}
	return reasons
}

// compareOutputs says which outputs are not as the stage left them.
func (d *Dir) compareOutputs(ctx context.Context, stamp *Stamp) (reasons []string, err error) {
	for _, output := range stamp.Outputs {
		file := d.Absolute(output.Path)
		info, err := d.FS.Stat(file)
		switch {
		case errors.Is(err, fs.ErrNotExist):
			reasons = append(reasons, fmt.Sprintf("output %s missing", output.Path))
			continue
		case err != nil:
			return nil, err
		case info.IsDir() || info.Size() != output.Size:
			reasons = append(reasons, fmt.Sprintf("output %s changed", output.Path))
			continue
		}
		digest, _, err := DigestFile(ctx, d.FS, file)
		if err != nil {
			return nil, err
		}
		if digest != output.SHA256 {
			reasons = append(reasons, fmt.Sprintf("output %s changed", output.Path))
		}
	}
	return reasons, nil
}
