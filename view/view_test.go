package view

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"io/fs"
	"net/http"
	"net/http/httptest"
	"net/url"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/quarry-ml/quarry/corpus"
	"github.com/quarry-ml/quarry/format/provenance"
	"github.com/quarry-ml/quarry/format/verdicts"
	"github.com/quarry-ml/quarry/internal/tinyrun"
	"github.com/quarry-ml/quarry/ranking"
	"github.com/quarry-ml/quarry/rundir"
)

const (
	testHost  = "127.0.0.1:4711"
	testToken = "the secret"
)

func files(folder string) Files {
	return Files{Corpus: filepath.Join(folder, "corpus.jsonl"), Train: filepath.Join(folder, "train.jsonl"), Dev: filepath.Join(folder, "dev.jsonl")}
}

func readOnly(t *testing.T, dir string) *rundir.Dir {
	t.Helper()
	d, err := rundir.Open(dir, rundir.OpenOptions{ReadOnly: true})
	must(t, err)
	return d
}

// opened is a view of a tiny run, and what asks it.
func opened(t *testing.T, o tinyrun.Options) (*tinyrun.Run, *View) {
	t.Helper()
	run, err := tinyrun.Write(t.TempDir(), o)
	must(t, err)
	return run, open(t, run, nil)
}

func open(t *testing.T, run, against *tinyrun.Run, sets ...SetFiles) *View {
	t.Helper()
	o := Options{Dir: readOnly(t, run.Dir), Files: files(run.Folder), Host: testHost, Token: testToken, Now: func() time.Time { return time.Date(2026, 1, 2, 3, 4, 5, 0, time.UTC) }}
	if against != nil {
		o.Against, o.AgainstFiles = readOnly(t, against.Dir), files(against.Folder)
	}
	o.Files.Sets = sets
	v, err := Open(t.Context(), o)
	must(t, err)
	return v
}

// request sends a request as the view's own page does, changed by what a test wants.
func request(v *View, method, target, body string, change func(*http.Request)) *httptest.ResponseRecorder {
	r := httptest.NewRequest(method, target, strings.NewReader(body))
	r.Host = testHost
	if method == http.MethodPost {
		r.Header.Set("Content-Type", "application/json")
		r.Header.Set("Origin", "http://"+testHost)
		r.Header.Set(tokenHeader, testToken)
	}
	if change != nil {
		change(r)
	}
	w := httptest.NewRecorder()
	v.Handler().ServeHTTP(w, r)
	return w
}

// get asks for JSON.
func get[T any](t *testing.T, v *View, path string, parameters ...string) T {
	t.Helper()
	query := url.Values{}
	for i := 0; i < len(parameters); i += 2 {
		query.Set(parameters[i], parameters[i+1])
	}
	w := request(v, http.MethodGet, "/api/"+path+"?"+query.Encode(), "", nil)
	if w.Code != http.StatusOK {
		t.Fatalf("%s: %d %s", path, w.Code, w.Body)
	}
	var answer T
	must(t, json.Unmarshal(w.Body.Bytes(), &answer))
	return answer
}

func TestGuard(t *testing.T) {
	_, v := opened(t, tinyrun.Options{Rounds: 1})
	verdict := fmt.Sprintf(`{"query":%q,"passage":%q,"verdict":"keep","round":0}`, "train-0", negativeOf(t, v, 0).ID)
	header := func(name, value string) func(*http.Request) {
		return func(r *http.Request) { r.Header.Set(name, value) }
	}
	host := func(host string) func(*http.Request) { return func(r *http.Request) { r.Host = host } }
	for _, tc := range []struct {
		name, method, target string
		change               func(*http.Request)
		want                 int
	}{
		{"own page", "GET", "/", nil, 200},
		{"localhost", "GET", "/", host("localhost:4711"), 200},
		{"own origin", "GET", "/api/about", header("Origin", "http://localhost:4711"), 200},
		{"typed in", "GET", "/", header("Sec-Fetch-Site", "none"), 200},
		{"a name bound to 127.0.0.1", "GET", "/api/about", host("evil.example:4711"), 403},
		{"another port", "GET", "/", host("127.0.0.1:4712"), 403},
		{"no port", "GET", "/", host("127.0.0.1"), 403},
		{"localhost without a port", "GET", "/", host("localhost"), 403},
		{"localhost, another port", "GET", "/", host("localhost:4712"), 403},
		{"localhost, an empty port", "GET", "/", host("localhost:"), 403},
		{"a name below localhost", "GET", "/api/about", host("evil.localhost:4711"), 403},
		{"a name that begins so", "GET", "/api/about", host("localhost.evil.example:4711"), 403},
		{"another origin of localhost", "GET", "/api/about", header("Origin", "http://localhost:4712"), 403},
		{"a longer name", "GET", "/", host("127.0.0.1:4711.evil.example"), 403},
		{"another origin", "GET", "/api/about", header("Origin", "http://evil.example"), 403},
		{"an origin of https", "GET", "/api/about", header("Origin", "https://127.0.0.1:4711"), 403},
		{"an origin that is hidden", "GET", "/api/about", header("Origin", "null"), 403},
		{"a page of another site", "GET", "/api/charts", header("Sec-Fetch-Site", "cross-site"), 403},
		{"a page of another port", "GET", "/assets/app.js", header("Sec-Fetch-Site", "same-site"), 403},
		{"a verdict", "POST", "/api/verdict", nil, 200},
		{"a verdict of another host", "POST", "/api/verdict", host("evil.example"), 403},
		{"a verdict of another origin", "POST", "/api/verdict", header("Origin", "http://evil.example"), 403},
		{"a verdict without the token", "POST", "/api/verdict", func(r *http.Request) { r.Header.Del(tokenHeader) }, 403},
		{"a verdict with another token", "POST", "/api/verdict", header(tokenHeader, "the secreT"), 403},
		{"a verdict as a form sends it", "POST", "/api/verdict", header("Content-Type", "text/plain"), 403},
		{"a verdict by GET", "GET", "/api/verdict", nil, 405},
		{"another method", "DELETE", "/api/verdict", nil, 403},
		{"what is not there", "GET", "/etc/passwd", nil, 404},
		{"a file above the assets", "GET", "/assets/..%2fview.go", nil, 404},
		{"the page without its token", "GET", "/assets/index.html", nil, 404},
	} {
		t.Run(tc.name, func(t *testing.T) {
			body := ""
			if tc.method == "POST" {
				body = verdict
			}
			w := request(v, tc.method, tc.target, body, tc.change)
			if w.Code != tc.want {
				t.Errorf("got %d %s, want %d", w.Code, w.Body, tc.want)
			}
			if policy := w.Header().Get("Content-Security-Policy"); !strings.Contains(policy, "default-src 'none'") || !strings.Contains(policy, "frame-ancestors 'none'") || strings.Contains(strings.SplitN(policy, "style-src", 2)[0], "unsafe") {
				t.Errorf("policy %q", policy)
			}
			if w.Code == 403 && strings.Contains(w.Body.String(), testToken) {
				t.Error("a refusal tells the token")
			}
		})
	}
}

