package tokenizer

import (
	"os"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

// The example of docs/formats/tokenizer.md is a file, and does what the page says.
func TestExampleOfTheFormatPage(t *testing.T) {
	page, err := os.ReadFile("../../docs/formats/tokenizer.md")
	if err != nil {
		t.Fatal(err)
	}
	_, example, _ := strings.Cut(string(page), "```json\n")
	example, _, _ = strings.Cut(example, "```")
	tok, err := Parse([]byte(example), "docs/formats/tokenizer.md")
	if err != nil {
		t.Fatal(err)
	}
	ids := tok.Encode(nil, "Halfway")
	if diff := cmp.Diff([]int32{3, 4}, ids); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
	if diff := cmp.Diff([]int32{1, 3, 4, 2}, tok.WithSpecials(nil, ids, 0)); diff != "" {
		t.Errorf("with special tokens (-want +got):\n%s", diff)
	}
}
