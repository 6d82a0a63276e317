package page

import (
	"fmt"
	"maps"
	"math"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"testing"
)

// theme is the colours of one medium and scheme, by their names in the style sheet.
type theme map[string]rgb

type rgb [3]float64 // from 0 to 255

var (
	declaration = regexp.MustCompile(`--([a-z0-9-]+): #([0-9a-f]{6});`)
	rootRule    = regexp.MustCompile(`(?s)(@media \([^)]*\) \{|@media print \{)?\s*:root \{(.*?)\}`)
	anyRule     = regexp.MustCompile(`([^{}]+)\{([^{}]*)\}`)
	colourOf    = regexp.MustCompile(`(?:^|[; ])color: var\(--([a-z0-9-]+)\)`)
	groundOf    = regexp.MustCompile(`background: var\(--([a-z0-9-]+)\)`)
	used        = regexp.MustCompile(`var\(--([a-z0-9-]+)\)`)
)

func readStyles(t *testing.T) (report, view, charts string) {
	t.Helper()
	for path, text := range map[string]*string{"style.css": &report, filepath.Join("..", "..", "view", "app", "app.css"): &view, "charts.js": &charts} {
		content, err := os.ReadFile(path)
		if err != nil {
			t.Fatal(err)
		}
		*text = string(content)
	}
	return report, view, charts
}

// themes are the colours in light, in dark, and on paper whatever the scheme: paper's rules come last and name every colour.
func themes(t *testing.T, style string) map[string]theme {
	t.Helper()
	all := map[string]theme{}
	for _, rule := range rootRule.FindAllStringSubmatch(style, -1) {
		name := map[string]string{"": "light", "@media (prefers-color-scheme: dark) {": "dark", "@media print {": "print"}[rule[1]]
		if name == "" {
			t.Fatalf("colours of an unknown medium: %s", rule[1])
		}
		colours := theme{}
		for _, d := range declaration.FindAllStringSubmatch(rule[2], -1) {
			n, err := strconv.ParseUint(d[2], 16, 32)
			if err != nil {
				t.Fatal(err)
			}
			colours[d[1]] = rgb{float64(n >> 16), float64(n >> 8 & 255), float64(n & 255)}
		}
		all[name] = colours
	}
	if len(all) != 3 || strings.Index(style, "@media print") < strings.Index(style, "(prefers-color-scheme: dark)") {
		t.Fatalf("%d themes, want light, dark and then print", len(all))
	}
	for name, colours := range all {
		if got, want := slices.Sorted(maps.Keys(colours)), slices.Sorted(maps.Keys(all["light"])); !slices.Equal(got, want) {
			t.Fatalf("%s has the colours %v, want %v: what it leaves out is another theme's", name, got, want)
		}
	}
	return all
}

// luminance is the relative luminance of WCAG 2.
func (c rgb) luminance() float64 {
	sum := 0.0
	for i, weight := range []float64{0.2126, 0.7152, 0.0722} {
		v := c[i] / 255
		if v <= 0.04045 {
			v /= 12.92
		} else {
			v = math.Pow((v+0.055)/1.055, 2.4)
		}
		sum += weight * v
	}
	return sum
}

// contrast is the contrast ratio of WCAG 2, from 1 to 21.
func (c rgb) contrast(other rgb) float64 {
	a, b := c.luminance(), other.luminance()
	return (max(a, b) + 0.05) / (min(a, b) + 0.05)
}

// over is the colour at an opacity over a ground.
func (c rgb) over(ground rgb, opacity float64) rgb {
	for i := range c {
		c[i] = opacity*c[i] + (1-opacity)*ground[i]
	}
	return c
}

// What WCAG asks of text and of what else has to be seen (1.4.3 and 1.4.11, level AA).
const (
	textContrast = 4.5
	lineContrast = 3
)

func TestContrastByHand(t *testing.T) {
	white, black, grey := rgb{255, 255, 255}, rgb{}, rgb{119, 119, 119}
	if got := white.contrast(black); math.Abs(got-21) > 1e-9 {
		t.Errorf("white on black has %v", got)
	}
	if got := grey.contrast(white); math.Abs(got-4.478) > 0.001 { // the known neighbour of #767676, the lightest grey that passes
		t.Errorf("#777777 on white has %v", got)
	}
}

