package report

import (
	"cmp"
	"errors"
	"fmt"
	"math"
	"slices"
	"strconv"
	"strings"
	"unicode"
	"unicode/utf8"

	"github.com/quarry-ml/quarry/rundir"
)

// OutsideVersion is the version of outside-scores.json.
const OutsideVersion = 1

// DefaultLabel heads the column of an outside score that has no label of its own.
const DefaultLabel = "external"

// ErrNoEpoch says that a score is for an epoch that the run has not scored itself.
var ErrNoEpoch = errors.New("no such epoch")

// longestLabel keeps a table on the screen.
const longestLabel = 40

// outsideFile is the content of outside-scores.json.
type outsideFile struct {
	Version int                   `json:"version"`
	Scores  []rundir.OutsideScore `json:"scores"` // by round, epoch and label
}

// ParseScore reads an outside score as people write it: "1/3=0.505:LB" is 0.505 under the label LB for epoch 3 of
// round 1. Without a label it gets DefaultLabel.
func ParseScore(text string) (rundir.OutsideScore, error) {
	s := rundir.OutsideScore{Label: DefaultLabel}
	place, value, ok := strings.Cut(text, "=")
	round, epoch, ok2 := strings.Cut(place, "/")
	if !ok || !ok2 {
		return s, fmt.Errorf("score %q: want ROUND/EPOCH=VALUE:LABEL, such as 1/3=0.505:LB", text)
	}
	value, label, labelled := strings.Cut(value, ":")
	if labelled {
		s.Label = label
	}
	var err error
	if s.Round, err = parseCount(round); err != nil {
		return s, fmt.Errorf("score %q: round %q is no whole number from 0 on", text, round)
	}
	if s.Epoch, err = parseCount(epoch); err != nil {
		return s, fmt.Errorf("score %q: epoch %q is no whole number from 0 on", text, epoch)
	}
	if s.Value, err = strconv.ParseFloat(value, 64); err != nil {
		return s, fmt.Errorf("score %q: value %q is no number", text, value)
	}
	if err := checkOutside(s); err != nil {
		return s, fmt.Errorf("score %q: %w", text, err)
	}
	return s, nil
}

// Record keeps outside scores beside the epochs that they belong to. A score replaces one of the same round, epoch and
// label. For an epoch that has no row in the tables the error is ErrNoEpoch, and then nothing is recorded.
//
// The directory may be open read only: the file is no part of the run and is replaced in one step, so that a score can
// be recorded while the run goes on. Of two commands that record at the same instant one may lose its score.
func Record(d *rundir.Dir, scores ...rundir.OutsideScore) error {
	r, err := Read(d)
	if err != nil {
		return err
	}
	recorded, err := readOutside(d)
	if err != nil {
		return err
	}
	for _, s := range scores {
		if err := checkOutside(s); err != nil {
			return err
		}
		if err := r.checkPlace(s); err != nil {
			return err
		}
		recorded = slices.DeleteFunc(recorded, func(old rundir.OutsideScore) bool { return compareOutside(old, s) == 0 })
		recorded = append(recorded, s)
	}
	slices.SortFunc(recorded, compareOutside)
	return rundir.WriteJSON(d.FS, d.OutsideScores(), outsideFile{OutsideVersion, recorded})
}

// checkPlace refuses a score of an epoch that the run has not scored itself: most likely a slip of the keyboard.
func (r *Report) checkPlace(s rundir.OutsideScore) error {
	if s.Round >= len(r.Rounds) {
		return fmt.Errorf("%w: round %d of a run with %d rounds, counted from 0", ErrNoEpoch, s.Round, len(r.Rounds))
	}
	var epochs []string
	for _, e := range r.Rounds[s.Round].Epochs {
		if e.Epoch == s.Epoch {
			return nil
		}
		epochs = append(epochs, strconv.Itoa(e.Epoch))
	}
	if len(epochs) == 0 {
		return fmt.Errorf("%w: round %d has nothing scored yet", ErrNoEpoch, s.Round)
	}
	return fmt.Errorf("%w: round %d has scores of %s, not of %d", ErrNoEpoch, s.Round, strings.Join(epochs, ", "), s.Epoch)
}

// readOutside returns the recorded scores, none where there is no file.
func readOutside(d *rundir.Dir) ([]rundir.OutsideScore, error) {
	file, err := readVersioned[outsideFile](d.FS, d.OutsideScores(), OutsideVersion)
	if file == nil || err != nil {
		return nil, err
	}
	return file.Scores, file.check(d.OutsideScores())
}

// check refuses what Record would not have written: scores that are none, or two where one replaces the other.
func (f *outsideFile) check(name string) error {
	for i, s := range f.Scores {
		if err := checkOutside(s); err != nil {
			return fmt.Errorf("%s: score %d: %w", name, i+1, err)
		}
		if i > 0 && compareOutside(f.Scores[i-1], s) >= 0 {
			return fmt.Errorf("%s: score %d: out of order, or given twice", name, i+1)
		}
	}
	return nil
}

// addOutside puts the scores of this round beside its epochs.
func (r *Round) addOutside(scores []rundir.OutsideScore) {
	for _, s := range scores {
		if s.Round != r.Round {
			continue
		}
		i := slices.IndexFunc(r.Epochs, func(e Epoch) bool { return e.Epoch == s.Epoch })
		if i < 0 {
			r.Notes = append(r.Notes, fmt.Sprintf("%s %s is recorded for epoch %d, which has no scores of the run's own", s.Label, number(s.Value), s.Epoch))
			continue
		}
		r.Epochs[i].Outside = append(r.Epochs[i].Outside, s)
	}
}

func checkOutside(s rundir.OutsideScore) error {
	switch {
	case s.Round < 0 || s.Epoch < 0:
		return fmt.Errorf("round %d, epoch %d: both count from 0", s.Round, s.Epoch)
	case math.IsNaN(s.Value) || math.IsInf(s.Value, 0):
		return fmt.Errorf("value %v is no finite number", s.Value)
	case s.Label == "" || strings.TrimSpace(s.Label) != s.Label || !utf8.ValidString(s.Label):
		return fmt.Errorf("label %q is empty, begins or ends with a space, or is no text", s.Label)
	case utf8.RuneCountInString(s.Label) > longestLabel:
		return fmt.Errorf("label %q is longer than %d characters", s.Label, longestLabel)
	case strings.ContainsFunc(s.Label, func(r rune) bool { return !unicode.IsPrint(r) }):
		return fmt.Errorf("label %q has a character that cannot be printed", s.Label)
	}
	return nil
}

func compareOutside(a, b rundir.OutsideScore) int {
	return cmp.Or(cmp.Compare(a.Round, b.Round), cmp.Compare(a.Epoch, b.Epoch), cmp.Compare(a.Label, b.Label))
}

func parseCount(text string) (int, error) {
	n, err := strconv.ParseUint(text, 10, 31)
	return int(n), err
}
