package tinymodel

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"

	"github.com/quarry-ml/quarry/draw"
)

// words make texts that the default vocabulary can tell apart, whole or in letters.
var words = strings.Fields("zero one two three four five six seven eight nine plus minus times over fraction digit order sum")

// WriteData writes corpus.jsonl (30 passages), train.jsonl (30 queries) and dev.jsonl (10) into dir: a query repeats some
// words of its passage, so that a tiny model can learn. Groups are in the key "group".
func WriteData(dir string) error {
	var corpus, train, dev strings.Builder
	source := draw.New(1, "tinymodel", 0, 0, "data")
	pick := func(n int) string {
		var text []string
		for range n {
			text = append(text, words[source.IntN(len(words))])
		}
		return strings.Join(text, " ")
	}
	for p := range 30 {
		text := fmt.Sprintf("%s %s", words[p%len(words)], pick(4))
		fmt.Fprintf(&corpus, "{\"id\":\"p%02d\",\"text\":%q}\n", p, text)
		w := strings.Fields(text)
		fmt.Fprintf(&train, "{\"id\":\"t%d\",\"query\":\"%s %s %s\",\"positive_ids\":[\"p%02d\"],\"group\":\"g%d\"}\n", p, w[0], w[2], pick(1), p, p)
		if p%3 == 0 {
			fmt.Fprintf(&dev, "{\"id\":\"d%d\",\"query\":\"%s %s %s\",\"positive_ids\":[\"p%02d\"],\"group\":\"h%d\"}\n", p, w[1], w[3], w[0], p, p)
		}
	}
	for name, text := range map[string]string{"corpus.jsonl": corpus.String(), "train.jsonl": train.String(), "dev.jsonl": dev.String()} {
		if err := os.WriteFile(filepath.Join(dir, name), []byte(text), 0o644); err != nil {
			return err
		}
	}
	return nil
}
