package main

import (
	"bytes"
	"io"
	"runtime"
	"runtime/debug"
	"strings"
	"testing"
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
