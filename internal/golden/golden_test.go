package golden

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

func TestCheck(t *testing.T) {
	for _, tc := range []struct {
		name    string
		stored  string // content of the file; "absent" means that there is none
		got     string
		rewrite bool
		failure string // part of the message; empty where the check passes
		left    string // content of the file afterwards
	}{
		{name: "equal", stored: "a\nb\n", got: "a\nb\n", left: "a\nb\n"},
		{name: "different", stored: "a\nb\n", got: "a\nc\n", failure: "differs", left: "a\nb\n"},
		{name: "only a newline differs", stored: "a\n", got: "a", failure: "differs", left: "a\n"},
		{name: "absent", stored: "absent", got: "a", failure: "run the test with -update", left: "absent"},
		{name: "update writes", stored: "absent", got: "a", rewrite: true, left: "a"},
		{name: "update replaces", stored: "old", got: "new", rewrite: true, left: "new"},
	} {
		t.Run(tc.name, func(t *testing.T) {
			path := filepath.Join(t.TempDir(), "folder", "case.golden")
			if tc.stored != "absent" {
				if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
					t.Fatal(err)
				}
				if err := os.WriteFile(path, []byte(tc.stored), 0o644); err != nil {
					t.Fatal(err)
				}
			}
			var r recorder
			r.run(func() { check(&r, path, []byte(tc.got), tc.rewrite) })
			if (tc.failure == "") != (r.message == "") || !strings.Contains(r.message, tc.failure) {
				t.Errorf("message %q, want one with %q", r.message, tc.failure)
			}
			left, err := os.ReadFile(path)
			if err != nil {
				left = []byte("absent")
			}
			if string(left) != tc.left {
				t.Errorf("the file holds %q, want %q", left, tc.left)
			}
		})
	}
}

// recorder is a testing.TB that keeps the failure in place of failing.
type recorder struct {
	testing.TB
	message string
}

type stop struct{}

func (r *recorder) Helper() {}

func (r *recorder) Errorf(format string, args ...any) { r.message = fmt.Sprintf(format, args...) }

func (r *recorder) Fatalf(format string, args ...any) {
	r.message = fmt.Sprintf(format, args...)
	panic(stop{})
}

// run calls f and returns when f ends or calls Fatalf.
func (r *recorder) run(f func()) {
	defer func() {
		if v := recover(); v != nil && v != (stop{}) {
			panic(v)
		}
	}()
	f()
}
