//go:build !amd64

package kernel

import "github.com/klauspost/cpuid/v2"

// Available returns the paths that this machine can run: the portable one.
func Available() []Path { return []Path{Portable} }

func sets(Path) *Set { return portable() }

// Vendor names the processor's maker as the processor reports it.
func Vendor() string { return cpuid.CPU.VendorString }

// Processor is the processor's model name as it reports it.
func Processor() string { return cpuid.CPU.BrandName }
