package kernel

import (
	"cmp"
	"fmt"
	"os"
	"runtime"
	"strings"
	"sync"

	"github.com/klauspost/cpuid/v2"
)

// unknown is the vendor or processor that nothing names.
const unknown = "unknown"

// Vendor names the processor's maker as the processor reports it; two makers may round reciprocal approximations differently.
func Vendor() string { return cmp.Or(cpuid.CPU.VendorString, reported().vendor, unknown) }

// Processor is the processor's model name as it reports it.
func Processor() string { return cmp.Or(cpuid.CPU.BrandName, reported().name, unknown) }

// report is what the system tells of a processor that does not tell itself.
type report struct{ vendor, name string }

// reported is of the first processor that Linux lists, on arm64.
var reported = sync.OnceValue(func() report {
	if runtime.GOOS != "linux" || runtime.GOARCH != "arm64" {
		return report{}
	}
	text, err := os.ReadFile("/proc/cpuinfo")
	if err != nil {
		return report{}
	}
	return readCPUInfo(string(text))
})

// implementers are the makers by their number in Arm's main ID register.
var implementers = map[string]string{
	"0x41": "ARM", "0x42": "Broadcom", "0x43": "Cavium", "0x46": "Fujitsu", "0x48": "HiSilicon", "0x4e": "NVIDIA", "0x50": "APM",
	"0x51": "Qualcomm", "0x53": "Samsung", "0x56": "Marvell", "0x61": "Apple", "0x6d": "Microsoft", "0xc0": "Ampere",
}

// readCPUInfo reads what /proc/cpuinfo says on arm64: the first lines "CPU implementer : 0x41" and "CPU part : 0xd0c".
func readCPUInfo(text string) report {
	fields := map[string]string{}
	for line := range strings.Lines(text) {
		name, value, ok := strings.Cut(line, ":")
		if name = strings.TrimSpace(name); ok && fields[name] == "" {
			fields[name] = strings.ToLower(strings.TrimSpace(value))
		}
	}
	number := fields["CPU implementer"]
	if number == "" {
		return report{}
	}
	r := report{vendor: cmp.Or(implementers[number], "implementer-"+number)}
	r.name = r.vendor
	if part := fields["CPU part"]; part != "" {
		r.name = fmt.Sprintf("%s, part %s", r.vendor, part)
	}
	return r
}
