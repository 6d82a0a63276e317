package rundir

import (
	"strings"
	"testing"
)

// TestLongValuesAreToldWhereTheyDiffer: a recipe's text among the options fills no terminal.
func TestLongValuesAreToldWhereTheyDiffer(t *testing.T) {
	same := strings.Repeat("a line of a recipe ", 40)
	options := func(settings, short string) []byte {
		return []byte(`{"settings": "` + settings + `", "short": "` + short + `"}`)
	}
	got, err := Differences(options(same+"faq "+same, "é"), options(same+"math "+same, "e"))
	if err != nil || len(got) != 2 {
		t.Fatalf("%q, %v", got, err)
	}
	want := "options changed: settings … a line of a recipe faq a line of a recipe a line of a recip… → … a line of a recipe math a line of a recipe a line of a reci…"
	if got[0] != want {
		t.Errorf("got  %s\nwant %s", got[0], want)
	}
	if want := `options changed: short "é" → "e"`; got[1] != want {
		t.Errorf("got %s, want %s", got[1], want)
	}
	if got, _ := Differences(options(same, ""), options(same+"more", "")); len(got) != 1 || !strings.HasSuffix(got[0], `more"`) {
		t.Errorf("a longer value is told as %q", got)
	}
}
