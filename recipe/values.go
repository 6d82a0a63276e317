package recipe

import (
	"errors"
	"fmt"
	"math"
	"path/filepath"
	"strconv"
	"strings"
)

// Models that a round may mine with or train from.
const (
	Merged = "merged" // the result of the last round; in round 0 the recipe's model
	Base   = "base"   // the recipe's model
	Folder = "folder" // a directory that the recipe names
)

// Path is a file or directory as the recipe writes it, and where that is. Written is the same from any working
// directory, so it is the one to record; File is the one to open.
type Path struct {
	Written, File string
	Revision      string // of a model that Locate found by its name on the hub: the commit; else empty
}

// beside finds a path from the recipe's directory.
func (p *Path) beside(dir string) {
	switch {
	case p.Written == "":
		p.File = ""
	case filepath.IsAbs(p.Written):
		p.File = filepath.Clean(p.Written)
	default:
		p.File = filepath.Join(dir, filepath.FromSlash(p.Written))
	}
}

// Miner is the model that rounds after the first mine with.
type Miner struct {
	Kind string // Merged, Base or Folder
	Dir  Path   // of Folder
}

// UnmarshalText reads a word or a directory.
func (m *Miner) UnmarshalText(text []byte) error {
	switch word := string(text); word {
	case Merged, Base:
		*m = Miner{Kind: word}
	case "":
		return fmt.Errorf("want %s, %s or a directory", Merged, Base)
	default:
		*m = Miner{Kind: Folder, Dir: Path{Written: word}}
	}
	return nil
}

// MarshalText writes what UnmarshalText reads.
func (m Miner) MarshalText() ([]byte, error) {
	if m.Kind == Folder {
		return []byte(m.Dir.Written), nil
	}
	return []byte(m.Kind), nil
}

// Window is ranks [Start, End), counted from 0.
type Window struct{ Start, End int }

// UnmarshalText reads "2-200".
func (w *Window) UnmarshalText(text []byte) error {
	first, last, found := strings.Cut(string(text), "-")
	start, startErr := strconv.ParseUint(first, 10, 31)
	end, endErr := strconv.ParseUint(last, 10, 31)
	if found && (errors.Is(startErr, strconv.ErrRange) || errors.Is(endErr, strconv.ErrRange)) {
		return fmt.Errorf("a rank is too large in %q", text)
	}
	if !found || startErr != nil || endErr != nil {
		return fmt.Errorf("want two ranks such as 2-200, not %q", text)
	}
	if start >= end {
		return fmt.Errorf("want a first rank below the last, not %q", text)
	}
	*w = Window{Start: int(start), End: int(end)}
	return nil
}

// MarshalText writes what UnmarshalText reads.
func (w Window) MarshalText() ([]byte, error) { return []byte(w.String()), nil }

// String is the form that a recipe has.
func (w Window) String() string { return fmt.Sprintf("%d-%d", w.Start, w.End) }

// Size is a number of bytes.
type Size int64

// units are tried in order, so that the last letters of one are not taken for another.
var units = []struct {
	suffix string
	bytes  float64
}{
	{"TiB", 1 << 40}, {"GiB", 1 << 30}, {"MiB", 1 << 20}, {"KiB", 1 << 10}, {"TB", 1e12}, {"GB", 1e9}, {"MB", 1e6}, {"kB", 1e3}, {"B", 1},
}

// UnmarshalText reads a number with a unit: "2GiB", "1.5 GB", "800MB". A bare number is refused: bytes or megabytes
// would be a guess.
func (s *Size) UnmarshalText(text []byte) error {
	for _, unit := range units {
		number, found := strings.CutSuffix(string(text), unit.suffix)
		if !found {
			continue
		}
		amount, err := strconv.ParseFloat(strings.TrimSpace(number), 64)
		bytes := math.Round(amount * unit.bytes)
		if err != nil || !(bytes >= 1 && bytes < math.MaxInt64) {
			break
		}
		*s = Size(bytes)
		return nil
	}
	return fmt.Errorf("want a size with its unit, such as 2GiB or 800MB, not %q", text)
}

// MarshalText writes what UnmarshalText reads.
func (s Size) MarshalText() ([]byte, error) { return []byte(s.String()), nil }

// String writes the size in the unit that takes the fewest characters, exactly.
func (s Size) String() string {
	shortest := strconv.FormatInt(int64(s), 10) + "B"
	for _, unit := range units {
		n := int64(unit.bytes)
		if text := strconv.FormatInt(int64(s)/n, 10) + unit.suffix; int64(s)%n == 0 && len(text) < len(shortest) {
			shortest = text
		}
	}
	return shortest
}

// Command is a program and its arguments; empty where there is none. One string in a recipe is run by the shell.
type Command []string
