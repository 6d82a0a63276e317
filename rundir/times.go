package rundir

import (
	"bytes"
	"errors"
	"fmt"
	"io/fs"
)

// StageTime is one line of times.jsonl: how long a stage took, each time that it was done.
type StageTime struct {
	Round   int     `json:"round"`
	Stage   string  `json:"stage"`
	Seconds float64 `json:"seconds"`
	Start   string  `json:"start"` // RFC 3339, UTC

	Memory int64 `json:"memory,omitempty"` // bytes that the process held at most while the stage ran, mapped files apart; 0 is unknown

	// PeakMemory is written no more: an earlier quarry gave the bytes, mapped files too, that the process had held at most by the stage's
	// end, which tells nothing of the stage.
	PeakMemory int64 `json:"peak_memory,omitempty"`
}

// ReadTimes returns the lines of times.jsonl, none where there is no file. A last line without its end is one that a
// process is writing, or that a crash cut short, and does not count.
func (d *Dir) ReadTimes() ([]StageTime, error) {
	content, err := ReadFile(d.FS, d.Times())
	if errors.Is(err, fs.ErrNotExist) {
		return nil, nil
	}
	if err != nil {
		return nil, err
	}
	return ParseTimes(content, d.Times())
}

// ParseTimes decodes the content of times.jsonl. name is for errors, which tell the line.
func ParseTimes(content []byte, name string) ([]StageTime, error) {
	var times []StageTime
	number := 0
	for line := range bytes.Lines(WholeLines(content)) {
		number++
		var t StageTime
		if err := ParseJSON(fmt.Sprintf("%s:%d", name, number), line, &t); err != nil {
			return nil, err
		}
		if t.Stage == "" || t.Round < 0 || t.Seconds < 0 || t.Memory < 0 || t.PeakMemory < 0 {
			return nil, fmt.Errorf("%s:%d: no time of a stage: %s", name, number, bytes.TrimSpace(line))
		}
		times = append(times, t)
	}
	return times, nil
}

// WholeLines is the content of a file of lines up to its last line end: of a file that is being appended to, what
// stands behind it is half a line.
func WholeLines(content []byte) []byte {
	return content[:bytes.LastIndexByte(content, '\n')+1]
}
