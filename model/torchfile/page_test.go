package torchfile

import (
	"os"
	"strings"
	"testing"
)

// TestPage holds docs/formats/torch.md to the names that a pickle may ask for, and to the limits.
func TestPage(t *testing.T) {
	page, err := os.ReadFile("../../docs/formats/torch.md")
	if err != nil {
		t.Fatal(err)
	}
	names := []string{string(orderedDict), string(pythonSet), string(rebuildTensor), string(rebuildTyped), string(rebuildParameter), string(rebuildWithState), string(embedding), SingleName, IndexName}
	for g := range storages {
		names = append(names, string(g))
	}
	for g := range dtypes {
		names = append(names, string(g))
	}
	for _, name := range names {
		if !strings.Contains(string(page), "`"+name+"`") {
			t.Errorf("the page does not name %s", name)
		}
	}
	if maxProgram != 16<<20 || maxValues != 2_097_152 || !strings.Contains(string(page), "at most 16 MiB and makes at most 2,097,152 values") {
		t.Error("the page has other limits")
	}
}
