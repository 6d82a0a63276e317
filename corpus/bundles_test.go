package corpus

import (
	"testing"

	"github.com/google/go-cmp/cmp"
)

func TestBundles(t *testing.T) {
	queries := []Query{{Text: "a", Group: "1"}, {Text: "b", Group: "2"}, {Text: " a ", Group: "3"}, {Text: "c", Group: "3"}, {Text: "d"}, {Text: "d"}}
	want := []Bundle{{"group:1", []int{0, 2, 3}}, {"group:2", []int{1}}, {"text:d", []int{4, 5}}}
	if diff := cmp.Diff(want, Bundles(queries)); diff != "" {
		t.Error(diff)
	}
}
