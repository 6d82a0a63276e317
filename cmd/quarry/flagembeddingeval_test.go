package main

import (
	"os"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

// evalProject has a tiny encoder with rows, and a corpus, queries and examples to measure epochs on.
func evalProject(t *testing.T) project {
	t.Helper()
	p := trainerProject(t)
	p.write(t, "corpus.jsonl", `{"text":"four"}
{"text":"eight"}
{"text":"nine plus"}
`)
	p.write(t, "queries.jsonl", `{"query":"seven one","correct_id":1}
{"query":"two","correct_id":"2"}
`)
	p.write(t, "examples.jsonl", `{"query":"seven one","response":"four"}
{"query":"one","response":"five"}
`)
	return p
}

func (p project) evalFlags(more ...string) []string {
	return append([]string{"--eval_corpus_path", p.path("corpus.jsonl"), "--eval_queries_path", p.path("queries.jsonl")}, more...)
}

// TestEpochsAreMeasured: every epoch, the base among them, over the whole corpus; examples stand before queries there and in eval_loss.
func TestEpochsAreMeasured(t *testing.T) {
	p := evalProject(t)
	printed := map[string][]string{}
	for name, more := range map[string][]string{"without": nil, "with": {"--eval_examples_path", p.path("examples.jsonl")}} {
		code, h := trainHere(t, p, name, p.evalFlags(append(more, "--retrieval_use_examples", "False")...)...)
		if code != exitDone {
			t.Fatalf("%s: exit code %d: %s", name, code, h.err.String())
		}
		printed[name] = lines(h.out.String())
		for _, line := range printed[name] {
			for _, measure := range []string{"eval_loss", "map@25", "recall@25", "recall@50", "recall@75", "recall@100"} {
				if !strings.Contains(line, "  "+measure+" ") {
					t.Errorf("%s: no %s in %q", name, measure, line)
				}
			}
		}
		if len(printed[name]) != 3 {
			t.Errorf("%s: %q", name, printed[name])
		}
	}
	if cmp.Equal(printed["with"], printed["without"]) {
		t.Errorf("examples change nothing: %q", printed["with"])
	}
	if code, h := trainHere(t, p, "with", p.evalFlags("--retrieval_use_examples", "False")...); code != exitBadInput || !strings.Contains(h.err.String(), "eval_examples") {
		t.Errorf("another evaluation in the same directory: exit code %d: %s", code, h.err.String())
	}
}

func TestEvaluationErrors(t *testing.T) {
	p := evalProject(t)
	p.write(t, "leak.json", `[{"query":"seven one","response":"four"}]`)
	p.write(t, "broken.json", `[{"query":`)
	for _, tc := range []struct {
		name, want string
		more       []string
	}{
		{"half of it", "--eval_corpus_path and --eval_queries_path go together", []string{"--eval_corpus_path", p.path("corpus.jsonl")}},
		{"no file", "--eval_queries_path: ", []string{"--eval_corpus_path", p.path("corpus.jsonl"), "--eval_queries_path", p.path("none.jsonl")}},
		{"an answer that is not there", "queries.jsonl:1: ", []string{"--eval_corpus_path", p.path("small.jsonl"), "--eval_queries_path", p.path("queries.jsonl")}},
		{"an example that leaks", "--eval_examples_path: ", p.evalFlags("--eval_examples_path", p.path("leak.json"))},
		{"no JSON", "broken.json: ", p.evalFlags("--eval_examples_path", p.path("broken.json"))},
	} {
		t.Run(tc.name, func(t *testing.T) {
			p.write(t, "small.jsonl", `{"text":"four"}`+"\n")
			if code, h := trainHere(t, p, "out", tc.more...); code != exitBadInput || !strings.Contains(h.err.String(), tc.want) {
				t.Errorf("exit code %d: %s, want %q", code, h.err.String(), tc.want)
			}
			if _, err := os.Stat(p.path("out")); err == nil {
				t.Error("something was written")
			}
		})
	}
}

// TestExamplesAreOfTheirFile: a query that stands in both files is shown in each what does not answer it there.
func TestExamplesAreOfTheirFile(t *testing.T) {
	p := evalProject(t)
	p.write(t, "dev.jsonl", `{"query":"seven one","pos":["six"],"neg":["plus"]}`+"\n")
	p.write(t, "queries.jsonl", `{"query":"seven one","correct_id":0}`+"\n") // four
	p.write(t, "examples.jsonl", `{"query":"one","response":"six"}
{"query":"two","response":"four"}
`)
	o := p.finetuneOptions("out")
	o.Train, o.Dev, o.Data.Corpus = p.path("rows.jsonl"), p.path("dev.jsonl"), ""
	o.Eval = EvalSet{p.path("corpus.jsonl"), p.path("queries.jsonl"), p.path("examples.jsonl")}
	set, err := o.readTraining(newTestHost().host)
	mustBe(t, err)
	for _, tc := range []struct {
		shown shown
		want  string
	}{{set.shownDev, "four"}, {set.shownJudged, "six"}} {
		if got := tc.shown["seven one"]; len(got) != 1 || got[0].Response != tc.want {
			t.Errorf("shown is %+v, want the example with %q", got, tc.want)
		}
	}
}
