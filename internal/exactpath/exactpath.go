// Package exactpath chooses the processor path that tests run on where none of what they hold depends on it.
package exactpath

import "github.com/quarry-ml/quarry/compute/kernel"

// Fastest is the machine's fastest path that rounds no products: tests take a third of the time that they take on the
// portable one. Under the race detector, which sees no assembly, it is the portable one.
var Fastest = func() kernel.Path {
	for _, path := range kernel.Available() {
		if s, err := kernel.New(path); err == nil && !s.MultipliesBF16() && !raced {
			return path
		}
	}
	return kernel.Portable
}()
