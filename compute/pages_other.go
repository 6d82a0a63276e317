//go:build !linux

package compute

// adviseLargePages: other systems choose the size of pages themselves, or want rights for it.
func adviseLargePages([]float32) {}
