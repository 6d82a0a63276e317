//go:build !amd64 && !arm64

package kernel

// Available returns the paths that this machine can run: the portable one.
func Available() []Path { return []Path{Portable} }

func sets(Path) *Set { return portable() }
