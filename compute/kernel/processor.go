package kernel

import "github.com/klauspost/cpuid/v2"

// Vendor names the processor's maker as the processor reports it; two makers may round reciprocal approximations differently.
func Vendor() string { return cpuid.CPU.VendorString }

// Processor is the processor's model name as it reports it.
func Processor() string { return cpuid.CPU.BrandName }
