//go:build !linux

package compute

// machineMemory: other systems are not asked.
func machineMemory() int64 { return 0 }