// On the port that browsers leave out of an address, the address is the host.
func TestGuardOnPort80(t *testing.T) {
	_, v := opened(t, tinyrun.Options{Rounds: 1})
	v.options.Host = "127.0.0.1:80"
	for host, want := range map[string]int{"127.0.0.1": 200, "localhost": 200, "127.0.0.1:80": 200, "127.0.0.1:81": 403, "evil.example": 403} {
		if w := request(v, "GET", "/", "", func(r *http.Request) { r.Host = host }); w.Code != want {
			t.Errorf("%s: %d, want %d", host, w.Code, want)
		}
	}
}

// However much is looked at, nothing is written; a verdict writes its file and no other.
func TestNothingButVerdictsIsWritten(t *testing.T) {
	run, v := opened(t, tinyrun.Options{})
	before := snapshot(t, run.Folder)
	for _, target := range []string{"/", "/assets/app.js", "/api/about", "/api/charts", "/api/queries?split=train&order=worst&search=what", "/api/query?split=dev&index=1", "/api/queue?split=train&filter=open", "/api/compare?split=dev&a=0&b=1&order=wins", "/api/passages?split=train&order=mined", "/api/passage?split=train&index=1"} {
		if w := request(v, "GET", target, "", nil); w.Code != 200 {
			t.Errorf("%s: %d %s", target, w.Code, w.Body)
		}
	}
	if diff := cmp.Diff(before, snapshot(t, run.Folder)); diff != "" {
		t.Errorf("looking has written:\n%s", diff)
	}
	for split, set := range v.run.sets {
		for round, found := range set.rounds {
			if found.file.file != nil {
				t.Errorf("the candidates of round %d, %s, are open after the request", round, split)
			}
		}
	}
	n := negativeOf(t, v, 0)
	if w := request(v, "POST", "/api/verdict", fmt.Sprintf(`{"query":"train-0","passage":%q,"verdict":"drop","round":1}`, n.ID), nil); w.Code != 200 {
		t.Fatal(w.Body)
	}
	after := snapshot(t, run.Folder)
	name := "runs/tiny/verdicts.jsonl"
	want := fmt.Sprintf(`{"version":1,"verdict":"drop","query":"train-0","query_text":"What is 0 + 1? (train)","passage":%q,"passage_text":%q,"round":1,"at":"2026-01-02T03:04:05Z"}`+"\n", n.ID, n.Text)
	if after[name] != want {
		t.Errorf("verdicts are %q", after[name])
	}
	delete(after, name)
	if diff := cmp.Diff(before, after); diff != "" {
		t.Errorf("a verdict has written:\n%s", diff)
	}
}

