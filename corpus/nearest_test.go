package corpus

import (
	"strings"
	"testing"
)

func TestPositiveWithoutItsTitle(t *testing.T) {
	c := readPassages(t, `{"id":"dock","title":"Docks","text":"one and two"}
{"id":"bulk","title":"Bulk Orders","text":"three and four"}
`)
	for _, tc := range []struct{ name, positive, want string }{
		{"the text alone", "three and four ", `"pos"[0] is not in the corpus: "three and four "; it is the text of passage "bulk" without its title "Bulk Orders": a passage is called by its full text, which is title, space, text: give that, or "positive_ids"`},
		{"nearly the text", "three and fours", `; the nearest is passage "bulk" ("Bulk Orders three and four"), which differs at character 1 of title, space, text`},
	} {
		t.Run(tc.name, func(t *testing.T) {
			_, _, err := ReadQueries(strings.NewReader(`{"query":"q","pos":["`+tc.positive+`"]}`), "queries.jsonl", c, ReadOptions{})
			if err == nil || !strings.Contains(err.Error(), tc.want) {
				t.Errorf("got %v, want %q", err, tc.want)
			}
		})
	}
}
