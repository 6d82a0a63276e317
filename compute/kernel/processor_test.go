package kernel

import "testing"

func TestProcessorsThatLinuxNamesOnARM(t *testing.T) {
	for _, c := range []struct {
		name, text string
		want       report
	}{
		{"Neoverse N1", "processor\t: 0\nBogoMIPS\t: 50.00\nCPU implementer\t: 0x41\nCPU architecture: 8\nCPU variant\t: 0x3\nCPU part\t: 0xd0c\n", report{"ARM", "ARM, part 0xd0c"}},
		{"the first of two kinds", "CPU implementer\t: 0x61\nCPU part\t: 0x022\n\nCPU implementer\t: 0x61\nCPU part\t: 0x023\n", report{"Apple", "Apple, part 0x022"}},
		{"a maker without a name", "CPU implementer\t: 0x7F\n", report{"implementer-0x7f", "implementer-0x7f"}},
		{"of another architecture, as an emulator may show it", "vendor_id\t: GenuineIntel\nmodel name\t: Intel\n", report{}},
		{"empty", "", report{}},
	} {
		t.Run(c.name, func(t *testing.T) {
			if got := readCPUInfo(c.text); got != c.want {
				t.Errorf("%+v, want %+v", got, c.want)
			}
		})
	}
	if Vendor() == "" || Processor() == "" {
		t.Errorf("vendor %q, processor %q", Vendor(), Processor())
	}
}
