//go:build unix

package main

import (
	"bytes"
	"io/fs"
	"os"
	"strings"
	"syscall"
	"testing"

	"github.com/quarry-ml/quarry/internal/tinymodel"
	"github.com/quarry-ml/quarry/vectors"
)

// TestOutputThatIsNoFile writes into a pipe: its reader gets everything and the pipe stays one. A device is the same case.
func TestOutputThatIsNoFile(t *testing.T) {
	p := newProject(t, tinymodel.Options{})
	pipe := p.path("pipe")
	mustBe(t, syscall.Mkfifo(pipe, 0o600))
	ranked := []string{"--model", p.path("model"), "--corpus", p.path("corpus.jsonl"), "--queries", p.path("train.jsonl"), "--output", pipe}
	texts := []string{"--model", p.path("model"), "--input", p.path("train.jsonl"), "--output", pipe}
	for _, command := range [][]string{append([]string{"embed"}, texts...), append([]string{"tokenize"}, texts...), append([]string{"mine"}, ranked...), append([]string{"search"}, ranked...)} {
		t.Run(command[0], func(t *testing.T) {
			// Open for reading and writing, so that neither side waits where nothing is written.
			r, err := os.OpenFile(pipe, os.O_RDWR|syscall.O_NONBLOCK, 0)
			mustBe(t, err)
			defer r.Close()
			got := make(chan int, 1)
			go func() {
				n, _ := r.Read(make([]byte, 1<<16))
				got <- n
			}()
			h := newTestHost()
			if code := h.run(t, command...); code != exitDone {
				t.Fatalf("exit code %d\n%s", code, h.err.String())
			}
			info, err := os.Lstat(pipe)
			mustBe(t, err)
			if info.Mode().Type() != fs.ModeNamedPipe {
				t.Fatalf("the pipe became %s", info.Mode())
			}
			if <-got == 0 {
				t.Error("the reader got nothing")
			}
		})
	}
}

func TestOutputBehindLinks(t *testing.T) {
	p := newProject(t, tinymodel.Options{})
	mustBe(t, os.MkdirAll(p.path("store"), 0o755))
	p.write(t, "store/old.jsonl", "old\n")
	mustBe(t, os.Symlink("store/old.jsonl", p.path("link")))
	mustBe(t, os.Symlink("link", p.path("second")))
	mustBe(t, os.Symlink("store/new.jsonl", p.path("dangling")))
	for _, tc := range []struct{ link, target string }{{"link", "store/old.jsonl"}, {"second", "store/old.jsonl"}, {"dangling", "store/new.jsonl"}} {
		t.Run(tc.link, func(t *testing.T) {
			h := newTestHost()
			if code := h.run(t, "tokenize", "--model", p.path("model"), "--input", p.path("train.jsonl"), "--output", p.path(tc.link)); code != exitDone {
				t.Fatalf("exit code %d\n%s", code, h.err.String())
			}
			info, err := os.Lstat(p.path(tc.link))
			mustBe(t, err)
			if info.Mode().Type() != fs.ModeSymlink || !strings.HasPrefix(p.read(t, tc.target), "[") {
				t.Errorf("%s is %s, its target holds %q", tc.link, info.Mode(), p.read(t, tc.target))
			}
			mustBe(t, os.WriteFile(p.path("store/old.jsonl"), []byte("old\n"), 0o644))
		})
	}
}

func TestInputFromAPipe(t *testing.T) {
	p := newProject(t, tinymodel.Options{})
	content := p.read(t, "train.jsonl")
	pipe := p.path("pipe")
	mustBe(t, syscall.Mkfifo(pipe, 0o600))
	embed := func(h *testHost, input, output string) {
		t.Helper()
		if code := h.run(t, "embed", "--model", p.path("model"), "--input", input, "--output", output); code != exitDone {
			t.Fatalf("exit code %d\n%s", code, h.err.String())
		}
	}
	embed(newTestHost(), p.path("train.jsonl"), p.path("file.npy"))
	go func() { _ = os.WriteFile(pipe, []byte(content), 0) }()
	embed(newTestHost(), pipe, p.path("pipe.npy"))
	both := newTestHost()
	both.in = strings.NewReader(content)
	embed(both, "-", "-")
	want := readVectors(t, p.path("file.npy"))
	fromStandard, err := vectors.ReadNPY(bytes.NewReader(both.out.Bytes()), "standard output")
	mustBe(t, err)
	if !same(readVectors(t, p.path("pipe.npy")).Data, want.Data) || !same(fromStandard.Data, want.Data) {
		t.Error("texts from a pipe have other vectors than those of a file")
	}
	for _, f := range both.spools {
		if _, err := os.Stat(f.Name()); err == nil {
			t.Errorf("%s is left", f.Name())
		}
	}
}

// TestFinetuneFromAPipe reads its rows several times, and knows them again by their digest.
func TestFinetuneFromAPipe(t *testing.T) {
	p := newProject(t, tinymodel.Options{})
	rows := "{\"query\":\"add one\",\"pos\":[\"zero\"],\"neg\":[\"two\"]}\n{\"query\":\"what is zero\",\"pos\":[\"two\"],\"neg\":[\"zero\"]}\n"
	for _, name := range []string{"first", "again"} {
		h := newTestHost()
		h.in = strings.NewReader(rows)
		if code := h.run(t, "finetune", "--model", p.path("model"), "--train", "-", "--epochs", "1", "--batch", "2", "--group-size", "2", "--output", p.path("tuned")); code != exitDone {
			t.Fatalf("%s: exit code %d\n%s", name, code, h.err.String())
		}
	}
}
