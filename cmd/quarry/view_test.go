package main

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/quarry-ml/quarry/format/provenance"
	"github.com/quarry-ml/quarry/internal/tinyrun"
	"github.com/quarry-ml/quarry/rundir"
)

// A view says where it is, answers there, writes verdicts where its page asks for it, and ends well with Ctrl-C.
func TestViewCommand(t *testing.T) {
	run, err := tinyrun.Write(t.TempDir(), tinyrun.Options{Sets: []string{"faq", "law"}, Test: 3, Also: []string{"near", "far"}, Ranked: true})
	mustBe(t, err)
	other, err := tinyrun.Write(run.Folder, tinyrun.Options{Name: "other", Rounds: 1})
	mustBe(t, err)
	d, err := openReported(run.Dir)
	mustBe(t, err)
	negative := ""
	mustBe(t, errors.Join(d.EachMined(0, rundir.Train, func(row provenance.Row) error {
		if row.Key == "train-0" {
			negative = row.Negatives[0].ID
		}
		return nil
	}), d.Close()))
	out, in := io.Pipe()
	h := &host{terminal: newTerminal(in, io.Discard, false)}
	ctx, interrupt := context.WithCancel(t.Context())
	ended := make(chan error, 1)
	go func() { ended <- runView(ctx, h, ViewOptions{Against: other.Dir}, run.Dir) }()
	line, err := bufio.NewReader(out).ReadString('\n')
	mustBe(t, err)
	address, rest, _ := strings.Cut(line, " ")
	if rest != "shows tiny; Ctrl-C ends it\n" || !strings.HasPrefix(address, "http://127.0.0.1:") {
		t.Fatalf("printed %q", line)
	}
	ask := func(method, path, host, token string) (int, string) {
		t.Helper()
		r, err := http.NewRequest(method, address+path, strings.NewReader(fmt.Sprintf(`{"query":"train-0","passage":%q,"verdict":"drop","round":0}`, negative)))
		mustBe(t, err)
		if host != "" {
			r.Host = host
		}
		r.Header.Set("Content-Type", "application/json")
		r.Header.Set("X-Quarry-Token", token)
		answer, err := http.DefaultClient.Do(r)
		mustBe(t, err)
		defer answer.Body.Close()
		content, err := io.ReadAll(answer.Body)
		mustBe(t, err)
		return answer.StatusCode, string(content)
	}
	code, page := ask("GET", "", "", "")
	if code != 200 {
		t.Fatalf("%d %s", code, page)
	}
	_, token, _ := strings.Cut(page, `name="quarry-token" content="`)
	token, _, _ = strings.Cut(token, `"`)
	if code, about := ask("GET", "api/about", "", ""); code != 200 || !strings.Contains(about, `"against":"other"`) {
		t.Errorf("%d %s", code, about)
	}
	for _, split := range []string{"set-faq", "set-law"} { // the recipe's sets, one with a corpus of its own
		if code, found := ask("GET", "api/passages?split="+split+"&order=answers&search=3", "", ""); code != 200 || !strings.Contains(found, `"answers":`) {
			t.Errorf("%s: %d %s", split, code, found)
		}
	}
	for _, split := range []string{"test", "also-near", "also-far"} { // what epochs alone are scored on
		if code, found := ask("GET", "api/query?index=1&split="+split, "", ""); code != 200 || !strings.Contains(found, `"text":"What is 1 + 2? (`+split+`)"`) || !strings.Contains(found, `"name":"round 1 epoch 3 (chosen)"`) {
			t.Errorf("%s: %d %s", split, code, found)
		}
	}
	if code, _ := ask("GET", "", "evil.example", ""); code != 403 {
		t.Errorf("another host gets %d", code)
	}
	if code, answer := ask("POST", "api/verdict", "", "guessed"); code != 403 {
		t.Errorf("a guessed token gets %d %s", code, answer)
	}
	if code, answer := ask("POST", "api/verdict", "", token); len(token) < 20 || code != 200 {
		t.Errorf("the page's token %q gets %d %s", token, code, answer)
	}
	if _, err := os.Stat(filepath.Join(run.Dir, "verdicts.jsonl")); err != nil {
		t.Error(err)
	}
	// A page that waits for events keeps nothing from ending.
	events, err := http.Get(address + "events")
	mustBe(t, err)
	defer events.Body.Close()
	interrupt()
	if err := <-ended; err != nil {
		t.Errorf("it ended with %v", err)
	}
}

func TestViewCommandErrors(t *testing.T) {
	taken, err := net.Listen("tcp4", "127.0.0.1:0")
	mustBe(t, err)
	defer taken.Close()
	_, port, err := net.SplitHostPort(taken.Addr().String())
	mustBe(t, err)
	for _, tc := range []struct {
		name   string
		args   []string // RUN stands for a path
		change func(folder string) error
		want   string
	}{
		{"no run", []string{"RUN/none"}, nil, "a run directory or a recipe is wanted"},
		{"the folder above", []string{"RUN/../.."}, nil, "runs/tiny is: name that"},
		{"a port that is none", []string{"RUN", "--port", "70000"}, nil, "--port 70000"},
		{"a port that is taken", []string{"RUN", "--port", port}, nil, "choose another, or 0"},
		{"no texts", []string{"RUN", "--data", "RUN"}, nil, "name the recipe in place of the run directory, or --data"},
		{"other texts", []string{"RUN"}, func(folder string) error {
			return os.WriteFile(filepath.Join(folder, "dev.jsonl"), []byte("{}\n"), 0o600)
		}, "was made from other data: dev.jsonl"},
		{"a run of a newer quarry", []string{"RUN"}, func(folder string) error {
			return os.WriteFile(filepath.Join(folder, "runs", "tiny", "quarry.json"), []byte(`{"format": 2, "novelty": true}`), 0o600)
		}, "quarry.json: format 2 is newer than this quarry knows (1)"},
		{"half a run", []string{"RUN"}, func(folder string) error {
			return os.WriteFile(filepath.Join(folder, "runs", "tiny", "quarry.json"), []byte(`{"format": 1, "da`), 0o600)
		}, "quarry.json: not the file of a run directory"},
		{"no texts of test", []string{"RUN"}, func(folder string) error {
			file := filepath.Join(folder, "runs", "tiny", "recipe.resolved.yaml")
			text, err := os.ReadFile(file)
			return errors.Join(err, os.WriteFile(file, []byte(strings.Replace(string(text), "  dev: dev.jsonl\n", "  dev: dev.jsonl\n  test: test.jsonl\n", 1)), 0o600))
		}, "test.jsonl"},
		{"no run to compare with", []string{"RUN", "--against", "RUN/none"}, nil, "--against: "},
	} {
		t.Run(tc.name, func(t *testing.T) {
			run, err := tinyrun.Write(t.TempDir(), tinyrun.Options{Rounds: 1})
			mustBe(t, err)
			if tc.change != nil {
				mustBe(t, tc.change(run.Folder))
			}
			h := newTestHost()
			args := []string{"view"}
			for _, a := range tc.args {
				args = append(args, strings.ReplaceAll(a, "RUN", run.Dir))
			}
			if code := h.run(t, args...); code != exitBadInput || !strings.Contains(h.err.String(), tc.want) {
				t.Errorf("exit code %d, told %q, want %q", code, h.err.String(), tc.want)
			}
		})
	}
}
