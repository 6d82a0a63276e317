//go:build (!amd64 && !arm64) || race

package kernel

// Available returns the paths that this machine can run: the portable one. So it is under the race detector, which sees no
// write that assembly makes.
func Available() []Path { return []Path{Portable} }

func sets(Path) *Set { return portable() }