// TestEveryColourStandsOut computes the contrast of everything that is read or looked for, on every ground that it may stand on, in
// light, dark and print, for report and view.
func TestEveryColourStandsOut(t *testing.T) {
	report, view, charts := readStyles(t)
	intervals, err := strconv.ParseFloat(regexp.MustCompile(`strokeOpacity: ([0-9.]+)`).FindStringSubmatch(charts)[1], 64)
	if err != nil {
		t.Fatal(err)
	}
	for name, colours := range themes(t, report) {
		check := func(what string, colour, ground rgb, least float64) {
			t.Helper()
			if got := colour.contrast(ground); got < least {
				t.Errorf("%s: %s has a contrast of %.2f, want %v", name, what, got, least)
			}
		}
		grounds := map[string]rgb{"ground": colours["ground"], "panel": colours["panel"], "a positive": colours["good"].over(colours["ground"], 0.12)}
		if !strings.Contains(view, "color-mix(in srgb, var(--good) 12%, transparent)") {
			t.Fatal("positives have another ground than this test")
		}
		texts := map[string]bool{}
		for _, rule := range anyRule.FindAllStringSubmatch(report+view, -1) {
			ink, ground := colourOf.FindStringSubmatch(rule[2]), groundOf.FindStringSubmatch(rule[2])
			switch {
			case ink != nil && ground != nil:
				check(strings.TrimSpace(rule[1]), colours[ink[1]], colours[ground[1]], textContrast)
			case ink != nil:
				texts[ink[1]] = true
			case ground != nil && grounds[ground[1]] == rgb{}:
				t.Errorf("%s has the ground %s, which this test does not hold colours against", rule[1], ground[1])
			}
		}
		if got := slices.Sorted(maps.Keys(texts)); !slices.Equal(got, []string{"bad", "good", "link", "quiet", "text"}) {
			t.Errorf("texts have the colours %v", got)
		}
		for ground, of := range grounds {
			for ink := range texts {
				check(ink+" on "+ground, colours[ink], of, textContrast)
			}
			check("the focus on "+ground, colours["link"], of, lineContrast)
		}
		for i := range 6 {
			series := colours[fmt.Sprint("s", i)]
			check(fmt.Sprintf("series %d", i), series, colours["ground"], lineContrast)
			check(fmt.Sprintf("the interval of series %d", i), series.over(colours["ground"], intervals), colours["ground"], lineContrast)
		}
		check("the ring", colours["bad"], colours["ground"], lineContrast)
		for _, ground := range []string{"ground", "panel"} {
			check("the edge of a control on "+ground, colours["edge"], colours[ground], lineContrast)
		}
		for share := 0.0; share <= 1; share += 0.05 {
			check(fmt.Sprintf("text in a cell of %.2f", share), colours["cell-text"], colours["cell-high"].over(colours["cell-low"], share), textContrast)
		}
	}
	// Nothing has a colour that no theme knows, so that nothing is left in the colours of another one.
	known := slices.Collect(maps.Keys(themes(t, report)["light"]))
	for _, text := range []string{report, view, charts} {
		for _, name := range used.FindAllStringSubmatch(text, -1) {
			if !slices.Contains(known, name[1]) {
				t.Errorf("the colour %s is in no theme", name[1])
			}
		}
	}
	for _, literal := range regexp.MustCompile(`#[0-9a-fA-F]{3,8}\b|\brgba?\(|\bhsla?\(`).FindAllString(view+charts+rootRule.ReplaceAllString(report, ""), -1) {
		t.Errorf("the colour %s is no theme's", literal)
	}
	if !regexp.MustCompile(`input, select, button \{[^}]*border: 1px solid var\(--edge\)`).MatchString(view) {
		t.Error("controls have another edge than this test")
	}
}

// TestSeriesDifferWithoutColour: in black and white each of up to 36 series has a dash and a symbol that no other has together, the
// first six of each kind being all different.
func TestSeriesDifferWithoutColour(t *testing.T) {
	_, _, charts := readStyles(t)
	list := func(name string) []string {
		found := regexp.MustCompile(`const ` + name + ` = \[([^\]]*)\];`).FindStringSubmatch(charts)
		if found == nil {
			t.Fatalf("charts.js has no list of %s", name)
		}
		return strings.Split(found[1], ", ")
	}
	dashes, symbols := list("dashes"), list("symbols")
	if !strings.Contains(charts, "stroke: `var(--s${i % 6})`, dash: dashes[i % 6], symbol: symbols[(i + Math.floor(i / 6)) % 6]") {
		t.Fatal("series have another style than this test")
	}
	seen := map[[2]string]bool{}
	for i := range 36 {
		seen[[2]string{dashes[i%6], symbols[(i+i/6)%6]}] = true
		if i < 6 && (slices.Contains(dashes[:i], dashes[i]) || slices.Contains(symbols[:i], symbols[i])) {
			t.Errorf("series %d has the dash or the symbol of one before it", i)
		}
	}
	if len(dashes) != 6 || len(symbols) != 6 || len(seen) != 36 {
		t.Errorf("%d dashes, %d symbols, %d styles of 36 series", len(dashes), len(symbols), len(seen))
	}
}

// TestPaper: what is of use on a screen alone is not printed, what stands behind a table is not cut, and no figure is torn.
func TestPaper(t *testing.T) {
	report, _, _ := readStyles(t)
	last := strings.LastIndex(report, "@media print {") // what stands behind it would win
	for _, want := range []string{"nav, .skip, footer, .readout, details:not([open]) { display: none; }", "figure { break-inside: avoid;", ".scroll { max-height: none; }"} {
		if !strings.Contains(report[last:], want) {
			t.Errorf("the last rules for print have no %q", want)
		}
	}
	if rest := anyRule.ReplaceAllString(report[last:], ""); strings.TrimSpace(strings.TrimPrefix(rest, "@media print {")) != "}" {
		t.Errorf("more stands behind the rules for print: %q", rest)
	}
	for _, name := range []string{"ground", "panel"} {
		if got := themes(t, report)["print"][name]; got != (rgb{255, 255, 255}) {
			t.Errorf("the %s of paper is %v", name, got)
		}
	}
}
