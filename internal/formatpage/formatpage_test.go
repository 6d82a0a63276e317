package formatpage

import (
	"reflect"
	"slices"
	"testing"
	"time"
)

func TestKeys(t *testing.T) {
	type inner struct {
		Deep int `json:"deep"`
	}
	type embedded struct {
		Beside int `json:"beside,omitempty"`
	}
	type file struct {
		embedded
		Bare   int
		Left   int `json:"-"`
		hidden int
		List   []inner           `json:"list"`
		By     map[string]*inner `json:"by,omitzero"`
		When   time.Time         `json:"when"` // encodes itself
	}
	_ = file{}.hidden
	want := []string{"beside", "Bare", "list", "deep", "by", "deep", "when"}
	if got := Keys(reflect.TypeFor[file]()); !slices.Equal(got, want) {
		t.Errorf("got %q, want %q", got, want)
	}
}
