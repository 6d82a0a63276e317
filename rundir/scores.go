package rundir

import (
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
)

// ScoresVersion is the version of scores.json and choice.json.
const ScoresVersion = 1

// Scores is a round's table: what every epoch measured. Measures names the columns of every Means.
type Scores struct {
	Version    int           `json:"version"`
	Round      int           `json:"round"`
	Convention string        `json:"convention"`
	Measures   []string      `json:"measures"`
	Epochs     []EpochScores `json:"epochs"` // ascending; epoch 0 is the base
}

// EpochScores is one row of the table.
type EpochScores struct {
	Epoch    int      `json:"epoch"`
	EvalLoss *float64 `json:"eval_loss"` // null is unknown
	Dev      Means    `json:"dev"`
	Test     *Means   `json:"test,omitempty"` // of the base and the chosen epoch alone

	Also []AlsoScores `json:"-"` // on the sets of data.also, which have files of their own: nothing that chooses reads them
}

// AlsoScores is epoch-N.also-NAME.json: what one epoch measured on a set of the recipe's data.also.
type AlsoScores struct {
	Version    int      `json:"version"`
	Round      int      `json:"round"`
	Epoch      int      `json:"epoch"`
	Name       string   `json:"name"` // of the set
	Convention string   `json:"convention"`
	Measures   []string `json:"measures"` // columns of Scores
	Scores     Means    `json:"scores"`   // seen and unseen only where the set has the run's own corpus
}

// Means are the measures of one split, over all queries, and over those whose positive train has and has not.
type Means struct {
	Queries int       `json:"queries"`
	All     []float64 `json:"all"`
	Seen    Slice     `json:"seen"`
	Unseen  Slice     `json:"unseen"`
}

// Slice is the measures over a part of the queries; Means is empty where no query belongs to it.
type Slice struct {
	Queries int       `json:"queries"`
	Means   []float64 `json:"means,omitempty"`
}

// Digest identifies the table without its test column, which no choice sees.
func (s *Scores) Digest() string {
	plain := *s
	plain.Epochs = make([]EpochScores, len(s.Epochs))
	for i, e := range s.Epochs {
		e.Test = nil
		plain.Epochs[i] = e
	}
	raw, err := CanonicalJSON(plain)
	if err != nil {
		panic(err) // Scores hold nothing that JSON cannot.
	}
	return DigestBytes(raw)
}

// TestScores is test.json: the test split's measures of the base and of the chosen epoch, kept apart so that no choice sees them.
type TestScores struct {
	Version int         `json:"version"`
	Epochs  []EpochTest `json:"epochs"`
}

// EpochTest is the test split's measures of one epoch, in the columns of Scores.
type EpochTest struct {
	Epoch int   `json:"epoch"`
	Test  Means `json:"test"`
}

// Choice is the epoch that a round goes on with.
type Choice struct {
	Version int    `json:"version"`
	Epoch   int    `json:"epoch"`
	By      string `json:"by"` // rule, recipe or command
	Because string `json:"because"`
	Scores  string `json:"scores"` // Digest of the table that it was made on
}

// OutsideScore is a score that a person took elsewhere, such as a leaderboard's.
type OutsideScore struct {
	Round int     `json:"round"`
	Epoch int     `json:"epoch"`
	Value float64 `json:"value"`
	Label string  `json:"label"`
}

// ReadScores returns a round's table, its test column filled where test is scored; a newer version is an error.
func (d *Dir) ReadScores(round int) (*Scores, error) {
	var s Scores
	if err := d.readVersioned(d.Round(round).Scores(), &s); err != nil {
		return nil, err
	}
	return &s, d.addTest(round, &s)
}

// addTest fills the test column from test.json where there is one.
func (d *Dir) addTest(round int, s *Scores) error {
	var t TestScores
	err := d.readVersioned(d.Round(round).TestScores(), &t)
	if errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	if err != nil {
		return err
	}
	for _, e := range t.Epochs {
		for i := range s.Epochs {
			if s.Epochs[i].Epoch == e.Epoch {
				s.Epochs[i].Test = &e.Test
			}
		}
	}
	return nil
}

// ReadChoice returns the epoch that a round goes on with; the error is fs.ErrNotExist where none is chosen.
func (d *Dir) ReadChoice(round int) (*Choice, error) {
	var c Choice
	if err := d.readVersioned(d.Round(round).Choice(), &c); err != nil {
		return nil, err
	}
	return &c, nil
}

// readVersioned reads a file of ScoresVersion. The version comes first: what a newer one adds is not a fault of the file.
func (d *Dir) readVersioned(path string, v any) error {
	raw, err := ReadFile(d.FS, path)
	if err != nil {
		return err
	}
	var head struct{ Version int }
	if err := json.Unmarshal(raw, &head); err == nil && head.Version != ScoresVersion {
		return fmt.Errorf("%s: version %d; this program reads %d", path, head.Version, ScoresVersion)
	}
	return ReadJSON(d.FS, path, v)
}
