package finetune

import "github.com/quarry-ml/quarry/compute/kernel"

// TestPath is the machine's fastest path that rounds no products: what tests hold does not depend on which it is, and they
// take a third of the time that they take on the portable one.
var TestPath = func() kernel.Path {
	for _, path := range kernel.Available() {
		if s, err := kernel.New(path); err == nil && !s.MultipliesBF16() {
			return path
		}
	}
	return kernel.Portable
}()
