package teacherscores

import (
	"bytes"
	"math"
	"strings"
	"testing"
)

var header = Header{Kind: "cross-encoder", Model: "d0", Identity: "portable/f32/amd64/any", Activation: "sigmoid", MaxLength: 512}

// file is a header and lines of scores.
func file(t testing.TB, scores Scores) string {
	t.Helper()
	text := header.Line() + "\n"
	for _, d := range []Digest{{1}, {2}, {3}} {
		if score, ok := scores[d]; ok {
			line, err := Line(d, score)
			if err != nil {
				t.Fatal(err)
			}
			text += line + "\n"
		}
	}
	return text
}

func TestScoresComeBack(t *testing.T) {
	want := Scores{{1}: 0.1, {2}: -math.MaxFloat32, {3}: math.SmallestNonzeroFloat32}
	got, empty, err := Read(strings.NewReader(file(t, want)), "scores.jsonl", header, nil)
	if err != nil || empty || len(got) != 3 || got[Digest{1}] != want[Digest{1}] || got[Digest{2}] != want[Digest{2}] || got[Digest{3}] != want[Digest{3}] {
		t.Fatalf("got %v (%v), want %v", got, err, want)
	}
	got, _, err = Read(strings.NewReader(file(t, want)), "scores.jsonl", header, func(d Digest) bool { return d == Digest{2} })
	if err != nil || len(got) != 1 {
		t.Errorf("of one pair: %v (%v)", got, err)
	}
	if got, empty, err := Read(strings.NewReader(""), "scores.jsonl", header, nil); err != nil || !empty || len(got) != 0 {
		t.Errorf("of an empty file: %v, %t, %v", got, empty, err)
	}
	if got := strings.Split(file(t, want), "\n")[1]; got != `{"pair":"01000000000000000000000000000000","score":0.1}` {
		t.Errorf("a line is %s", got)
	}
	for _, score := range []float64{math.NaN(), math.Inf(1)} {
		if line, err := Line(Digest{}, float32(score)); err == nil {
			t.Errorf("%v has the line %s", score, line)
		}
	}
}

// TestAWholeFileComesBack whosever it is, in the order in which it was written.
func TestAWholeFileComesBack(t *testing.T) {
	var out bytes.Buffer
	w := NewWriter(&out, header)
	for i, d := range []Digest{{2}, {1}, {3}} {
		if err := w.Write(d, []float32{0.5, -1, 0.1}[i]); err != nil {
			t.Fatal(err)
		}
	}
	if err := w.Write(Digest{4}, float32(math.NaN())); err == nil {
		t.Error("a score that is no number was written")
	}
	if err := w.Flush(); err != nil {
		t.Fatal(err)
	}
	h, got, err := ReadAny(bytes.NewReader(out.Bytes()), "scores.jsonl", nil)
	if err != nil || h.Line() != header.Line() || len(got) != 3 || got[Digest{2}] != 0.5 || got[Digest{1}] != -1 || got[Digest{3}] != 0.1 {
		t.Errorf("%+v %v (%v)", h, got, err)
	}
	if lines := strings.Split(out.String(), "\n"); len(lines) != 5 || !strings.HasPrefix(lines[1], `{"pair":"02`) || !strings.HasPrefix(lines[3], `{"pair":"03`) {
		t.Errorf("written %s", out.String())
	}
	if same, _, err := Read(bytes.NewReader(out.Bytes()), "scores.jsonl", header, nil); err != nil || len(same) != 3 {
		t.Errorf("as the teacher's own: %v (%v)", same, err)
	}
	if _, _, err := ReadAny(strings.NewReader(""), "scores.jsonl", nil); err == nil || !strings.Contains(err.Error(), "scores.jsonl: the file is empty") {
		t.Errorf("of an empty file: %v", err)
	}
}

func TestReadErrors(t *testing.T) {
	one := file(t, Scores{{1}: 0.5})
	other := header
	other.MaxLength = 256
	const pair = `{"pair":"01000000000000000000000000000000",`
	for _, tc := range []struct{ name, text, want string }{
		{"another file", `{"query":"a"}`, `s:1: this is no file of a teacher's scores`},
		{"no JSON", "x", `s:1: this is no file of a teacher's scores`},
		{"newer", `{"format":"quarry teacher scores","version":2,"mode":1}`, "s:1: version 2 is newer than this quarry knows (1)"},
		{"an unknown key of the header", `{"format":"quarry teacher scores","version":1,"mode":1}`, `s:1: unknown key "mode"`},
		{"another teacher", other.Line(), "s:1: these are scores of another teacher"},
		{"no version", strings.Replace(header.Line(), `"version":1`, `"version":0`, 1), "s:1: version 0 is none: want 1"},
		{"an unknown key", one + pair + `"score":1,"x":1}`, `s:3: unknown key "x"`},
		{"no score", one + pair[:len(pair)-1] + `}`, `s:3: want "pair" and "score"`},
		{"a short digest", one + `{"pair":"01","score":1}`, `s:3: pair "01": want 32 hex digits`},
		{"a large score", one + pair + `"score":1e39}`, "s:3: score 1e39 is no float32"},
		{"a number that JSON has not", one + pair + `"score":01}`, "s:3: "},
		{"a number of Go", one + pair + `"score":0x1p2}`, "s:3: "},
		{"a text for a score", one + pair + `"score":"x"}`, "s:3: want a number, got a string"},
		{"two scores", one + pair + `"score":0.25}`, "has the score 0.25, and 0.5 on a line before"},
		{"more on a line", one + pair + `"score":0.5}{}`, "s:3: something follows the JSON value"},
		{"an empty line", one + "\n", "s:3: "},
		{"a long line", one + strings.Repeat("x", 1<<17), "s:3: "},
	} {
		t.Run(tc.name, func(t *testing.T) {
			if _, _, err := Read(strings.NewReader(tc.text), "s", header, nil); err == nil || !strings.Contains(err.Error(), tc.want) {
				t.Errorf("got %v, want %q", err, tc.want)
			}
		})
	}
	if _, _, err := Read(strings.NewReader(one+one[strings.Index(one, "\n")+1:]), "s", header, nil); err != nil {
		t.Errorf("the same score twice: %v", err)
	}
}

// FuzzRead: what is read is written as lines that read the same.
func FuzzRead(f *testing.F) {
	f.Add([]byte(file(f, Scores{{1}: 0.5, {2}: -3})))
	f.Add([]byte(""))
	f.Fuzz(func(t *testing.T, raw []byte) {
		scores, empty, err := Read(bytes.NewReader(raw), "s", header, nil)
		if err != nil || empty {
			return
		}
		text := header.Line() + "\n"
		for d, score := range scores {
			line, err := Line(d, score)
			if err != nil {
				t.Fatal(err)
			}
			text += line + "\n"
		}
		again, _, err := Read(strings.NewReader(text), "s", header, nil)
		if err != nil || len(again) != len(scores) {
			t.Fatalf("%d scores of %d: %v", len(again), len(scores), err)
		}
		for d, score := range scores {
			if again[d] != score {
				t.Fatalf("pair %x: %v, then %v", d, score, again[d])
			}
		}
	})
}
