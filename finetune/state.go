package finetune

import (
	"bufio"
	"crypto/sha256"
	"encoding/binary"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"math"
)

// stateMagic opens a training state; stateVersion is the version this code reads and writes.
const (
	stateMagic   = "QRYTRAIN"
	stateVersion = 2        // 2 has the options under the recipe's keys
	stateHeader  = 64 << 20 // largest header that is believed
)

// stateHead is the JSON header of a state: what must be equal to go on, and where training stands.
type stateHead struct {
	Version     int          `json:"version"`
	Options     Options      `json:"options"`
	Examples    int          `json:"examples"`
	Sets        Mixture      `json:"sets,omitempty"` // where there are several
	Done        int          `json:"done"`
	Temperature [3]uint64    `json:"temperature"` // bits of value and moments
	Parameters  []stateParam `json:"parameters"`
}

type stateParam struct {
	Name    string `json:"name"`
	Rows    int    `json:"rows"`
	Columns int    `json:"columns"`
}

// SaveState writes everything that going on needs: the step, weights, both moments, the temperature. The same training
// gives the same bytes. docs/formats/training-state.md describes the layout.
func (t *Trainer) SaveState(w io.Writer) error {
	head, err := json.Marshal(t.head())
	if err != nil {
		return fmt.Errorf("training state: %w", err)
	}
	sum := sha256.New()
	out := bufio.NewWriterSize(io.MultiWriter(w, sum), 1<<20)
	out.WriteString(stateMagic)
	var length [8]byte
	binary.LittleEndian.PutUint64(length[:], uint64(len(head)))
	out.Write(length[:])
	out.Write(head)
	buffer := make([]byte, 0, 1<<16)
	for _, p := range t.parameters {
		for _, values := range [][]float32{p.Values, p.first, p.second} {
			for len(values) > 0 {
				n := min(len(values), cap(buffer)/4)
				buffer = buffer[:0]
				for _, v := range values[:n] {
					buffer = binary.LittleEndian.AppendUint32(buffer, math.Float32bits(v))
				}
				out.Write(buffer)
				values = values[n:]
			}
		}
	}
	if err := out.Flush(); err != nil {
		return fmt.Errorf("training state: %w", err)
	}
	if _, err := w.Write(sum.Sum(nil)); err != nil {
		return fmt.Errorf("training state: %w", err)
	}
	return nil
}

func (t *Trainer) head() stateHead {
	h := stateHead{Version: stateVersion, Options: t.options.content(), Examples: t.queries(), Done: t.done}
	if len(t.sets) > 1 {
		h.Sets = t.mixture().byName()
	}
	for i, v := range []float64{t.temperature.Value, t.temperature.First, t.temperature.Second} {
		h.Temperature[i] = math.Float64bits(v)
	}
	for _, p := range t.parameters {
		h.Parameters = append(h.Parameters, stateParam{p.Name, p.Rows, p.Columns})
	}
	return h
}

// queries counts those of all sets.
func (t *Trainer) queries() int {
	n := 0
	for _, s := range t.sets {
		n += len(s.Examples)
	}
	return n
}

// LoadState puts the trainer where a state was saved. A state of other options, data size or parameters, a newer
// version, or one that is cut short or damaged is an error, and the trainer must then not be used.
func (t *Trainer) LoadState(r io.Reader, name string) error {
	sum := sha256.New()
	in := io.TeeReader(bufio.NewReaderSize(r, 1<<20), sum)
	h, err := readHead(in)
	if err != nil {
		return fmt.Errorf("%s: %w", name, err)
	}
	if err := t.accept(h); err != nil {
		return fmt.Errorf("%s: %w", name, err)
	}
	if err := t.readValues(in); err != nil {
		return fmt.Errorf("%s: %w", name, err)
	}
	want := sum.Sum(nil)
	got := make([]byte, sha256.Size)
	if _, err := io.ReadFull(in, got); err != nil {
		return fmt.Errorf("%s: training state cut short at its checksum", name)
	}
	if string(got) != string(want) {
		return fmt.Errorf("%s: training state is damaged: its checksum does not match; delete it and train this round again", name)
	}
	if n, err := in.Read(make([]byte, 1)); n > 0 || err != io.EOF {
		return fmt.Errorf("%s: training state goes on after its checksum", name)
	}
	t.done = h.Done
	t.temperature = scalar{math.Float64frombits(h.Temperature[0]), math.Float64frombits(h.Temperature[1]), math.Float64frombits(h.Temperature[2])}
	return nil
}

func readHead(in io.Reader) (stateHead, error) {
	var h stateHead
	fixed := make([]byte, len(stateMagic)+8)
	if _, err := io.ReadFull(in, fixed); err != nil {
		return h, errors.New("training state cut short at its head")
	}
	if string(fixed[:len(stateMagic)]) != stateMagic {
		return h, errors.New("not a training state")
	}
	length := binary.LittleEndian.Uint64(fixed[len(stateMagic):])
	if length > stateHeader {
		return h, fmt.Errorf("training state: a header of %d bytes", length)
	}
	raw := make([]byte, length)
	if _, err := io.ReadFull(in, raw); err != nil {
		return h, errors.New("training state cut short in its header")
	}
	if err := json.Unmarshal(raw, &h); err != nil {
		return h, fmt.Errorf("training state: header: %w", err)
	}
	if again, err := json.Marshal(h); err != nil || string(again) != string(raw) && h.Version == stateVersion {
		return h, errors.New("training state: header is not as it is written")
	}
	if h.Version != stateVersion {
		return h, fmt.Errorf("training state of version %d; this program reads %d", h.Version, stateVersion)
	}
	return h, nil
}

// accept compares a state's header with the trainer, the position apart.
func (t *Trainer) accept(h stateHead) error {
	mine := t.head()
	want, err := json.Marshal([]any{mine.Options, mine.Examples, mine.Sets, mine.Parameters})
	if err != nil {
		return err
	}
	got, err := json.Marshal([]any{h.Options.content(), h.Examples, h.Sets.byName(), h.Parameters})
	if err != nil {
		return err
	}
	if string(got) != string(want) {
		return errors.New("training state of other options, data or model")
	}
	if h.Done < 0 || h.Done > t.Steps() {
		return fmt.Errorf("training state at step %d of %d", h.Done, t.Steps())
	}
	return nil
}

func (t *Trainer) readValues(in io.Reader) error {
	buffer := make([]byte, 1<<16)
	for _, p := range t.parameters {
		for _, values := range [][]float32{p.Values, p.first, p.second} {
			for len(values) > 0 {
				n := min(len(values), len(buffer)/4)
				if _, err := io.ReadFull(in, buffer[:4*n]); err != nil {
					return fmt.Errorf("training state cut short in %s", p.Name)
				}
				for i := range n {
					values[i] = math.Float32frombits(binary.LittleEndian.Uint32(buffer[4*i:]))
				}
				values = values[n:]
			}
		}
		p.Changed()
	}
	return nil
}
