//go:build browser

// The tests of this file look at the pages in a real browser: Chromium, which CI's step `browser` installs.
//
//	go test -tags browser -run TestBrowser ./view
//	go test -tags browser -run TestScreenshots ./view -screenshots ../docs/images -run-dir DEMO/runs/demo
package view_test

import (
	"context"
	"flag"
	"fmt"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/chromedp/cdproto/cdp"
	"github.com/chromedp/cdproto/emulation"
	"github.com/chromedp/cdproto/log"
	"github.com/chromedp/cdproto/network"
	"github.com/chromedp/cdproto/page"
	"github.com/chromedp/cdproto/runtime"
	"github.com/chromedp/chromedp"
	"github.com/chromedp/chromedp/kb"

	"github.com/quarry-ml/quarry/format/verdicts"
	"github.com/quarry-ml/quarry/internal/tinyrun"
	"github.com/quarry-ml/quarry/report"
	reportpage "github.com/quarry-ml/quarry/report/page"
	"github.com/quarry-ml/quarry/rundir"
	"github.com/quarry-ml/quarry/stats"
	"github.com/quarry-ml/quarry/view"
)

var (
	screenshots = flag.String("screenshots", "", "write the documentation's pictures to this folder, of -run-dir")
	runDir      = flag.String("run-dir", "", "run directory that -screenshots are taken of, two folders below its data")
)

// hostile is texts that do harm where one of them becomes code, or turns the direction of what stands beside it.
var hostile = []string{
	`<img src=x onerror="window.hostile=1">`,
	`</script><script>window.hostile=1</script>`,
	"\u202eright to left\u2067 \u05d0",
	`"><svg onload=window.hostile=1>`,
	`<iframe srcdoc="<script>parent.hostile=1</script>"></iframe>`,
	`'-window.hostile=1-' {{.}} ${window.hostile=1}`,
	`<!--<script>`,
}

// tab is a page in a browser, and what went wrong in it.
type tab struct {
	context.Context
	t *testing.T

	mu       sync.Mutex
	faults   []string // errors of the console, exceptions, dialogs
	requests []string // addresses asked for
}

func newTab(t *testing.T) *tab {
	t.Helper()
	options := append(chromedp.DefaultExecAllocatorOptions[:], chromedp.NoSandbox, chromedp.WindowSize(1280, 900))
	allocator, stop := chromedp.NewExecAllocator(t.Context(), options...)
	t.Cleanup(stop)
	ctx, end := chromedp.NewContext(allocator)
	t.Cleanup(end)
	b := &tab{Context: ctx, t: t}
	must(t, chromedp.Listen(ctx, b.listen))
	call(b, network.Enable, network.EnableParams{})
	call(b, log.Enable, cdp.Empty{})
	call(b, runtime.Enable, cdp.Empty{})
	return b
}

func (b *tab) listen(event any) {
	b.mu.Lock()
	defer b.mu.Unlock()
	switch e := event.(type) {
	case *runtime.EventExceptionThrown:
		b.faults = append(b.faults, fmt.Sprintf("exception: %+v", *e.ExceptionDetails))
	case *runtime.EventConsoleAPICalled:
		if e.Type == runtime.ConsoleAPICalledTypeError || e.Type == runtime.ConsoleAPICalledTypeWarning {
			b.faults = append(b.faults, fmt.Sprintf("console: %s %s", e.Type, e.Args[0].Value))
		}
	case *log.EventEntryAdded:
		if e.Entry.Level == log.EntryLevelError || e.Entry.Level == log.EntryLevelWarning {
			b.faults = append(b.faults, fmt.Sprintf("log: %s %s %s", e.Entry.Level, e.Entry.Text, e.Entry.URL))
		}
	case *page.EventJavascriptDialogOpening:
		b.faults = append(b.faults, "dialog: "+e.Message)
	case *network.EventRequestWillBeSent:
		b.requests = append(b.requests, e.Request.URL)
	}
}

// limit ends what hangs; it is no measure of speed.
const limit = 2 * time.Minute

// ask runs one action and returns its value.
func ask[T any](b *tab, action chromedp.Action[T]) T {
	b.t.Helper()
	ctx, cancel := context.WithTimeout(b, limit)
	defer cancel()
	v, err := chromedp.Run(ctx, action)
	if err != nil {
		b.mu.Lock()
		defer b.mu.Unlock()
		b.t.Fatalf("%v; faults %q", err, b.faults)
	}
	return v
}

func (b *tab) do(actions ...chromedp.Action[chromedp.Void]) {
	b.t.Helper()
	for _, action := range actions {
		ask(b, action)
	}
}

// call runs a command of the browser's protocol.
func call[P, R any](b *tab, command cdp.Command[P, R], parameters P) R {
	b.t.Helper()
	ctx, cancel := context.WithTimeout(b, limit)
	defer cancel()
	r, err := chromedp.Call(ctx, command, parameters)
	must(b.t, err)
	return r
}

// media has the page shown on a medium, in light or dark.
func (b *tab) media(medium, scheme string) {
	b.t.Helper()
	call(b, emulation.SetEmulatedMedia, emulation.SetEmulatedMediaParams{Media: medium, Features: []*emulation.MediaFeature{{Name: "prefers-color-scheme", Value: scheme}}})
}

// value evaluates an expression.
func value[T any](b *tab, expression string) T {
	b.t.Helper()
	return ask(b, chromedp.Evaluate[T](expression))
}

// act evaluates an expression for what it does.
func act(expression string) chromedp.Action[chromedp.Void] {
	return chromedp.Evaluate[chromedp.Void](expression)
}

