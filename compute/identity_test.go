package compute

import (
	"strings"
	"testing"

	"github.com/quarry-ml/quarry/compute/kernel"
)

func TestRoundedWeightsHaveAnIdentityOfTheirOwn(t *testing.T) {
	identity := func(weights string) string {
		e, err := New(Options{Path: kernel.Portable, Precision: F32, Workers: 1, Weights: weights})
		if err != nil {
			t.Fatal(err)
		}
		defer e.Close()
		return e.Identity()
	}
	stored, rounded := identity(""), identity("bf16")
	if rounded != stored+"/weights-bf16" || !strings.HasPrefix(stored, "portable/f32/") || strings.Contains(stored, "weights") {
		t.Errorf("identities %q and %q", stored, rounded)
	}
}
