package main

import (
	"bytes"
	"encoding/binary"
	"encoding/json"
	"math"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/quarry-ml/quarry/internal/exactpath"
	"github.com/quarry-ml/quarry/internal/tinymodel"
	"github.com/quarry-ml/quarry/rundir"
)

// testHost is a host on the tests' path whose output is kept.
type testHost struct {
	*host
	out, err bytes.Buffer
}

func newTestHost() *testHost {
	t := &testHost{}
	cores := 1 // of a tiny network's workers a second mostly waits, and packages are tested side by side
	if testing.Short() {
		cores = 2 // the race detector has to see both
	}
	t.host = &host{terminal: newTerminal(&t.out, &t.err, false), files: rundir.OS{}, machine: machine{CPU: string(exactpath.Fastest), Cores: cores}, calibration: 1}
	return t
}

// run runs a command line and returns its exit code.
func (h *testHost) run(t testing.TB, args ...string) int {
	t.Helper()
	return execute(t.Context(), h.host, args)
}

// project is a folder with a tiny model and data.
type project string

func newProject(t testing.TB, o tinymodel.Options) project {
	t.Helper()
	p := project(t.TempDir())
	if err := tinymodel.Write(p.path("model"), o); err != nil {
		t.Fatal(err)
	}
	if err := tinymodel.WriteData(string(p)); err != nil {
		t.Fatal(err)
	}
	return p
}

func (p project) path(name string) string { return filepath.Join(string(p), name) }

func (p project) write(t testing.TB, name, text string) string {
	t.Helper()
	mustBe(t, os.MkdirAll(filepath.Dir(p.path(name)), 0o755))
	if err := os.WriteFile(p.path(name), []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	return p.path(name)
}

// spoil makes an element of a tensor of float32 no number.
func (p project) spoil(t testing.TB, file, tensor string, element int) {
	t.Helper()
	raw := []byte(p.read(t, file))
	values := 8 + int(binary.LittleEndian.Uint64(raw))
	var header map[string]struct {
		Offsets []int `json:"data_offsets"`
	}
	mustBe(t, json.Unmarshal(raw[8:values], &header))
	binary.LittleEndian.PutUint32(raw[values+header[tensor].Offsets[0]+4*element:], math.Float32bits(float32(math.NaN())))
	mustBe(t, os.WriteFile(p.path(file), raw, 0o600))
}

func (p project) read(t testing.TB, name string) string {
	t.Helper()
	raw, err := os.ReadFile(p.path(name))
	if err != nil {
		t.Fatal(err)
	}
	return string(raw)
}

// rank is the flags of a command that ranks the project's corpus for queries.
func (p project) rank(queries string) RankOptions {
	return RankOptions{Data: DataOptions{Corpus: p.path("corpus.jsonl"), Queries: p.path(queries)}, Model: ModelOptions{Model: p.path("model")}}
}

func lines(text string) []string { return strings.Split(strings.TrimSuffix(text, "\n"), "\n") }

func mustBe(t testing.TB, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

// refused checks that an error is the input's fault and says what is wanted.
func refused(t testing.TB, err error, want string) {
	t.Helper()
	if !as[inputError](err) || !strings.Contains(err.Error(), want) {
		t.Errorf("error %v, want a fault of the input with %q", err, want)
	}
}
