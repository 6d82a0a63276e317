//go:build !race

package kernel

import (
	"slices"
	"syscall"
	"testing"

	"github.com/klauspost/cpuid/v2"
)

func TestWhatAMachineLacks(t *testing.T) {
	all := func(cpuid.FeatureID) bool { return true }
	without := func(flags ...cpuid.FeatureID) func(cpuid.FeatureID) bool {
		return func(f cpuid.FeatureID) bool { return !slices.Contains(flags, f) }
	}
	for _, c := range []struct {
		name  string
		has   func(cpuid.FeatureID) bool
		tiles error
		there []Path
		lacks []Lack
	}{
		{"nothing", all, nil, []Path{AMX, AVX512BF16, AVX512, AVX2, Portable}, nil},
		{"the system's permission", all, syscall.EPERM, []Path{AVX512BF16, AVX512, AVX2, Portable}, []Lack{{AMX, "the system refuses AMX: operation not permitted"}}},
		{"tiles", without(cpuid.AMXTILE, cpuid.AMXBF16), nil, []Path{AVX512BF16, AVX512, AVX2, Portable}, []Lack{{AMX, "the processor has no AMXTILE, AMXBF16"}}},
		{"bf16", without(cpuid.AVX512BF16), nil, []Path{AVX512, AVX2, Portable},
			[]Lack{{AMX, "the processor has no AVX512BF16"}, {AVX512BF16, "the processor has no AVX512BF16"}}},
		{"fused multiplication", without(cpuid.FMA3), nil, []Path{Portable}, []Lack{{AMX, "the processor has no FMA3"}, {AVX512BF16, "the processor has no FMA3"},
			{AVX512, "the processor has no FMA3"}, {AVX2, "the processor has no FMA3"}}},
	} {
		t.Run(c.name, func(t *testing.T) {
			there, lacks := look(c.has, func() error { return c.tiles })
			if !slices.Equal(there, c.there) || !slices.Equal(lacks, c.lacks) {
				t.Errorf("there: %v, want %v\nlacks: %v, want %v", there, c.there, lacks, c.lacks)
			}
		})
	}
	t.Run("no question without tiles", func(t *testing.T) {
		look(without(cpuid.AMXTILE), func() error { panic("asked") })
	})
	if n := len(Available()) + len(Lacks()); n != len(demands)+1 {
		t.Errorf("%d paths are there or lacking, of %d", n, len(demands)+1)
	}
}
