package kernel

// peaks are the kernels of multiply-adds alone, by path, and the operations of one of their rounds.
var peaks = map[Path]struct {
	run      func(rounds int)
	perRound float64
}{
	AMX:        {peak_amx, 6 * 2 * 16 * 16 * 32},
	AVX512BF16: {peak_avx512bf16, 24 * 4 * 16},
	AVX512:     {peak_avx512, 12 * 2 * 16},
	AVX2:       {peak_avx2, 12 * 2 * 8},
}