func TestVerdictsThatMakeNoSenseAreRefused(t *testing.T) {
	run, v := opened(t, tinyrun.Options{Rounds: 1})
	for _, tc := range []struct{ name, body, want string }{
		{"unknown query", `{"query":"x","passage":"p1","verdict":"drop"}`, "no train query"},
		{"a query of dev", `{"query":"dev-0","passage":"p1","verdict":"drop"}`, "no train query"},
		{"unknown passage", `{"query":"train-0","passage":"x","verdict":"drop"}`, "no passage"},
		{"unknown verdict", `{"query":"train-0","passage":"p1","verdict":"dropp"}`, "dropp"},
		{"round", `{"query":"train-0","passage":"p1","verdict":"drop","round":-1}`, "round -1"},
		{"unknown key", `{"query":"train-0","passage":"p1","verdict":"drop","path":"/etc/passwd"}`, "path"},
		{"no JSON", `drop it`, "a verdict: "},
		{"a round that is not there", `{"query":"train-0","passage":"p3","verdict":"drop","round":1}`, "there is no round 1: the run has 1"},
		{"a positive", fmt.Sprintf(`{"query":"train-0","passage":%q,"verdict":"drop"}`, positiveOf(v, 0)), "answers the query"},
		{"no negative", fmt.Sprintf(`{"query":"train-0","passage":%q,"verdict":"keep"}`, strangerOf(t, v, 0)), "was never a negative of the query"},
		{"cut off", `{"query":"train-0","passage":"p3"`, "the JSON value is cut off"},
		{"nothing", "", "the JSON value is cut off"},
		{"two verdicts", `{"query":"train-0","passage":"p3","verdict":"drop"}{"query":"train-0","passage":"p3","verdict":"keep"}`, "something follows"},
		{"more behind it", `{"query":"train-0","passage":"p3","verdict":"drop"} drop`, "something follows"},
		{"too long", `{"query":"` + strings.Repeat("x", longestBody) + `"}`, "too large"},
	} {
		t.Run(tc.name, func(t *testing.T) {
			if w := request(v, "POST", "/api/verdict", tc.body, nil); w.Code != 400 || !strings.Contains(w.Body.String(), tc.want) {
				t.Errorf("got %d %s, want %q", w.Code, w.Body, tc.want)
			}
		})
	}
	if there, err := rundir.OS.Stat(rundir.OS{}, rundir.Layout(run.Dir).Verdicts()); err == nil {
		t.Errorf("%s is there", there.Name())
	}
}

// positiveOf is the id of a positive of a train query.
func positiveOf(v *View, query int) string {
	return v.run.corpora[0].corpus.ID(v.run.sets[rundir.Train].queries[query].Positives[0])
}

// negativeOf is the first negative of a train query in round 0.
func negativeOf(t *testing.T, v *View, query int) corpus.Passage {
	t.Helper()
	mined, err := v.run.negatives(0, rundir.Train)
	must(t, err)
	return v.run.corpora[0].corpus.Passages[mined[query][0].passage]
}

// strangerOf is the id of a passage that is neither a positive nor a negative of a train query in round 0.
func strangerOf(t *testing.T, v *View, query int) string {
	t.Helper()
	mined, err := v.run.negatives(0, rundir.Train)
	must(t, err)
	c := v.run.corpora[0].corpus
	for p := range int32(c.Len()) {
		if !slices.Contains(v.run.sets[rundir.Train].queries[query].Positives, p) && !slices.ContainsFunc(mined[query], func(n negative) bool { return n.passage == p }) {
			return c.ID(p)
		}
	}
	t.Fatal("every passage is a negative")
	return ""
}

// A verdict is of texts, so that a positive is none under another row or id of them either; one that was said before it became
// a positive can be taken back.
func TestVerdictsOnAnswers(t *testing.T) {
	_, v := opened(t, tinyrun.Options{Rounds: 1})
	own := positiveOf(v, 0)
	if w := request(v, "POST", "/api/verdict", fmt.Sprintf(`{"query":"train-0","passage":%q,"verdict":"open"}`, own), nil); w.Code != 200 {
		t.Errorf("taking back: %d %s", w.Code, w.Body)
	}
	set := v.run.sets[rundir.Train]
	p, _ := v.run.corpora[0].corpus.ByID(own)
	text := set.queries[0].Stripped()
	set.byText[text] = append(set.byText[text], 1) // another row of the text, with a positive of its own
	if other := set.queries[1].Positives[0]; other == p || !set.answers(other, text) || !set.answers(p, text) {
		t.Error("the positive of another row of the text is none")
	}
}

// A verdict goes behind what a crash left, and is seen by what other views and people write meanwhile.
func TestVerdictsAfterACrashAndByOthers(t *testing.T) {
	run, v := opened(t, tinyrun.Options{})
	path := rundir.Layout(run.Dir).Verdicts()
	first := get[list[suspectRow]](t, v, "queue", "split", "train", "filter", "open").Rows[0]
	line, err := verdicts.Verdict{Verdict: verdicts.Keep, Query: "by another key", QueryText: first.Query.Text, Passage: "by another id", PassageText: first.Passage.Text}.Line()
	must(t, err)
	must(t, os.WriteFile(path, []byte(line+"\n"+line[:30]), 0o600))
	if judged := get[list[suspectRow]](t, v, "queue", "split", "train", "filter", "judged"); judged.Total != 1 || judged.Rows[0].Passage != first.Passage || judged.Rows[0].Verdict != "keep" {
		t.Errorf("judged are %+v", judged)
	}
	if w := request(v, "POST", "/api/verdict", fmt.Sprintf(`{"query":"train-1","passage":%q,"verdict":"promote"}`, negativeOf(t, v, 1).ID), nil); w.Code != 200 {
		t.Fatal(w.Body)
	}
	content, err := os.ReadFile(path)
	must(t, err)
	all, err := verdicts.Read(bytes.NewReader(content), path)
	if err != nil || len(all) != 2 || all[1].Verdict != verdicts.Promote {
		t.Errorf("%v: %+v", err, all)
	}
	must(t, os.WriteFile(path, []byte(line), 0o600)) // an editor left the end of the last line away
	if w := request(v, "POST", "/api/verdict", fmt.Sprintf(`{"query":"train-1","passage":%q,"verdict":"drop"}`, negativeOf(t, v, 1).ID), nil); w.Code != 200 {
		t.Fatal(w.Body)
	}
	content, err = os.ReadFile(path)
	must(t, err)
	if all, err = verdicts.Read(bytes.NewReader(content), path); err != nil || len(all) != 2 || all[0].Verdict != verdicts.Keep || all[1].Verdict != verdicts.Drop {
		t.Errorf("behind a line without its end: %v: %+v", err, all)
	}
	must(t, os.WriteFile(path, []byte("damaged\n"), 0o600))
	if w := request(v, "GET", "/api/queue?split=train&filter=open", "", nil); w.Code != 500 || !strings.Contains(w.Body.String(), "verdicts.jsonl:1: ") {
		t.Errorf("a damaged file: %d %s", w.Code, w.Body)
	}
}

