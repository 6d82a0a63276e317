//go:build !race

package kernel

// Available returns the paths that this machine can run, best first. Go itself asks for NEON on arm64: it is always there.
func Available() []Path { return []Path{NEON, Portable} }

// Lacks returns the paths of this architecture that this machine cannot run: none.
func Lacks() []Lack { return nil }

func sets(path Path) *Set {
	if path == NEON {
		return &Set{
			Path: NEON, Lanes: 4, MR: 12, NR: 8,
			gemm: gemm_neon, transpose: transpose_neon, add: add_neon, addRows: addRows_neon, addScaled: addScaled_neon, scale: scale_neon, mulAdd: mulAdd_neon,
			GELU:     Activation{gelu_neon, geluGradient_neon, geluGate_neon, geluGateGradient_neon},
			GELUTanh: Activation{geluTanh_neon, geluTanhGradient_neon, geluTanhGate_neon, geluTanhGateGradient_neon},
			SiLU:     Activation{silu_neon, siluGradient_neon, siluGate_neon, siluGateGradient_neon},
			ReLU:     Activation{value: relu_neon, gradient: reluGradient_neon},
			Tanh:     Activation{value: tanh_neon, gradient: tanhGradient_neon},
			dropout:  dropout_neon, dot: dot_neon, dot64: dot64_neon, softmax: softmax_neon, softmaxGradient: softmaxGradient_neon,
			rmsNorm: rmsNorm_neon, rmsNormGradient: rmsNormGradient_neon, rmsNormWeights: rmsNormWeights_neon, rotate: rotate_neon,
			layerNorm: layerNorm_neon, layerNormGradient: layerNormGradient_neon, layerNormWeights: layerNormWeights_neon, adamw: adamw_neon,
			softmaxPart: softmaxPart_neon, widen: widen_neon, widenF16: widenF16_neon,
		}
	}
	return portable()
}
