package main

import (
	"bytes"
	"io"
	"runtime"
	"runtime/debug"
	"strings"
	"testing"

	"github.com/quarry-ml/quarry/embedding"
	"github.com/quarry-ml/quarry/finetune"
)

func TestALimitIsSharedOutAndAskedForAlike(t *testing.T) {
	defer debug.SetMemoryLimit(debug.SetMemoryLimit(-1)) // of the tests, which is lowered
	p := &process{limit: 4 << 30}
	rest := p.rest(4<<30, 1<<20)
	if rest >= p.limit-reserve(p.limit)-1<<20 || p.held < 1<<20 {
		t.Errorf("of %d bytes %d are left and %d held", p.limit, rest, p.held)
	}
	if got := p.limitFor(rest); got < p.limit-8 || got > p.limit {
		t.Errorf("%d bytes for an engine ask for a limit of %d, want %d", rest, got, p.limit)
	}
	if got := (&process{}).rest(1, 0); got != 1 {
		t.Errorf("a limit of a byte leaves %d", got)
	}
	var none *process
	if got := none.limitFor(5); got != 5 {
		t.Errorf("a process without a limit asks for %d bytes, want 5", got)
	}
}

func TestReadingEndsWhereMemoryDoes(t *testing.T) {
	held := bytes.Repeat([]byte{1}, 48<<20)
	runtime.GC()
	for _, tc := range []struct {
		name string
		p    *process
		fits bool
	}{
		{"little", &process{limit: 64 << 20}, false},
		{"enough", &process{limit: 1 << 40}, true},
		{"no limit", &process{}, true},
		{"no process", nil, true},
	} {
		t.Run(tc.name, func(t *testing.T) {
			n, err := io.Copy(io.Discard, tc.p.watch(io.NopCloser(io.LimitReader(zeros{}, 4<<20))))
			if tc.fits && (err != nil || n != 4<<20) {
				t.Errorf("%d bytes, %v", n, err)
			}
			if !tc.fits && (err == nil || n >= 4<<20 || !strings.Contains(err.Error(), "raise --memory")) {
				t.Errorf("%d bytes, %v", n, err)
			}
		})
	}
	runtime.KeepAlive(held)
}

type zeros struct{}

func (zeros) Read(b []byte) (int, error) {
	clear(b)
	return len(b), nil
}

// TestRaiseSaysWhatIsTrue of the limit that a user wrote, not of the engine's part of it, and of what would help.
func TestRaiseSaysWhatIsTrue(t *testing.T) {
	const mib = 1 << 20
	for _, tc := range []struct {
		name      string
		limit     int64
		err       error
		want, not []string
	}{
		{"nothing is left", 10 * mib, &embedding.MemoryError{Least: mib * 13 / 10, Limit: 1, Tokens: 64, Workers: 2, Beside: mib},
			[]string{"takes at least 1.3 MiB", "nothing is left for it of the limit of 10 MiB: raise --memory to at least 40MiB"}, []string{"0.0 MiB", "or lower"}},
		{"too long", 60 * mib, &embedding.MemoryError{Least: 50 * mib, Limit: 20 * mib, Tokens: 64, Workers: 2, Beside: mib},
			[]string{"20.0 MiB is left for it of the limit of 60 MiB", "or lower --max-length"}, []string{"--workers"}},
		{"too many workers", 60 * mib, &embedding.MemoryError{Least: 90 * mib, Limit: 20 * mib, Tokens: 64, Workers: 99999, Beside: 60 * mib},
			[]string{"workers: 99999", "or lower --workers"}, []string{"--max-length"}},
		{"a training", 10 * mib, &finetune.MemoryError{Need: finetune.Memory{Trained: mib, Block: mib, Lean: mib, Workers: 2}, Limit: 1},
			[]string{"training takes at least", "nothing is left for it of the limit of 10 MiB"}, []string{"0.0 MiB", "or lower"}},
	} {
		t.Run(tc.name, func(t *testing.T) {
			h := newTestHost()
			h.process = &process{limit: tc.limit}
			told := h.raise(tc.err, "--max-length").Error()
			for _, want := range tc.want {
				if !strings.Contains(told, want) {
					t.Errorf("%s\nwant %q in it", told, want)
				}
			}
			for _, not := range tc.not {
				if strings.Contains(told, not) {
					t.Errorf("%s\nwant no %q in it", told, not)
				}
			}
		})
	}
}