// The queue is what a plain look at every pair gives: doubted by a round's scores, by agreement, place, margin, query and passage.
func TestQueue(t *testing.T) {
	run, v := opened(t, tinyrun.Options{Train: 25, Passages: 30, Depth: 30, Rounds: 3})
	var want []suspect
	margins, places := map[judgedPair][]float32{}, map[judgedPair]int32{}
	d := readOnly(t, run.Dir)
	pairs := map[judgedPair]bool{}
	for round := range 3 {
		must(t, d.EachMined(round, rundir.Train, func(m provenance.Row) error {
			for _, n := range m.Negatives {
				p, _ := v.run.corpora[0].corpus.ByID(n.ID)
				pairs[judgedPair{rundir.Train, v.run.sets[rundir.Train].byKey[m.Key], p}] = true
			}
			return nil
		}))
	}
	for pair := range pairs {
		for round := range 3 {
			found, err := v.run.candidates(round, rundir.Train)
			must(t, err)
			c, err := found.index.At(int(pair.query))
			must(t, err)
			for i, h := range c.Hits {
				if h.Passage != pair.passage {
					continue
				}
				place := int32(i)
				if r := c.Positives[0].Rank; r >= 0 && r < place {
					place--
				}
				if before, ok := places[pair]; !ok || place < before {
					places[pair] = place
				}
				if p := c.Positives[0].Score; h.Score >= p-0.05*p {
					margins[pair] = append(margins[pair], h.Score-p)
				}
			}
		}
	}
	for pair, m := range margins {
		want = append(want, suspect{Query: pair.query, Passage: pair.passage, Agree: int32(len(m)), Place: places[pair], Margin: slices.Max(m)})
	}
	slices.SortFunc(want, func(a, b suspect) int {
		switch {
		case a.Agree != b.Agree:
			return int(b.Agree - a.Agree)
		case a.Place != b.Place:
			return int(a.Place - b.Place)
		case a.Margin != b.Margin:
			return map[bool]int{true: -1, false: 1}[a.Margin > b.Margin]
		case a.Query != b.Query:
			return int(a.Query - b.Query)
		}
		return int(a.Passage - b.Passage)
	})
	if len(want) < 60 {
		t.Fatalf("%d doubted pairs show too little", len(want))
	}
	var got []suspect
	for page := 0; len(got) < len(want); page++ {
		l := get[list[suspectRow]](t, v, "queue", "split", "train", "filter", "open", "page", fmt.Sprint(page))
		if l.Total != len(want) || len(l.Rows) == 0 {
			t.Fatalf("page %d has %d rows of %d, want %d in all", page, len(l.Rows), l.Total, len(want))
		}
		for _, row := range l.Rows {
			p, _ := v.run.corpora[0].corpus.ByID(row.Passage.ID)
			one := suspect{Query: int32(row.Query.Index), Passage: p, Agree: row.Agree, Sources: row.Sources, Teachers: row.Teachers, Place: want[len(got)].Place}
			for _, r := range row.Rounds {
				if r.Score != nil && *r.Score >= *r.Positive-0.05**r.Positive {
					one.Margin = max(one.Margin, *r.Score-*r.Positive)
				}
			}
			if one.Margin == 0 { // below the positive in every round
				one.Margin = want[len(got)].Margin
			}
			got = append(got, one)
		}
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
}

func TestQueries(t *testing.T) {
	_, v := opened(t, tinyrun.Options{Dev: 120, Hostile: []string{"<b>ÄPFEL</b>"}})
	ranks := func(l list[queryRow], round int) (all []int32) {
		for _, row := range l.Rows {
			all = append(all, row.Ranks[round])
		}
		return all
	}
	page := func(parameters ...string) list[queryRow] {
		return get[list[queryRow]](t, v, "queries", append([]string{"split", "dev", "order", "file"}, parameters...)...)
	}
	last := page("page", "2")
	if last.Total != 120 || len(last.Rows) != 20 || last.Rows[0].Key != "dev-100" || len(last.Rows[0].Ranks) != 2 || last.Rows[0].Ranks[0] < 1 {
		t.Errorf("the last page is %+v", last)
	}
	if beyond := page("page", "99"); len(beyond.Rows) != 0 || beyond.Total != 120 {
		t.Errorf("a page beyond the end is %+v", beyond)
	}
	for search, want := range map[string]int{"äpfel": 1, "DEV-11": 11, "what is": 119, "nowhere": 0} { // dev-11 and dev-110 to dev-119
		if got := page("search", search); got.Total != want {
			t.Errorf("%q finds %d, want %d", search, got.Total, want)
		}
	}
	worst := ranks(get[list[queryRow]](t, v, "queries", "split", "dev", "order", "worst"), 1)
	if !slices.IsSortedFunc(worst, func(a, b int32) int { return int(b - a) }) {
		t.Errorf("worst first: %v", worst)
	}
	for order, sign := range map[string]int32{"rise": 1, "fall": -1} {
		l := get[list[queryRow]](t, v, "queries", "split", "dev", "order", order)
		if !slices.IsSortedFunc(l.Rows, func(a, b queryRow) int {
			return int(sign * ((b.Ranks[0] - b.Ranks[1]) - (a.Ranks[0] - a.Ranks[1])))
		}) {
			t.Errorf("%s: %v", order, l.Rows)
		}
	}
	for _, target := range []string{"queries?split=test", "queries?split=dev&order=best", "queries?split=dev&page=-1", "query?split=dev&index=120", "queue?split=train&filter=x", "queue?split=dev&filter=open", "passages?split=set-none&order=file", "passages?split=dev&order=x", "passage?split=dev&index=40", "compare?split=dev&a=0&b=9&order=change", "compare?split=dev&a=0&b=1&order=x"} {
		if w := request(v, "GET", "/api/"+target, "", nil); w.Code != 400 {
			t.Errorf("%s: %d %s", target, w.Code, w.Body)
		}
	}
}

func TestQueryMarksPositivesAndNegatives(t *testing.T) {
	_, v := opened(t, tinyrun.Options{Passages: 60, Depth: 60})
	q := get[queryView](t, v, "query", "split", "train", "index", "3")
	if q.Key != "train-3" || len(q.Rounds) != 2 || len(q.Positives) != 1 || q.Positives[0].ID != "p3" {
		t.Fatalf("%+v", q)
	}
	for _, round := range q.Rounds {
		positives, negatives := 0, 0
		for i, h := range round.Hits {
			if i > 0 && h.Rank <= round.Hits[i-1].Rank {
				t.Errorf("rank %d follows %d", h.Rank, round.Hits[i-1].Rank)
			}
			if h.Positive && h.ID == "p3" {
				positives++
			}
			if h.Negative && !h.Positive {
				negatives++
			}
		}
		if positives != 1 || negatives != tinyrun.Negatives || len(round.Hits) < shownHits || len(round.Hits) > shownHits+1+tinyrun.Negatives {
			t.Errorf("round %d: %d positives, %d negatives among %d hits", round.Round, positives, negatives, len(round.Hits))
		}
	}
	request(v, "POST", "/api/verdict", fmt.Sprintf(`{"query":"train-3","passage":%q,"verdict":"keep"}`, q.Rounds[0].Hits[0].ID), nil)
	if again := get[queryView](t, v, "query", "split", "train", "index", "3"); again.Rounds[0].Hits[0].Verdict != "keep" {
		t.Errorf("no verdict on %+v", again.Rounds[0].Hits[0])
	}
}

// A positive beyond the hits that were kept is shown all the same, at its rank.
func TestADeepPositiveIsShown(t *testing.T) {
	_, v := opened(t, tinyrun.Options{Passages: 200, Depth: 5, Rounds: 1})
	for i := range 8 {
		hits := get[queryView](t, v, "query", "split", "dev", "index", fmt.Sprint(i)).Rounds[0].Hits
		if last := hits[len(hits)-1]; !slices.ContainsFunc(hits, func(h hit) bool { return h.Positive }) || last.Rank < 5 {
			t.Errorf("query %d: %+v", i, hits)
		}
	}
}

func TestCompare(t *testing.T) {
	folder := t.TempDir()
	a, err := tinyrun.Write(folder, tinyrun.Options{Dev: 70})
	must(t, err)
	b, err := tinyrun.Write(folder, tinyrun.Options{Dev: 70, Seed: 9, Name: "other", Rounds: 1})
	must(t, err)
	v := open(t, a, b)
	got := get[comparison](t, v, "compare", "split", "dev", "a", "1", "b", "0", "order", "wins")
	if got.A != "tiny, round 1" || got.B != "other, round 0" || got.Better+got.Worse+got.Same != 70 || got.Alone != 0 || len(got.Notes) != 0 || got.List.Total != 70 {
		t.Errorf("%+v", got)
	}
	if !slices.IsSortedFunc(got.List.Rows, func(x, y comparedRow) int { return int((x.B - x.A) - (y.B - y.A)) }) {
		t.Errorf("not by wins: %+v", got.List.Rows)
	}
	same := get[comparison](t, open(t, a, nil), "compare", "split", "train", "a", "1", "b", "1", "order", "change")
	if same.Same != 12 || same.Better != 0 || same.Worse != 0 {
		t.Errorf("a round against itself: %+v", same)
	}
	other, err := tinyrun.Write(t.TempDir(), tinyrun.Options{Dev: 60, Passages: 50})
	must(t, err)
	strange := get[comparison](t, open(t, a, other), "compare", "split", "dev", "a", "0", "b", "0", "order", "losses")
	if strange.Alone != 10 || len(strange.Notes) != 2 || !strings.Contains(strange.Notes[0], "other data in corpus") {
		t.Errorf("runs of other data: %+v", strange)
	}
}

// A view opened before a round was mined shows the round when it is, and the new files when it is done anew.
func TestARunUnderWay(t *testing.T) {
	run, err := tinyrun.Begin(t.TempDir(), tinyrun.Options{})
	must(t, err)
	v := open(t, run, nil)
	if l := get[list[suspectRow]](t, v, "queue", "split", "train", "filter", "open"); l.Total != 0 {
		t.Errorf("%d doubted before anything was mined", l.Total)
	}
	state := func() string {
		v.mu.Lock()
		defer v.mu.Unlock()
		s, err := v.state()
		must(t, err)
		return s
	}
	last := state()
	for round, step := range []func() error{func() error { return run.Mine(0) }, func() error { return run.Train(0) }, func() error { return run.Score(0) }, func() error { return run.Finish(0) }, func() error { return run.Round(1) }} {
		must(t, step())
		now := state()
		if now == last {
			t.Errorf("step %d: no change is told", round)
		}
		last = now
		c := get[charts](t, v, "charts")
		if c.State != now || len(c.Drawings) == 0 || !strings.Contains(c.HTML, "<h1>") {
			t.Errorf("step %d: charts of state %s, want %s", round, c.State, now)
		}
	}
	one := get[queryView](t, v, "query", "split", "dev", "index", "0").Rounds[0]
	again, err := tinyrun.Begin(run.Folder, tinyrun.Options{Seed: 5})
	must(t, err)
	must(t, again.Mine(0))
	if two := get[queryView](t, v, "query", "split", "dev", "index", "0").Rounds[0]; cmp.Diff(one, two) == "" {
		t.Error("the old candidates are shown")
	}
}

// Rounds that mined nothing have no rankings, and that is no error.
func TestARunThatMinedNothing(t *testing.T) {
	_, v := opened(t, tinyrun.Options{Unmined: true})
	q := get[queryView](t, v, "query", "split", "dev", "index", "0")
	if len(q.Rounds) != 2 || q.Rounds[0].Searched || len(q.Rounds[0].Hits) != 0 {
		t.Errorf("%+v", q)
	}
	l := get[list[queryRow]](t, v, "queries", "split", "dev", "order", "worst")
	if l.Total != 8 || !slices.Equal(l.Rows[0].Ranks, []int32{0, 0}) {
		t.Errorf("%+v", l)
	}
	if queue := get[list[suspectRow]](t, v, "queue", "split", "train", "filter", "open"); queue.Total != 0 {
		t.Errorf("%+v", queue)
	}
	if a := get[about](t, v, "about"); len(a.Rounds) != 2 || len(a.Searched) != 0 {
		t.Errorf("%+v", a)
	}
}

// Server-sent events tell a change, and end with the request.
func TestEvents(t *testing.T) {
	run, err := tinyrun.Begin(t.TempDir(), tinyrun.Options{})
	must(t, err)
	v := open(t, run, nil)
	v.options.Poll = time.Millisecond
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		r.Host = testHost
		v.Handler().ServeHTTP(w, r)
	}))
	defer server.Close()
	ctx, cancel := context.WithCancel(t.Context())
	defer cancel()
	r, err := http.NewRequestWithContext(ctx, "GET", server.URL+"/events", nil)
	must(t, err)
	answer, err := http.DefaultClient.Do(r)
	must(t, err)
	defer answer.Body.Close()
	changes := func(want int) {
		t.Helper()
		var read strings.Builder
		buffer := make([]byte, 512)
		for strings.Count(read.String(), "event: changed\n") < want {
			n, err := answer.Body.Read(buffer)
			must(t, err)
			read.Write(buffer[:n])
		}
	}
	changes(1)
	must(t, run.Mine(0))
	changes(1)
}

