package verdicts

import (
	"bytes"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/quarry-ml/quarry/internal/golden"
)

func said(kind Kind, query, passage string) Verdict {
	return Verdict{Version: Version, Verdict: kind, Query: "k-" + query, QueryText: query, Passage: "p-" + passage, PassageText: passage}
}

func file(t testing.TB, all []Verdict) []byte {
	t.Helper()
	var out bytes.Buffer
	for _, v := range all {
		line, err := v.Line()
		if err != nil {
			t.Fatal(err)
		}
		out.WriteString(line + "\n")
	}
	return out.Bytes()
}

// The golden file pins the layout: an old file must stay readable by every later version.
func TestGolden(t *testing.T) {
	all := []Verdict{said(Drop, "1/2 + 1/3?", "Adds <denominators>"), said(Promote, "żółw\nor \"not\"", "b"), said(Keep, "q", ""), said(Open, "q", "")}
	all[0].Round, all[0].At = 2, "2026-01-02T03:04:05Z"
	golden.Check(t, "testdata/version-1.jsonl", file(t, all))
	got, err := Read(bytes.NewReader(file(t, all)), "f")
	if diff := cmp.Diff(all, got); err != nil || diff != "" {
		t.Errorf("%v (-want +got):\n%s", err, diff)
	}
}

func TestLatest(t *testing.T) {
	for _, tc := range []struct {
		name string
		all  []Verdict
		want []Verdict
	}{
		{"none", nil, nil},
		{"the last counts, in the place of the first", []Verdict{said(Drop, "a", "1"), said(Keep, "b", "1"), said(Promote, "a", "1")}, []Verdict{said(Promote, "a", "1"), said(Keep, "b", "1")}},
		{"taken back", []Verdict{said(Drop, "a", "1"), said(Open, "a", "1")}, nil},
		{"taken back and given anew", []Verdict{said(Drop, "a", "1"), said(Open, "a", "1"), said(Keep, "a", "1")}, []Verdict{said(Keep, "a", "1")}},
		{"equal texts are one pair", []Verdict{said(Drop, "a", "1"), {Version: 1, Verdict: Keep, Query: "other", QueryText: " a\n", Passage: "other", PassageText: "1 "}},
			[]Verdict{{Version: 1, Verdict: Keep, Query: "other", QueryText: " a\n", Passage: "other", PassageText: "1 "}}},
	} {
		t.Run(tc.name, func(t *testing.T) {
			if diff := cmp.Diff(tc.want, Latest(tc.all)); diff != "" && len(tc.want)+len(Latest(tc.all)) > 0 {
				t.Errorf("(-want +got):\n%s", diff)
			}
		})
	}
}

func TestReadErrors(t *testing.T) {
	good := string(file(t, []Verdict{said(Drop, "a", "1")}))
	for _, tc := range []struct{ name, content, want string }{
		{"no JSON", good + "drop it\n", "f:2: "},
		{"a blank line", good + "\n", "f:2: "},
		{"no version", `{"verdict":"drop"}` + "\n", `f:1: the line has no "version"`},
		{"newer, with keys of its own", `{"version":3,"why":"x"}` + "\n", "f:1: version 3 is newer than this quarry knows (2): update quarry"},
		{"version 0", `{"version":0}` + "\n", "f:1: version 0, and this quarry reads 1"},
		{"unknown key", strings.Replace(good, `"round"`, `"why":"x","round"`, 1), `f:1: unknown key "why"`},
		{"a key twice", strings.Replace(good, `"round"`, `"verdict":"keep","round"`, 1), `f:1: the key "verdict" occurs twice`},
		{"unknown verdict", strings.Replace(good, `"drop"`, `"dropp"`, 1), `f:1: verdict "dropp" is unknown; there are [drop promote keep open]`},
		{"no query", strings.Replace(good, `"k-a"`, `""`, 1), "f:1: a verdict names"},
		{"no text", strings.Replace(good, `"query_text":"a"`, `"query_text":" "`, 1), `f:1: "query_text" is empty`},
		{"round", strings.Replace(good, `"round":0`, `"round":-1`, 1), "f:1: round -1"},
		{"no JSON in a last line without its end", good + "drop it", "f:2: "},
		{"no verdict in a last line without its end", good + `{"version":1,"verdict":"yes"}`, `f:2: verdict "yes" is unknown`},
		{"not UTF-8", strings.Replace(good, `"k-a"`, "\"\xff\"", 1), "f:1: "},
	} {
		t.Run(tc.name, func(t *testing.T) {
			if _, err := Read(strings.NewReader(tc.content), "f"); err == nil || !strings.HasPrefix(err.Error(), tc.want) {
				t.Errorf("got %v, want %s", err, tc.want)
			}
		})
	}
}

// Wherever a crash cuts a file, what was whole before is read, the last line too where only its end is missing. A crash may leave zeros.
func TestEveryCutLeavesWholeLines(t *testing.T) {
	content := file(t, []Verdict{said(Drop, "a", "1"), said(Keep, "b", "ü"), said(Promote, "c", "3")})
	for size := range len(content) + 1 {
		for _, zeros := range []string{"", "\x00\x00"} {
			want := bytes.Count(content[:size], []byte("\n"))
			if zeros == "" && size < len(content) && content[size] == '\n' {
				want++
			}
			got, err := Read(strings.NewReader(string(content[:size])+zeros), "f")
			if err != nil || len(got) != want {
				t.Fatalf("cut at byte %d, then %d zeros: %d verdicts, %v; want %d", size, len(zeros), len(got), err, want)
			}
		}
	}
}

func TestLineRefusesWhatIsNoVerdict(t *testing.T) {
	for _, v := range []Verdict{{}, said("maybe", "a", "1"), said(Drop, "", "1"), said(Drop, "\xff", "1"), {Verdict: Drop, Query: "q", QueryText: "q", Passage: "p", Round: -1}} {
		if line, err := v.Line(); err == nil {
			t.Errorf("%+v became %s", v, line)
		}
	}
}

func FuzzRead(f *testing.F) {
	f.Add(file(f, []Verdict{said(Drop, "a", "1"), said(Open, "a", "1")}))
	f.Add([]byte(`{"version":1,"verdict":"keep","query":"k","query_text":"\ud800","passage":"p","passage_text":"","round":1}` + "\n"))
	f.Add([]byte("\n"))
	one, other := asked("a", "1"), asked("b", "2")
	other.Verdict.Verdict = Drop
	f.Add([]byte(queueFile(f, JSONL, one, other)))
	f.Add([]byte(queueFile(f, CSV, one, other)))
	f.Add([]byte("verdict,version,query,query_text,passage,passage_text,round\n\"drop\",2,k,\"q\nq\",p,t,1"))
	f.Fuzz(func(t *testing.T, content []byte) {
		all, err := Read(bytes.NewReader(content), "f")
		if err != nil {
			if !strings.HasPrefix(err.Error(), "f:") {
				t.Errorf("%v names no line", err)
			}
			return
		}
		again, err := Read(bytes.NewReader(file(t, all)), "again")
		if err != nil {
			t.Fatal(err)
		}
		if diff := cmp.Diff(all, again); diff != "" {
			t.Error(diff)
		}
		if len(Latest(all)) > len(all) {
			t.Error("more verdicts hold than were given")
		}
	})
}
