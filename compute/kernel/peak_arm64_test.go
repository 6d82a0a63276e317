package kernel

// peaks are the kernels of multiply-adds alone, by path, and the operations of one of their rounds.
var peaks = map[Path]struct {
	run      func(rounds int)
	perRound float64
}{NEON: {peak_neon, 24 * 2 * 4}}