// until waits for an expression to become true.
func (b *tab) until(expression string) {
	b.t.Helper()
	ctx, cancel := context.WithTimeout(b, limit)
	defer cancel()
	if _, err := chromedp.Run(ctx, chromedp.Poll[bool](expression, chromedp.WithPollingTimeout(limit), chromedp.WithPollingInterval(50*time.Millisecond))); err != nil {
		b.mu.Lock()
		defer b.mu.Unlock()
		b.t.Fatalf("%s: %v; faults %q", expression, err, b.faults)
	}
}

// clean fails where the page did anything that a good one does not: errors, code out of texts, requests of others.
func (b *tab) clean(own string) {
	b.t.Helper()
	if value[bool](b, "window.hostile !== undefined") {
		b.t.Error("a text ran as code")
	}
	b.mu.Lock()
	defer b.mu.Unlock()
	for _, fault := range b.faults {
		b.t.Error(fault)
	}
	for _, request := range b.requests {
		if !strings.HasPrefix(request, own) && !strings.HasPrefix(request, "data:") {
			b.t.Errorf("asked for %s", request)
		}
	}
}

// controls are what a person may work, in the order of the page, each with a name for who does not see it.
const controls = `[...document.querySelectorAll("a[href], button, input, select, summary, [tabindex='0']")].filter(e => !e.disabled && e.checkVisibility())`

// named is the name of the element e.
const named = `((e) => {
	const label = e.getAttribute("aria-label") || (e.getAttribute("aria-labelledby") || "").split(" ").map(id => id && document.getElementById(id).textContent).join(" ");
	return (label || (e.closest("label") ? e.closest("label").firstChild.textContent : e.textContent)).trim();
})(e)`

// reachable goes from control to control by the keyboard and fails where one is passed over, has no name, or shows no focus. least
// is how many the page has at least.
func (b *tab) reachable(least int) {
	b.t.Helper()
	for _, nameless := range value[[]string](b, controls+`.filter(e => !`+named+`).map(e => e.outerHTML.slice(0, 120))`) {
		b.t.Errorf("no name: %s", nameless)
	}
	b.do(act(`(() => { document.activeElement.blur(); getSelection().collapse(document.body, 0); window.wanted = ` + controls + `; window.reached = []; window.dim = []; })()`))
	n := value[int](b, `wanted.length`)
	if n < least {
		b.t.Errorf("%d controls, want %d or more", n, least)
	}
	for range n + 2 { // on the way from the last to the first the page itself may have the focus
		b.do(chromedp.KeyEvent(kb.Tab), act(`(() => { const e = document.activeElement; reached.push(e); if (e !== document.body && getComputedStyle(e).outlineStyle === "none") dim.push(e.outerHTML.slice(0, 120)); })()`))
	}
	for _, missed := range value[[]string](b, `wanted.filter(e => !reached.includes(e)).map(e => e.outerHTML.slice(0, 120))`) {
		b.t.Errorf("out of reach of the keyboard: %s", missed)
	}
	for _, dim := range value[[]string](b, `dim`) {
		b.t.Errorf("the focus does not show: %s", dim)
	}
}

// drawn says that every chart has its drawing.
const drawn = `document.querySelectorAll("[data-drawing]").length > 0 && [...document.querySelectorAll("[data-drawing]")].every(c => c.querySelector("svg[role=img] :is(path, rect, circle, text)"))`

func writeReport(t *testing.T, dir string) (file string) {
	t.Helper()
	d, err := rundir.Open(dir, rundir.OpenOptions{ReadOnly: true})
	if err != nil {
		t.Fatal(err)
	}
	p, err := reportpage.Read(d)
	if err != nil {
		t.Fatal(err)
	}
	file = filepath.Join(t.TempDir(), "report.html")
	if err := rundir.WriteFile(rundir.OS{}, file, p.Write); err != nil {
		t.Fatal(err)
	}
	return file
}