func TestOpenRefusesOtherData(t *testing.T) {
	run, err := tinyrun.Write(t.TempDir(), tinyrun.Options{})
	must(t, err)
	if _, err := Open(t.Context(), Options{Dir: readOnly(t, run.Dir), Files: files(t.TempDir()), Token: "x"}); err == nil || !strings.Contains(err.Error(), "corpus") {
		t.Errorf("no files: %v", err)
	}
	if _, err := Open(t.Context(), Options{Dir: readOnly(t, run.Dir), Files: files(run.Folder)}); err == nil || !strings.Contains(err.Error(), "token") {
		t.Errorf("no token: %v", err)
	}
	f, err := os.OpenFile(files(run.Folder).Dev, os.O_APPEND|os.O_WRONLY, 0)
	must(t, err)
	_, err = f.WriteString("\n")
	must(t, err)
	must(t, f.Close())
	v := open(t, run, nil)
	if w := request(v, "GET", "/api/queries?split=dev&order=file", "", nil); w.Code != 500 || !strings.Contains(w.Body.String(), "candidates of other data") {
		t.Errorf("%d %s", w.Code, w.Body)
	}
}

// Texts go out as JSON and nothing else, so that no browser takes one for a page.
func TestTextsAreDataOnly(t *testing.T) {
	_, v := opened(t, tinyrun.Options{Hostile: []string{"</script><img src=x onerror=alert(1)>"}, Name: "<script>alert(1)<"})
	for _, target := range []string{"/api/about", "/api/charts", "/api/queries?split=dev&order=file", "/api/query?split=dev&index=0", "/api/queue?split=train&filter=open"} {
		w := request(v, "GET", target, "", nil)
		if kind := w.Header().Get("Content-Type"); kind != "application/json" || w.Header().Get("X-Content-Type-Options") != "nosniff" || strings.Contains(w.Body.String(), "<script") || strings.Contains(w.Body.String(), "<img") {
			t.Errorf("%s: %s %.200s", target, kind, w.Body)
		}
	}
	if page := request(v, "GET", "/", "", nil).Body.String(); strings.Contains(page, "<script>alert") || !strings.Contains(page, testToken) {
		t.Error("the page has the run's name as code, or no token")
	}
}

