//go:build !amd64 && !arm64

package kernel

// peaks has none: portable Go has no kernel of multiply-adds alone.
var peaks map[Path]struct {
	run      func(rounds int)
	perRound float64
}