func TestBrowserReport(t *testing.T) {
	run, err := tinyrun.Write(t.TempDir(), tinyrun.Options{Hostile: hostile, Name: `"><img src=x onerror=window.hostile=1>`, Rounds: 3, ByQuery: true, Ranked: true, Test: 6})
	if err != nil {
		t.Fatal(err)
	}
	file := writeReport(t, run.Dir)
	b := newTab(t)
	b.do(chromedp.Navigate("file://" + file))
	b.until(drawn)
	if n := value[int](b, `document.querySelectorAll("[data-drawing]").length`); n < 10 {
		t.Errorf("%d charts", n)
	}
	if name := value[string](b, `document.querySelector("h1").textContent`); !strings.Contains(name, "<img") {
		t.Errorf("the run is called %q", name)
	}
	// The choice is marked in words, series have dashes and symbols of their own, and every chart has a name and a table.
	for what, expression := range map[string]string{
		"chosen epoch":          `document.querySelector("[data-drawing=eval-loss] svg").textContent.includes("★ chosen")`,
		"chosen step":           `["loss", "learning-rate"].every(c => { const svg = document.querySelector("[data-drawing=" + c + "] svg"); return svg.textContent.split("★ chosen").length === 4 && svg.querySelectorAll("g[aria-label=rule] line").length === 6; })`,
		"intervals":             `document.querySelectorAll('[data-drawing="measure-map-at-25"] svg g[aria-label=rule] line').length === 12 + 6`,
		"test":                  `[...document.querySelectorAll('[data-drawing="measure-map-at-25"] .legend li')].map(l => l.textContent).join("|") === "dev|test"`,
		"ranks after training":  `document.querySelector("[data-drawing=rank-trained] svg") !== null && ["0", "1", "2"].every(i => document.querySelector("[data-drawing=rank-trained-" + i + "] svg") !== null)`,
		"whose measures":        `document.querySelector("main").textContent.includes("Measures are as sentence-transformers has them.")`,
		"dashes":                `document.querySelectorAll('[data-drawing="seen-map-at-25"] svg [stroke-dasharray]').length > 0`,
		"names of charts":       `[...document.querySelectorAll("svg[role=img]")].every(s => s.getAttribute("aria-label").length > 20)`,
		"tables behind charts":  `[...document.querySelectorAll("figure")].every(f => f.querySelector("details table tbody tr"))`,
		"ids told once":         `new Set([...document.querySelectorAll("[id]")].map(e => e.id)).size === document.querySelectorAll("[id]").length`,
		"links that lead there": `[...document.querySelectorAll('a[href^="#"]')].every(a => document.getElementById(a.hash.slice(1)))`,
	} {
		if !value[bool](b, expression) {
			t.Errorf("no %s", what)
		}
	}
	// Names of files and models, and reasons, are hostile too, to the letter.
	for what, text := range map[string]string{
		`[data-drawing=lineage] svg`: `base <img src=x onerror`, "#lineage-numbers": "corpus.jsonl " + hostile[0], "#lineage-numbers tr:nth-child(2)": "train.jsonl " + hostile[1], "main": "the last is the best " + hostile[0],
	} {
		if got := value[string](b, fmt.Sprintf(`document.querySelector(%q).textContent`, what)); !strings.Contains(got, text) {
			t.Errorf("%s lacks %q", what, text)
		}
	}
	// By keyboard: a chart takes the focus and reads its values out, and a table opens.
	b.do(chromedp.Focus(`[data-drawing="measure-map-at-25"]`), chromedp.KeyEvent(kb.ArrowRight), chromedp.KeyEvent(kb.ArrowRight), chromedp.KeyEvent(kb.ArrowRight))
	if got := value[string](b, `document.querySelector('[data-drawing="measure-map-at-25"] output').textContent`); !regexp.MustCompile(`^round 0, dev, epoch 1: map@25 0\.2500, interval 0\.\d+ to 0\.\d+$`).MatchString(got) {
		t.Errorf("the chart reads out %q", got)
	}
	b.do(chromedp.Focus(`#loss-numbers summary`), chromedp.KeyEvent(kb.Enter))
	b.until(`document.querySelector("#loss-numbers").open && document.querySelector("#loss-numbers table").offsetHeight > 0`)
	// The ring that marks a value is where the value is drawn.
	if off := value[float64](b, `(() => {
		const chart = document.querySelector('[data-drawing="measure-map-at-25"]'), ring = chart.querySelector("circle[r='7']").getBoundingClientRect();
		const middle = (r) => [r.x + r.width / 2, r.y + r.height / 2], [x, y] = middle(ring);
		return Math.min(...[...chart.querySelectorAll("g[aria-label=dot] :is(circle, path)")].map(p => { const [u, v] = middle(p.getBoundingClientRect()); return Math.hypot(u - x, v - y); }));
	})()`); off > 2 {
		t.Errorf("the ring is %v pixels off", off)
	}
	// Light, dark and paper are one drawing in other colours; nothing sticks out of a narrow window.
	ground := `getComputedStyle(document.documentElement).backgroundColor`
	light := value[string](b, ground)
	b.media("", "dark")
	if dark := value[string](b, ground); dark == light {
		t.Errorf("dark is %s too", dark)
	}
	b.media("print", "dark")
	if paper := value[string](b, ground); paper != "rgb(255, 255, 255)" {
		t.Errorf("paper is %s", paper)
	}
	for what, expression := range map[string]string{
		"black words":                        `getComputedStyle(document.querySelector("h1")).color === "rgb(0, 0, 0)" && getComputedStyle(document.querySelector("figure p")).color === "rgb(51, 51, 51)"`,
		"charts in the colours of paper":     `[...document.querySelectorAll('[data-drawing="eval-loss"] svg g[aria-label=line] path')].every(p => getComputedStyle(p).stroke === "rgb(0, 96, 160)")`,
		"nothing that a screen alone needs":  `[...document.querySelectorAll("nav, footer, .skip, .readout, details:not([open])")].every(e => e.getClientRects().length === 0)`,
		"whole tables":                       `document.querySelector("#loss-numbers .scroll").clientHeight >= document.querySelector("#loss-numbers table").offsetHeight`,
		"charts, and the table that is open": `[...document.querySelectorAll("[data-drawing] svg[role=img]")].every(s => s.getBoundingClientRect().height > 100) && document.querySelector("#loss-numbers table").offsetHeight > 0`,
		"figures in one piece":               `[...document.querySelectorAll("figure")].every(f => getComputedStyle(f).breakInside === "avoid")`,
	} {
		if !value[bool](b, expression) {
			t.Errorf("paper has not %s", what)
		}
	}
	if pdf := ask(b, chromedp.PrintToPDF()); !strings.HasPrefix(string(pdf), "%PDF-") {
		t.Error("it does not print")
	}
	b.media("", "light")
	b.do(chromedp.Navigate("file://" + file))
	b.until(drawn)
	b.reachable(40)
	b.do(chromedp.EmulateViewport(400, 800), chromedp.Navigate("file://"+file))
	b.until(drawn)
	if wide := value[int](b, `document.documentElement.scrollWidth`); wide > 400 {
		t.Errorf("%d pixels wide in a window of 400", wide)
	}
	b.clean("file://" + file)
}