// snapshot is the content of every file below a folder.
func snapshot(t *testing.T, folder string) map[string]string {
	t.Helper()
	all := map[string]string{}
	must(t, filepath.WalkDir(folder, func(path string, entry fs.DirEntry, err error) error {
		if err != nil || entry.IsDir() {
			return err
		}
		content, err := os.ReadFile(path)
		name, _ := filepath.Rel(folder, path)
		all[filepath.ToSlash(name)] = string(content)
		return err
	}))
	return all
}

func must(t *testing.T, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

// counting counts how often each file is opened.
type counting struct {
	rundir.FS
	opened map[string]int
}

func (c counting) Open(path string) (io.ReadCloser, error) {
	c.opened[filepath.Base(path)]++
	return c.FS.Open(path)
}

// Charts of a run with sets are those of report.html, whether the view has the sets' texts or not, and share its files with the queue.
func TestChartsOfSets(t *testing.T) {
	run, err := tinyrun.Write(t.TempDir(), tinyrun.Options{Train: 4, Dev: 3, Rounds: 1, Sets: []string{"faq"}})
	must(t, err)
	for _, sets := range [][]SetFiles{nil, {{Name: "faq", Train: filepath.Join(run.Folder, "faq.jsonl")}}} {
		v := open(t, run, nil, sets...)
		files := counting{v.run.dir.FS, map[string]int{}}
		v.run.dir.FS = files
		got := get[charts](t, v, "charts")
		if len(got.Drawings["scores-set-0"].Points) == 0 || cmp.Equal(got.Drawings["scores-set-0"], got.Drawings["scores"]) {
			t.Errorf("%d sets: the set is not drawn", len(sets))
		}
		if len(sets) > 0 {
			get[list[suspectRow]](t, v, "queue", "split", "set-faq", "filter", "open")
		}
		if n := files.opened["negatives.jsonl"]; n != 2 { // the run's and the set's
			t.Errorf("%d sets: negatives.jsonl is opened %d times", len(sets), n)
		}
	}
}

// What charts and queue both read is parsed once, and the queue leaves the ranks that orders ask for.
func TestLargeFilesAreReadOnce(t *testing.T) {
	_, v := opened(t, tinyrun.Options{Rounds: 1})
	files := counting{v.run.dir.FS, map[string]int{}}
	v.run.dir.FS = files
	for _, target := range []string{"/api/charts", "/api/queue?split=train&filter=open", "/api/passages?split=train&order=mined", "/api/charts"} {
		if w := request(v, "GET", target, "", nil); w.Code != 200 {
			t.Fatalf("%s: %s", target, w.Body)
		}
	}
	if n := files.opened["negatives.jsonl"]; n != 1 {
		t.Errorf("negatives.jsonl is opened %d times", n)
	}
	before := files.opened["train.cand"]
	l := get[list[queryRow]](t, v, "queries", "split", "train", "order", "worst")
	if n := files.opened["train.cand"]; n != before || l.Rows[0].Ranks[0] < l.Rows[1].Ranks[0] {
		t.Errorf("train.cand is opened %d times, and %d before the ranks were asked for: %+v", n, before, l.Rows)
	}
}

// TestQueueBySources: the single sources of rounds that fuse several have their say by their own scores, one that knows no positive
// says nothing, and of reciprocal ranks only what stands above the positive is doubted.
func TestQueueBySources(t *testing.T) {
	run, v := opened(t, tinyrun.Options{Train: 25, Passages: 30, Depth: 18, Rounds: 2, Fused: true})
	set := v.run.sets[rundir.Train]
	pairs := map[judgedPair]bool{}
	for round := range 2 {
		must(t, readOnly(t, run.Dir).EachMined(round, rundir.Train, func(m provenance.Row) error {
			for _, n := range m.Negatives {
				p, _ := v.run.corpora[0].corpus.ByID(n.ID)
				pairs[judgedPair{rundir.Train, set.byKey[m.Key], p}] = true
			}
			return nil
		}))
	}
	type votes struct{ agree, sources int32 }
	want, silent := map[judgedPair]votes{}, 0
	doubts := func(r ranking.Ranked, passage int32, near float32) int32 {
		if len(r.Positives) != 1 {
			t.Fatalf("%d positives", len(r.Positives))
		}
		p := r.Positives[0]
		if p.Score == 0 {
			silent++
			return 0
		}
		for _, h := range r.Hits {
			if h.Passage == passage && h.Score >= p.Score-near*p.Score {
				return 1
			}
		}
		return 0
	}
	for pair := range pairs {
		var n votes
		for round := range 2 {
			found, err := v.run.candidates(round, rundir.Train)
			must(t, err)
			c, err := found.index.At(int(pair.query))
			must(t, err)
			n.agree += doubts(ranking.Ranked{Hits: c.Hits, Positives: c.Positives}, pair.passage, 0)
			for _, source := range c.Sources {
				n.sources += doubts(source, pair.passage, 0.05)
			}
		}
		if n.agree+n.sources > 0 {
			want[pair] = n
		}
	}
	if len(want) < 20 || silent == 0 {
		t.Fatalf("%d doubted pairs, %d rankings that do not know their positive: the case shows too little", len(want), silent)
	}
	var last int32
	for page, seen := 0, 0; seen < len(want); page++ {
		l := get[list[suspectRow]](t, v, "queue", "split", "train", "filter", "open", "page", fmt.Sprint(page))
		if l.Total != len(want) || len(l.Rows) == 0 {
			t.Fatalf("page %d has %d rows of %d, want %d in all", page, len(l.Rows), l.Total, len(want))
		}
		for _, row := range l.Rows {
			p, _ := v.run.corpora[0].corpus.ByID(row.Passage.ID)
			if got := (votes{row.Agree, row.Sources}); got != want[judgedPair{rundir.Train, int32(row.Query.Index), p}] {
				t.Errorf("%s and %s: %+v, want %+v", row.Query.Key, row.Passage.ID, got, want[judgedPair{rundir.Train, int32(row.Query.Index), p}])
			}
			if all := row.Agree + row.Sources; seen > 0 && all > last {
				t.Errorf("%d say so behind one of which %d do", all, last)
			}
			last = row.Agree + row.Sources
			seen++
			for _, r := range row.Rounds {
				if len(r.Sources) != 2 || r.Sources[0].Source != "dense" || r.Sources[1].Source != "bm25" || r.Sources[0].Positive == nil {
					t.Errorf("%s and %s: round %d: %+v", row.Query.Key, row.Passage.ID, r.Round, r.Sources)
				}
			}
		}
	}
}

// TestQueueByATeacher doubts what a round's teacher scores as high as the positive that it scores lowest, whatever the rankings say.
func TestQueueByATeacher(t *testing.T) {
	run, err := tinyrun.Write(t.TempDir(), tinyrun.Options{Train: 25, Passages: 30, Depth: 30, Rounds: 2})
	must(t, err)
	before := open(t, run, nil)
	rowOf := func(v *View, m provenance.Row, id string) *suspectRow {
		for page := 0; ; page++ {
			l := get[list[suspectRow]](t, v, "queue", "split", "train", "filter", "all", "page", fmt.Sprint(page))
			for _, row := range l.Rows {
				if row.Query.Key == m.Key && row.Passage.ID == id {
					return &row
				}
			}
			if (page+1)*len(l.Rows) >= l.Total || len(l.Rows) == 0 {
				return nil
			}
		}
	}
	path := rundir.Layout(run.Dir).Round(1).Negatives(rundir.Train)
	raw, err := os.ReadFile(path)
	must(t, err)
	var lines []string
	var first provenance.Row
	above := -1
	for line := range strings.Lines(string(raw)) {
		var row map[string]json.RawMessage
		var m provenance.Row
		must(t, json.Unmarshal([]byte(line), &row))
		must(t, json.Unmarshal(row[provenance.Key], &m))
		for i, n := range m.Negatives {
			if above < 0 && rowOf(before, m, n.ID) == nil { // one that no ranking doubts
				first, above = m, i
			}
		}
		if first.Key == m.Key && above >= 0 {
			pos, neg := make([]float32, len(m.Positives)), make([]float32, len(m.Negatives))
			for i := range pos {
				pos[i] = 0.5
			}
			neg[above] = 0.5
			row["pos_scores"], err = json.Marshal(pos)
			must(t, err)
			row["neg_scores"], err = json.Marshal(neg)
			must(t, err)
		}
		taught, err := json.Marshal(row)
		must(t, err)
		lines = append(lines, string(taught)+"\n")
	}
	if above < 0 {
		t.Fatal("every negative is doubted already")
	}
	was := get[list[suspectRow]](t, before, "queue", "split", "train", "filter", "all").Total
	must(t, os.WriteFile(path, []byte(strings.Join(lines, "")), 0o600))
	v := open(t, run, nil)
	got := rowOf(v, first, first.Negatives[above].ID)
	if got == nil || got.Agree != 0 || got.Teachers != 1 {
		t.Fatalf("doubted by the teacher alone: %+v", got)
	}
	if r := got.Rounds[1]; r.Teacher == nil || *r.Teacher != 0.5 || r.TeacherPositive == nil || *r.TeacherPositive != 0.5 || got.Rounds[0].Teacher != nil {
		t.Errorf("rounds %+v", got.Rounds)
	}
	for i, n := range first.Negatives {
		if row := rowOf(v, first, n.ID); i != above && row != nil && row.Teachers != 0 {
			t.Errorf("%s is doubted by the teacher: %+v", n.ID, row)
		}
	}
	if all := get[list[suspectRow]](t, v, "queue", "split", "train", "filter", "all").Total; all != was+1 {
		t.Errorf("%d are doubted, %d without a teacher", all, was)
	}
}
