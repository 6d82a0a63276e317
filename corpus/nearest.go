package corpus

import (
	"fmt"
	"strconv"
	"strings"

	"github.com/agnivade/levenshtein"
)

// nearestID is `; the nearest id is "…"` when some id is at most a third of its length away.
func (c *Corpus) nearestID(id string) string {
	if !c.givenIDs {
		return fmt.Sprintf("; its passages have no ids, so their 0-based lines count (%s to %s)", c.ID(0), c.ID(int32(c.Len()-1)))
	}
	best, least := "", len(id)/3+2
	for _, p := range c.Passages {
		if difference := len(p.ID) - len(id); difference >= least || -difference >= least {
			continue
		}
		if d := levenshtein.ComputeDistance(id, p.ID); d < least {
			best, least = p.ID, d
		}
	}
	if best == "" {
		return ""
	}
	return fmt.Sprintf("; the nearest id is %q", best)
}

// nearestText is `; nearest is passage …` for the passage that shares most of its words with text, and where the two part; or for
// the one whose text it is, without its title.
func (c *Corpus) nearestText(text string) string {
	for i, p := range c.Passages {
		if p.Title != "" && Strip(p.Text) == Strip(text) {
			return fmt.Sprintf(`; it is the text of passage %q without its title %s: a passage is called by its full text, which is title, space, text: give that, or "positive_ids"`, c.ID(int32(i)), excerpt(p.Title))
		}
	}
	wanted := map[string]bool{}
	for _, word := range strings.Fields(strings.ToLower(text)) {
		wanted[word] = true
	}
	best, most := int32(-1), 0.0
	for i, p := range c.Passages {
		if share := sharedWords(wanted, p.Full()); share > most {
			best, most = int32(i), share
		}
	}
	if best < 0 {
		return ""
	}
	full, titled := c.Passages[best].Full(), ""
	if c.Passages[best].Title != "" {
		titled = " of title, space, text"
	}
	return fmt.Sprintf("; the nearest is passage %q (%s), which differs at character %d%s", c.ID(best), excerpt(full), differsAt(Strip(text), full), titled)
}

// sharedWords is the Dice coefficient of two sets of words.
func sharedWords(wanted map[string]bool, text string) float64 {
	words := map[string]bool{}
	shared := 0
	for _, word := range strings.Fields(strings.ToLower(text)) {
		if !words[word] && wanted[word] {
			shared++
		}
		words[word] = true
	}
	if shared == 0 {
		return 0
	}
	return 2 * float64(shared) / float64(len(words)+len(wanted))
}

// differsAt is the 1-based character at which two texts part.
func differsAt(a, b string) int {
	left, right := []rune(a), []rune(b)
	at := 0
	for at < len(left) && at < len(right) && left[at] == right[at] {
		at++
	}
	return at + 1
}

// excerpt quotes the start of a text, for messages.
func excerpt(text string) string {
	const shown = 80
	runes := []rune(text)
	if len(runes) > shown {
		return strconv.Quote(string(runes[:shown]) + "…")
	}
	return strconv.Quote(text)
}
