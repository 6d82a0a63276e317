package convert

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/quarry-ml/quarry/format/table"
	"github.com/quarry-ml/quarry/trainingset"
)

// document is where the table stands that users read.
var document = filepath.Join("..", "docs", "formats", "training-rows.md")

// held is the table of what each format holds.
func held() string {
	var b strings.Builder
	b.WriteString("| |")
	rule := "|---|"
	var shown []Format
	for _, f := range Formats() {
		if strings.HasPrefix(f.Name, "mteb") {
			continue // as beir
		}
		shown = append(shown, f)
		b.WriteString(" " + f.Name + " |")
		rule += "---|"
	}
	b.WriteString("\n" + rule + "\n")
	survey := Survey{Rows: 1, Prompts: 1, Negatives: map[int]int{1: 1}}
	for _, part := range trainingset.All() {
		b.WriteString("| " + part.Name + " |")
		for _, f := range shown {
			cell := " |"
			if f.Holds(Options{Kind: table.JSONL}, survey)&part.Part != 0 {
				cell = " ✓ |"
			}
			b.WriteString(cell)
		}
		b.WriteString("\n")
	}
	b.WriteString("| passages that no row names |")
	for _, f := range shown {
		cell := " |"
		if f.unused {
			cell = " ✓ |"
		}
		b.WriteString(cell)
	}
	b.WriteString("\n")
	return b.String()
}

// TestDocument: the document has the table as the code has it, and names every format.
func TestDocument(t *testing.T) {
	content, err := os.ReadFile(document)
	if err != nil {
		t.Fatal(err)
	}
	if !strings.Contains(string(content), held()) {
		t.Errorf("%s lacks the table, which is:\n%s", document, held())
	}
	for _, f := range Formats() {
		if !strings.Contains(string(content), "`"+f.Name+"`") {
			t.Errorf("%s does not say what %s is", document, f.Name)
		}
	}
}
