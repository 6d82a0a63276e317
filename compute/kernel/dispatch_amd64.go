//go:build !race

package kernel

import (
	"slices"
	"strings"

	"github.com/klauspost/cpuid/v2"
)

// demands are the paths of this architecture, best first, and what each takes of the processor and the system.
var demands = []struct {
	path  Path
	flags []cpuid.FeatureID
}{
	{AMX, slices.Concat(avx512, []cpuid.FeatureID{cpuid.AVX512BF16, cpuid.AMXTILE, cpuid.AMXBF16})},
	{AVX512BF16, slices.Concat(avx512, []cpuid.FeatureID{cpuid.AVX512BF16})},
	{AVX512, avx512},
	{AVX2, []cpuid.FeatureID{cpuid.AVX2, cpuid.FMA3, cpuid.F16C}},
}

var avx512 = []cpuid.FeatureID{cpuid.AVX512F, cpuid.AVX512BW, cpuid.AVX512DQ, cpuid.AVX512VL, cpuid.FMA3, cpuid.BMI2}

// Available returns the paths that this machine can run, best first. The portable path is always there.
func Available() []Path {
	there, _ := look(func(f cpuid.FeatureID) bool { return cpuid.CPU.Supports(f) }, tilesGranted)
	return there
}

// Lacks returns the paths of this architecture that this machine cannot run, best first, and why.
func Lacks() []Lack {
	_, lacks := look(func(f cpuid.FeatureID) bool { return cpuid.CPU.Supports(f) }, tilesGranted)
	return lacks
}

// look tells what is there from what is not. The system is asked for tiles only where the processor has them.
func look(has func(cpuid.FeatureID) bool, tiles func() error) (there []Path, lacks []Lack) {
	for _, d := range demands {
		var missing []string
		for _, f := range d.flags {
			if !has(f) {
				missing = append(missing, f.String())
			}
		}
		if len(missing) > 0 {
			lacks = append(lacks, Lack{d.path, "the processor has no " + strings.Join(missing, ", ")})
			continue
		}
		if d.path == AMX {
			if err := tiles(); err != nil {
				lacks = append(lacks, Lack{d.path, "the system refuses AMX: " + err.Error()})
				continue
			}
		}
		there = append(there, d.path)
	}
	return append(there, Portable), lacks
}

func sets(path Path) *Set {
	switch path {
	case AMX, AVX512BF16:
		s := sets(AVX512)
		s.Path = path
		s.bf16 = bf16{
			packRows: packRows_avx512bf16, packColumns: packColumns_avx512bf16, copyRows: copyRows_avx512bf16, copyColumns: copyColumns_avx512bf16,
			product: product_avx512bf16,
		}
		if path == AMX {
			s.bf16.product = product_amx
		}
		return s
	case AVX512:
		return &Set{
			Path: AVX512, Lanes: 16, MR: 14, NR: 32,
			gemm: gemm_avx512, transpose: transpose_avx512, add: add_avx512, addRows: addRows_avx512, addScaled: addScaled_avx512, scale: scale_avx512, mulAdd: mulAdd_avx512,
			GELU:     Activation{gelu_avx512, geluGradient_avx512, geluGate_avx512, geluGateGradient_avx512},
			GELUTanh: Activation{geluTanh_avx512, geluTanhGradient_avx512, geluTanhGate_avx512, geluTanhGateGradient_avx512},
			SiLU:     Activation{silu_avx512, siluGradient_avx512, siluGate_avx512, siluGateGradient_avx512},
			ReLU:     Activation{value: relu_avx512, gradient: reluGradient_avx512},
			Tanh:     Activation{value: tanh_avx512, gradient: tanhGradient_avx512},
			dropout:  dropout_avx512, dot: dot_avx512, dot64: dot64_avx512, softmax: softmax_avx512, softmaxGradient: softmaxGradient_avx512,
			rmsNorm: rmsNorm_avx512, rmsNormGradient: rmsNormGradient_avx512, rmsNormWeights: rmsNormWeights_avx512, rotate: rotate_avx512,
			layerNorm: layerNorm_avx512, layerNormGradient: layerNormGradient_avx512, layerNormWeights: layerNormWeights_avx512, adamw: adamw_avx512,
			softmaxPart: softmaxPart_avx512, widen: widen_avx512, widenF16: widenF16_avx512,
		}
	case AVX2:
		return &Set{
			Path: AVX2, Lanes: 8, MR: 6, NR: 16,
			gemm: gemm_avx2, transpose: transpose_avx2, add: add_avx2, addRows: addRows_avx2, addScaled: addScaled_avx2, scale: scale_avx2, mulAdd: mulAdd_avx2,
			GELU:     Activation{gelu_avx2, geluGradient_avx2, geluGate_avx2, geluGateGradient_avx2},
			GELUTanh: Activation{geluTanh_avx2, geluTanhGradient_avx2, geluTanhGate_avx2, geluTanhGateGradient_avx2},
			SiLU:     Activation{silu_avx2, siluGradient_avx2, siluGate_avx2, siluGateGradient_avx2},
			ReLU:     Activation{value: relu_avx2, gradient: reluGradient_avx2},
			Tanh:     Activation{value: tanh_avx2, gradient: tanhGradient_avx2},
			dropout:  dropout_avx2, dot: dot_avx2, dot64: dot64_avx2, softmax: softmax_avx2, softmaxGradient: softmaxGradient_avx2,
			rmsNorm: rmsNorm_avx2, rmsNormGradient: rmsNormGradient_avx2, rmsNormWeights: rmsNormWeights_avx2, rotate: rotate_avx2,
			layerNorm: layerNorm_avx2, layerNormGradient: layerNormGradient_avx2, layerNormWeights: layerNormWeights_avx2, adamw: adamw_avx2,
			softmaxPart: softmaxPart_avx2, widen: widen_avx2, widenF16: widenF16_avx2,
		}
	}
	return portable()
}
