//go:build (!amd64 && !arm64) || race

package kernel

// Available returns the paths that this machine can run: the portable one. So it is under the race detector, which sees no
// write that assembly makes.
func Available() []Path { return []Path{Portable} }

// Lacks returns the paths of this architecture that this machine cannot run: none.
func Lacks() []Lack { return nil }

func sets(Path) *Set { return portable() }