// served is a view on a port of its own.
func served(t *testing.T, dir, folder string, against string, sets ...view.SetFiles) (address string) {
	t.Helper()
	open := func(dir, folder string) (*rundir.Dir, view.Files) {
		d, err := rundir.Open(dir, rundir.OpenOptions{ReadOnly: true})
		if err != nil {
			t.Fatal(err)
		}
		files := view.Files{Corpus: filepath.Join(folder, "corpus.jsonl"), Train: filepath.Join(folder, "train.jsonl"), Dev: filepath.Join(folder, "dev.jsonl")}
		if test := filepath.Join(folder, "test.jsonl"); exists(test) {
			files.Held = []view.HeldFiles{{Split: rundir.Test, Queries: test}}
		}
		return d, files
	}
	listener, err := net.Listen("tcp4", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	o := view.Options{Host: listener.Addr().String(), Token: "secret", Poll: 50 * time.Millisecond}
	o.Dir, o.Files = open(dir, folder)
	o.Files.Sets = sets
	if against != "" {
		o.Against, o.AgainstFiles = open(against, folder)
	}
	v, err := view.Open(t.Context(), o)
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(t.Context())
	server := &http.Server{Handler: v.Handler(), BaseContext: func(net.Listener) context.Context { return ctx }}
	go func() { _ = server.Serve(listener) }()
	t.Cleanup(func() {
		cancel()
		_ = server.Close()
	})
	return "http://" + o.Host + "/"
}

func TestBrowserChartsMoveAsARunWrites(t *testing.T) {
	run, err := tinyrun.Begin(t.TempDir(), tinyrun.Options{Hostile: hostile, Epochs: 4})
	if err != nil {
		t.Fatal(err)
	}
	must(t, run.Mine(0))
	address := served(t, run.Dir, run.Folder, "")
	b := newTab(t)
	b.do(chromedp.Navigate(address))
	b.until(`document.querySelector("[data-drawing=scores] svg") !== null && document.getElementById("live").textContent === "live"`)
	b.do(act(`window.stays = true`))
	must(t, run.Train(0))
	b.until(`document.querySelector("[data-drawing=loss] svg") !== null`)
	before := value[int](b, `document.querySelectorAll("#loss tbody tr").length`)
	b.do(act(`document.querySelector("#loss-numbers").open = true`))
	d, err := rundir.Open(run.Dir, rundir.OpenOptions{})
	if err != nil {
		t.Fatal(err)
	}
	defer d.Close()
	must(t, run.AddSteps(d, 0, before+1, before+7))
	b.until(fmt.Sprintf(`document.querySelectorAll("#loss tbody tr").length === %d`, before+7))
	if !value[bool](b, `window.stays === true && document.querySelector("#loss-numbers").open`) {
		t.Error("the page was loaded again, or closed what was open")
	}
	b.clean(address)
}

func TestBrowserVerdictsAreSaved(t *testing.T) {
	run, err := tinyrun.Write(t.TempDir(), tinyrun.Options{Hostile: hostile, Train: 30, Passages: 60})
	if err != nil {
		t.Fatal(err)
	}
	address := served(t, run.Dir, run.Folder, "")
	b := newTab(t)
	b.do(chromedp.Navigate(address + "#negatives"))
	b.until(`document.querySelector("#suspect") !== null`)
	if about := value[string](b, `document.querySelector("main .quiet").textContent`); !strings.Contains(about, "teacher") {
		t.Errorf("the queue says of itself %q: nothing of teachers, who doubt too", about)
	}
	read := func() []verdicts.Verdict {
		content, err := os.ReadFile(rundir.Layout(run.Dir).Verdicts())
		if err != nil {
			t.Fatal(err)
		}
		all, err := verdicts.Read(strings.NewReader(string(content)), "verdicts.jsonl")
		if err != nil {
			t.Fatal(err)
		}
		return all
	}
	for i, press := range []struct {
		key  string
		want verdicts.Kind
	}{{"d", verdicts.Drop}, {"p", verdicts.Promote}, {"k", verdicts.Keep}} {
		shown := value[string](b, `document.querySelector("#suspect").textContent`)
		b.do(chromedp.KeyEvent(press.key))
		b.until(fmt.Sprintf(`document.querySelector("#suspect").textContent !== %q`, shown))
		all := read()
		if len(all) != i+1 || all[i].Verdict != press.want || !strings.Contains(shown, strings.Fields(all[i].PassageText)[0]) || all[i].At == "" {
			t.Fatalf("key %s left %+v", press.key, all)
		}
	}
	// Back to the last one, whose verdict is shown, and taken back.
	b.do(chromedp.KeyEvent(kb.ArrowLeft))
	b.until(`document.querySelector("#said").textContent === "Your verdict: keep"`)
	b.do(chromedp.KeyEvent("o"))
	b.until(`document.querySelector("#said").textContent === "No verdict yet"`)
	if latest := verdicts.Latest(read()); len(latest) != 2 {
		t.Errorf("%d verdicts hold", len(latest))
	}
	// By mouse, and after the page is loaded anew the judged are out of the queue.
	b.do(chromedp.Click(`button[data-verdict=promote]`))
	b.until(`document.querySelector("#said").textContent === "No verdict yet"`)
	if all := read(); len(all) != 5 || all[4].Verdict != verdicts.Promote {
		t.Errorf("after a click: %+v", all)
	}
	b.do(chromedp.Reload())
	b.until(`document.querySelector("#suspect") !== null`)
	b.do(chromedp.SetValue(`select`, "judged"), act(`document.querySelector("select").dispatchEvent(new Event("change"))`))
	b.until(`document.querySelector(".pager span").textContent.includes("3 in all")`)
	b.clean(address)
}

func TestBrowserQueriesAndComparison(t *testing.T) {
	folder := t.TempDir()
	run, err := tinyrun.Write(folder, tinyrun.Options{Hostile: hostile, Dev: 120, Rounds: 3})
	must(t, err)
	other, err := tinyrun.Write(folder, tinyrun.Options{Hostile: hostile, Dev: 120, Seed: 7, Name: "other"})
	must(t, err)
	address := served(t, run.Dir, folder, other.Dir)
	b := newTab(t)
	b.do(chromedp.Navigate(address + "#queries"))
	b.until(`document.querySelectorAll("table.list tbody tr").length === 50`)
	for i, text := range hostile { // to the letter, line ends and marks of direction too
		if got := value[string](b, fmt.Sprintf(`document.querySelectorAll("table.list tbody .text")[%d].textContent`, i)); got != text+" (dev)" {
			t.Errorf("shown as %q", got)
		}
	}
	b.do(chromedp.SendKeys(`input[type=search]`, "ONERROR"+kb.Enter))
	b.until(`document.querySelectorAll("table.list tbody tr").length === 1`)
	b.do(chromedp.Click(`button.open`))
	b.until(`document.querySelectorAll(".columns > section").length === 3`)
	if n := value[int](b, `document.querySelectorAll("li.positive .mark").length`); n != 3 {
		t.Errorf("%d positives marked, want one a round", n)
	}
	if n := value[int](b, `document.querySelectorAll("li.negative .mark").length`); n != 3*tinyrun.Negatives {
		t.Errorf("%d negatives marked", n)
	}
	b.do(chromedp.Navigate(address + "#compare"))
	b.until(`document.querySelectorAll("table.list tbody tr").length === 50`)
	if head := value[string](b, `document.querySelector("table.list thead").textContent`); !strings.Contains(head, "tiny, round 2") || !strings.Contains(head, "other, round 1") {
		t.Errorf("compared are %q", head)
	}
	if n := value[int](b, `[...document.querySelectorAll("main p span")].reduce((n, s) => n + Number(s.textContent.split(": ")[1]), 0)`); n == 0 || n > 120 {
		t.Errorf("%d queries better or worse", n)
	}
	b.clean(address)
}

// Passages are found by their text, show who knows them, and lead there and back; the sets of data.sets are looked at and judged like
// the run's own data.
func TestBrowserPassagesAndSets(t *testing.T) {
	folder := t.TempDir()
	run, err := tinyrun.Write(folder, tinyrun.Options{Hostile: hostile, Passages: 120, Depth: 60, Sets: []string{"faq", "gesetz_ä"}, Ranked: true})
	must(t, err)
	at := func(name string) string { return filepath.Join(folder, name) }
	address := served(t, run.Dir, folder, "", view.SetFiles{Name: "faq", Train: at("faq.jsonl")}, view.SetFiles{Name: "gesetz_ä", Corpus: at("gesetz_ä-corpus.jsonl"), Train: at("gesetz_ä.jsonl")})
	b := newTab(t)
	pick := func(n int, value string) { // the nth select of the page
		b.do(act(fmt.Sprintf(`(() => { const s = document.querySelectorAll("form.tools select")[%d]; s.value = %q; s.dispatchEvent(new Event("change")); })()`, n, value)))
	}
	b.do(chromedp.Navigate(address + "#passages"))
	b.until(`document.querySelectorAll("table.list tbody tr").length === 50`)
	for i, text := range hostile {
		if got := value[string](b, fmt.Sprintf(`document.querySelectorAll("table.list tbody .text")[%d].textContent`, i)); got != fmt.Sprintf("passage %d %s", i, text) {
			t.Errorf("shown as %q", got)
		}
	}
	b.do(chromedp.SendKeys(`input[type=search]`, "PASSAGE 4 <iframe"+kb.Enter))
	b.until(`document.querySelectorAll("table.list tbody tr").length === 1`)
	b.do(chromedp.Click(`table.list button.open`))
	b.until(fmt.Sprintf(`document.querySelector("h1").textContent === %q && document.querySelector("tr.positive") !== null`, "Passage p4 "+hostile[4]))
	if got := value[string](b, `document.querySelector("tr.positive").textContent`); !strings.Contains(got, hostile[4]+" (train)") || !strings.Contains(got, "✓ positive") || !regexp.MustCompile(`\d+ \(\d\.\d{4}\)\d+ \(\d\.\d{4}\)$`).MatchString(got) {
		t.Errorf("its query is shown as %q", got)
	}
	pick(0, "set-faq")
	b.until(`document.querySelector("tr.positive") !== null && document.querySelector("tr.positive").textContent.includes("(faq)")`)
	b.do(chromedp.Click(`tr.positive button.open`))
	b.until(fmt.Sprintf(`document.querySelectorAll(".columns > section").length === 2 && document.querySelector("h1").textContent === %q`, "Query faq-4 "+hostile[4]+" of set-faq"))
	b.do(chromedp.Click(`li.negative button.open`))
	b.until(`document.querySelector("h1").textContent.startsWith("Passage p") && [...document.querySelectorAll("tr.negative")].some(r => r.textContent.includes("(faq)") && r.textContent.includes("✗ mined"))`)
	// The other corpus.
	b.do(chromedp.Navigate(address + "#passages"))
	b.until(`document.querySelectorAll("form.tools select").length === 2`)
	pick(0, "set-gesetz_ä")
	b.until(`document.querySelector("table.list tbody bdi").textContent.startsWith("gesetz_ä p4 <iframe")`) // what is searched stays
	b.do(chromedp.Click(`table.list button.open`))
	b.until(`document.querySelector("tr.positive") !== null && document.querySelector("tr.positive").textContent.includes("(gesetz_ä)")`)
	// Its queries and its queue, with the same keys.
	b.do(chromedp.Navigate(address + "#queries"))
	b.until(`document.querySelectorAll("form.tools select").length === 2`)
	pick(0, "set-gesetz_ä")
	b.until(`document.querySelectorAll("table.list tbody tr").length === 12 && document.querySelector("table.list").textContent.includes("(gesetz_ä)")`)
	b.do(chromedp.Navigate(address + "#negatives"))
	b.until(`document.querySelectorAll("button[data-verdict]").length === 3 && document.querySelector("#unused") !== null`)
	pick(0, "set-gesetz_ä")
	b.until(`document.querySelector("#suspect .text").textContent.includes("(gesetz_ä)") && document.querySelectorAll("button[data-verdict]").length === 3 && document.querySelector("#unused") !== null`)
	shown := value[string](b, `document.querySelector("#suspect").textContent`)
	b.do(chromedp.KeyEvent("d"))
	b.until(fmt.Sprintf(`document.querySelector("#suspect").textContent !== %q`, shown))
	if saved, err := os.ReadFile(rundir.Layout(run.Dir).Verdicts()); err != nil || !strings.Contains(string(saved), `"verdict":"drop","query":"gesetz_ä-`) || !strings.Contains(string(saved), `"passage":"gesetz_ä p`) {
		t.Errorf("saved is %s, %v", saved, err)
	}
	// Miners alone have ranked a set; what is chosen of dev goes over to them.
	b.do(chromedp.Navigate(address + "#compare"))
	b.until(`document.querySelector("table.list thead") !== null && document.querySelector("table.list thead").textContent.includes("round 1, epoch 3")`)
	pick(0, "set-gesetz_ä")
	b.until(`document.querySelector("table.list thead").textContent === "queryrank in tiny, round 0rank in tiny, round 1change" && document.querySelector("table.list tbody").textContent.includes("(gesetz_ä)")`)
	b.do(chromedp.Navigate(address + "#query/%E0%A4%A"))
	b.until(`document.querySelector("h1").textContent.includes("tiny")`)
	b.clean(address)
}

// TestBrowserTraining looks at what training did: beside each query's ranking by the miner, and between two runs whose miners rank
// alike.
func TestBrowserTraining(t *testing.T) {
	folder := t.TempDir()
	run, err := tinyrun.Write(folder, tinyrun.Options{Hostile: hostile, Dev: 60, Test: 30, Rounds: 1, Ranked: true})
	must(t, err)
	other, err := tinyrun.Write(folder, tinyrun.Options{Hostile: hostile, Dev: 60, Test: 30, Rounds: 1, Ranked: true, Rise: 0.02, Name: "other"})
	must(t, err)
	address := served(t, run.Dir, folder, other.Dir)
	b := newTab(t)
	b.do(chromedp.Navigate(address + "#queries"))
	b.until(`document.querySelectorAll("table.list tbody tr").length === 50`)
	if head := value[string](b, `document.querySelector("table.list thead").textContent`); !strings.Contains(head, "before training") || !strings.Contains(head, "round 0 epoch 3 (chosen)") {
		t.Errorf("the list has %q", head)
	}
	b.do(chromedp.Click(`button.open`))
	b.until(`document.querySelectorAll(".columns > section").length === 3`)
	if heads := value[string](b, `[...document.querySelectorAll(".columns > section h2")].map(h => h.textContent).join("|")`); heads != "Round 0: its miner|Before training|Round 0 epoch 3 (chosen)" {
		t.Errorf("a query has %q", heads)
	}
	if n := value[int](b, `document.querySelectorAll(".columns > section li.positive .mark").length`); n != 3 {
		t.Errorf("%d positives marked, want one a ranking", n)
	}
	b.do(chromedp.Navigate(address + "#compare"))
	b.until(`document.querySelectorAll("table.list tbody tr").length === 50`)
	if head := value[string](b, `document.querySelector("table.list thead").textContent`); !strings.Contains(head, "tiny, round 0, epoch 3") || !strings.Contains(head, "other, round 0, epoch 3") {
		t.Errorf("compared are %q", head)
	}
	if told := value[string](b, `document.querySelector("main p .better").textContent + document.querySelector("main p .worse").textContent`); !regexp.MustCompile(`^▲ B better: 0▼ B worse: [1-9]\d*$`).MatchString(told) {
		t.Errorf("told %q", told)
	}
	// A query of the list opens with the rankings of both runs, side by side, at the ranks of the list; the other run puts the positive lower.
	ranks := value[string](b, `[...document.querySelectorAll("table.list tbody tr:first-child td.number")].slice(0, 2).map(c => c.textContent).join("|")`)
	b.do(chromedp.Click(`table.list button.open`))
	b.until(`document.querySelectorAll(".columns > section").length === 2`)
	if heads := value[string](b, `[...document.querySelectorAll(".columns > section h2")].map(h => h.textContent).join("|")`); heads != "A: tiny, round 0, epoch 3|B: other, round 0, epoch 3" {
		t.Errorf("a compared query has %q", heads)
	}
	if got := value[string](b, `[...document.querySelectorAll(".columns > section")].map(s => s.querySelector("li.positive span").textContent).join("|")`); got != ranks {
		t.Errorf("positives stand at %q, and in the list at %q", got, ranks)
	}
	if left := value[bool](b, `(() => { const [x, y] = [...document.querySelectorAll(".columns > section")].map(s => s.getBoundingClientRect()); return x.right <= y.left && x.top === y.top && document.querySelector("#tabs a[aria-current]").textContent === "Compare"; })()`); !left {
		t.Error("the two do not stand side by side under Compare")
	}
	b.do(act(`location.hash = document.querySelector("main a").hash`))
	b.until(`document.querySelectorAll("table.list tbody tr").length === 50`)
	choose := func(tool int, option string) {
		b.do(act(fmt.Sprintf(`(() => { const s = document.querySelectorAll("form.tools select")[%d]; s.value = %q; s.dispatchEvent(new Event("change")); })()`, tool, option)))
	}
	choose(1, "0")
	b.until(`document.querySelector("table.list thead").textContent.includes("rank in tiny, round 0rank")`)
	choose(0, "train") // which miners alone have ranked
	b.until(`document.querySelector("table.list thead").textContent.includes("rank in other, round 0change")`)
	if same := value[string](b, `[...document.querySelectorAll("main p")].map(p => p.textContent).find(t => t.includes("same"))`); !strings.Contains(same, "B better: 0 · ▼ B worse: 0") {
		t.Errorf("the miners: %q", same)
	}
	choose(0, "test") // which the base and the chosen epoch alone have ranked
	b.until(`document.querySelector("#of-test") !== null && document.querySelector("table.list thead").textContent.includes("tiny, round 0, epoch 3") && document.querySelector("table.list tbody").textContent.includes("(test)")`)
	if options := value[string](b, `[...document.querySelectorAll("form.tools select")[1].options].map(o => o.value).join(" ")`); options != "0/0 0/3" {
		t.Errorf("test is compared by %s", options)
	}
	b.do(chromedp.Click(`table.list button.open`))
	b.until(`document.querySelectorAll(".columns > section").length === 2 && document.querySelector("h1").textContent.endsWith(" of test") && document.querySelectorAll("li.positive").length === 2`)
	b.do(chromedp.Navigate(address + "#negatives"))
	b.until(`document.querySelector("#unused") !== null && document.querySelector("#unused").textContent.includes("runs/tiny/verdicts.jsonl")`)
	b.clean(address)
}

// TestBrowserComparison looks at the page of a comparison, whose names and texts are hostile.
func TestBrowserComparison(t *testing.T) {
	side := func(name string, gain float64) report.Side {
		s := report.Side{Name: name, On: rundir.Dev, Convention: "trec_eval", Measures: []string{"map@25", "recall@5"}}
		for i := range 6 {
			s.Queries = append(s.Queries, report.SideQuery{ID: fmt.Sprint("q", i), Values: []float64{0.25 + gain*float64(i%3), 0.5}, Labels: map[string]string{"topic": hostile[i%len(hostile)]}})
		}
		return s
	}
	c, err := report.Compare(side("base", 0), []report.Side{side(hostile[0], 0.25)}, report.CompareOptions{By: []string{"topic"}, Stats: stats.Options{Level: 0.9, Resamples: 100, Seed: 1}})
	must(t, err)
	file := filepath.Join(t.TempDir(), "compare.html")
	must(t, rundir.WriteFile(rundir.OS{}, file, reportpage.OfComparisons(report.Comparisons{c}, report.CompareWriteOptions{Show: 2, Texts: map[rundir.Split]map[string]string{c.On: {"q2": hostile[1]}}}).Write))
	b := newTab(t)
	b.do(chromedp.Navigate("file://" + file))
	b.until(drawn)
	measures := `[data-drawing="set-0-other-0-measures"]`
	if n := value[int](b, `document.querySelectorAll('`+measures+` svg g[aria-label=dot] circle').length`); n != 2 {
		t.Errorf("%d differences are drawn of two", n)
	}
	b.do(chromedp.Focus(measures), chromedp.KeyEvent(kb.ArrowRight))
	if got := value[string](b, `document.querySelector('`+measures+` output').textContent`); !regexp.MustCompile(`^map@25: \+0\.250, interval \+0\.\d+ to \+0\.\d+$`).MatchString(got) {
		t.Errorf("the chart reads out %q", got)
	}
	if off := value[float64](b, `(() => {
		const chart = document.querySelector('`+measures+`'), middle = (e) => { const r = e.getBoundingClientRect(); return [r.x + r.width / 2, r.y + r.height / 2]; };
		const [x, y] = middle(chart.querySelector("circle[r='7']")), [u, v] = middle(chart.querySelector("g[aria-label=dot] circle"));
		return Math.hypot(u - x, v - y);
	})()`); off > 2 {
		t.Errorf("the ring is %v pixels off", off)
	}
	b.clean("file://" + file)
}

// TestBrowserFolds looks at the page of settings on folds, and at that of one setting, whose names are hostile.
func TestBrowserFolds(t *testing.T) {
	value3 := func(mean float64) report.FoldValue {
		return report.FoldValue{Folds: []float64{mean - 0.05, mean, mean + 0.05}, Mean: mean, Deviation: 0.05, Pooled: stats.Interval{Mean: mean, Low: mean - 0.02, High: mean + 0.02, Level: 0.95, Units: 30}}
	}
	folds := func(gain float64) *report.FoldSummary {
		s := &report.FoldSummary{Runs: []string{hostile[0], hostile[1], "c"}, Convention: "trec_eval", Measures: []string{"map@25", "recall@5"}, Queries: 30, Level: 0.95}
		for epoch := range 4 {
			row := report.FoldRow{Epoch: epoch, Values: []report.FoldValue{value3(0.2 + gain*float64(epoch)), value3(0.5)}}
			if epoch == 3 {
				row.Epoch = -1
			}
			row.Parts = [2]report.FoldPart{{Queries: 20, Values: row.Values}, {Queries: 10, Values: row.Values}}
			s.Rows = append(s.Rows, row)
		}
		s.Others = []report.FoldSet{{Name: hostile[3], On: rundir.AlsoSplit("general"), Queries: 9, Rows: s.Rows}}
		return s
	}
	against := &report.Contrast{}
	against.Measure, against.First, against.Second = "map@25", 0.3, 0.4
	against.Difference = stats.Interval{Mean: 0.1, Low: 0.05, High: 0.15, Level: 0.95, Units: 30}
	all := &report.CrossValidation{Metric: "map@25", Chosen: 1, Settings: []report.SettingSummary{
		{Name: hostile[4], Folds: folds(0.05), Value: value3(0.3), Against: against}, {Name: "slow", Folds: folds(0.1), Value: value3(0.4)},
	}}
	one := &report.CrossValidation{Metric: "map@25", Settings: all.Settings[1:]}
	for _, tc := range []struct {
		name   string
		folds  *report.CrossValidation
		charts int
		first  string // chart of map@25
	}{
		// Of each setting two measures, whole and by parts, on dev and on another set; and how far settings are behind.
		{"settings", all, 17, "setting-1-map-at-25"},
		{"one setting", one, 8, "folds-map-at-25"},
	} {
		t.Run(tc.name, func(t *testing.T) {
			file := filepath.Join(t.TempDir(), "folds.html")
			must(t, rundir.WriteFile(rundir.OS{}, file, reportpage.OfCrossValidation(tc.folds).Write))
			b := newTab(t)
			b.do(chromedp.Navigate("file://" + file))
			b.until(drawn)
			if n := value[int](b, `document.querySelectorAll("[data-drawing]").length`); n != tc.charts {
				t.Errorf("%d charts, want %d", n, tc.charts)
			}
			chart := `[data-drawing="` + tc.first + `"]`
			// Three epochs over all folds, in the least and in the greatest, the choices apart; intervals of the first.
			for what, want := range map[string]int{"g[aria-label=line] path": 3, "g[aria-label=dot] :is(circle, path)": 9, "g[aria-label=rule] line": 3} {
				if n := value[int](b, `document.querySelectorAll('`+chart+` svg `+what+`').length`); n != want {
					t.Errorf("%s: %d drawn, want %d", what, n, want)
				}
			}
			if legend := value[string](b, `[...document.querySelectorAll('`+chart+` .legend li')].map(l => l.textContent).join("|")`); legend != "all folds|least fold|greatest fold" {
				t.Errorf("series %q", legend)
			}
			b.do(chromedp.Focus(chart), chromedp.KeyEvent(kb.ArrowRight), chromedp.KeyEvent(kb.ArrowRight))
			if got := value[string](b, `document.querySelector('`+chart+` output').textContent`); !strings.Contains(got, "map@25 0.") {
				t.Errorf("the chart reads out %q", got)
			}
			if text := value[string](b, `document.querySelector("main").textContent`); !strings.Contains(text, "measures as trec_eval has them") || !strings.Contains(text, hostile[3]) {
				t.Error("the page names neither the convention of its measures nor the other set")
			}
			b.reachable(2 * tc.charts)
			b.clean("file://" + file)
		})
	}
}

// TestBrowserKeyboard goes through every place of the view by the keyboard alone.
func TestBrowserKeyboard(t *testing.T) {
	run, err := tinyrun.Write(t.TempDir(), tinyrun.Options{Train: 6, Dev: 4, Passages: 12, Sets: []string{"faq"}, Ranked: true})
	must(t, err)
	address := served(t, run.Dir, run.Folder, "", view.SetFiles{Name: "faq", Train: filepath.Join(run.Folder, "faq.jsonl")})
	b := newTab(t)
	for _, place := range []struct {
		hash, ready string
		least       int
	}{
		{"queries", `document.querySelectorAll("table.list tbody tr").length === 4`, 14},
		{"query/dev/1", `document.querySelectorAll(".columns > section").length === 6`, 40},
		{"passages", `document.querySelectorAll("table.list tbody tr").length === 12`, 20},
		{"passage/train/1", `document.querySelector("tr.positive") !== null`, 8},
		{"negatives", `document.querySelector("#suspect") !== null`, 14},
		{"compare", `document.querySelectorAll("table.list tbody tr").length === 4`, 14},
		{"pair/dev/1/0%2F0/1%2F3", `document.querySelectorAll(".columns > section").length === 2`, 28},
		{"charts", drawn, 20},
	} {
		b.do(chromedp.Navigate(address + "#" + place.hash))
		b.until(place.ready)
		b.reachable(place.least)
		if t.Failed() {
			t.Fatal("in ", place.hash)
		}
	}
	b.clean(address)
}

// TestScreenshots takes the pictures of the documentation; CI, which is not told where to, does not run it.
func TestScreenshots(t *testing.T) {
	if *screenshots == "" || *runDir == "" {
		t.Fatal("give -screenshots FOLDER and -run-dir DIR")
	}
	b := newTab(t)
	file := writeReport(t, *runDir)
	shoot := func(name string) {
		b.do(chromedp.Sleep(300 * time.Millisecond)) // for what moves
		must(t, os.WriteFile(filepath.Join(*screenshots, name+".png"), ask(b, chromedp.CaptureScreenshot()), 0o644))
	}
	b.do(chromedp.EmulateViewport(1200, 1500), chromedp.Navigate("file://"+file))
	b.until(drawn)
	shoot("report")
	b.do(chromedp.EmulateViewport(1200, 900))
	b.media("", "dark")
	b.do(act(`document.getElementById("negatives").scrollIntoView()`))
	shoot("report-dark")
	b.do(act(`document.getElementById("ranks").scrollIntoView()`))
	b.media("", "light")
	shoot("report-ranks")
	b.media("", "light")
	address := served(t, *runDir, filepath.Join(*runDir, "..", ".."), "")
	b.do(chromedp.EmulateViewport(1200, 760), chromedp.Navigate(address+"#negatives"))
	b.until(`document.querySelector("#suspect") !== null`)
	shoot("view-negatives")
	b.do(chromedp.Navigate(address + "#queries"))
	b.until(`document.querySelectorAll("table.list tbody tr").length > 0`)
	b.do(chromedp.Click(`tbody tr:nth-child(2) button.open`))
	b.until(`document.querySelectorAll(".columns > section").length > 0`)
	shoot("view-query")
	b.do(chromedp.Click(`li.negative button.open`))
	b.until(`document.querySelectorAll("tr.negative").length > 0`)
	shoot("view-passage")
	b.do(chromedp.Navigate(address + "#compare"))
	b.until(`document.querySelector("form.tools") !== null && document.querySelectorAll("table.list tbody tr").length > 0`)
	shoot("view-compare")
}

func exists(path string) bool {
	_, err := os.Stat(path)
	return err == nil
}

func must(t *testing.T, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}
