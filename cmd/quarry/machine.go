package main

import (
	"bufio"
	"bytes"
	"io/fs"
	"math"

	"strconv"
	"strings"

	"github.com/quarry-ml/quarry/compute/kernel"
)

// machine is what a command may use of the computer, as the system and the container around it say.
type machine struct {
	CPU         string  // QUARRY_CPU, the path to take where no flag names one
	Cores       int     // processors of this process
	Quota       float64 // processors' time that the container grants; 0 is no limit
	MemoryLimit int64   // bytes that the container grants; 0 is no limit
	MemoryFree  int64   // bytes that are left, of the container's or the machine's; 0 is unknown
}

// readMachine looks at the system's files below root, which is "/" but in tests.
func readMachine(root fs.FS, cpu string, cores int) machine {
	m := machine{CPU: cpu, Cores: cores}
	g := readGroup(root)
	m.Quota, m.MemoryLimit = g.quota, g.memory
	if available, ok := memInfo(root, "MemAvailable"); ok {
		m.MemoryFree = available
	}
	if g.memory > 0 {
		left := max(0, g.memory-g.used)
		if m.MemoryFree == 0 || left < m.MemoryFree {
			m.MemoryFree = left
		}
	}
	return m
}

// checkPath refuses a processor path that there is not, and tells who names it: the flag, else the environment.
func (m machine) checkPath(flag string) error {
	name, path := "--cpu", flag
	if flag == "" {
		name, path = "QUARRY_CPU", m.CPU
	}
	if path == "" {
		return nil
	}
	if _, err := kernel.New(kernel.Path(path)); err != nil {
		return badInputf("%s: %w", name, err)
	}
	return nil
}

// workers is the goroutines that compute unless a flag says otherwise: no more than there is time for.
func (m machine) workers() int {
	if m.Quota > 0 {
		return max(1, min(m.Cores, int(math.Ceil(m.Quota))))
	}
	return m.Cores
}

// memory is the bytes to stay within unless a flag says otherwise: three quarters of what is free, the rest being for
// texts, vectors and the runtime. 0 is no limit.
func (m machine) memory() int64 { return m.MemoryFree / 4 * 3 }

// memoryBeside is memory for a command that uses mapped weights of so many bytes: so much less that they stay in memory,
// where the system would otherwise drop them and read them from the disk again with every batch. Weights that leave less than
// a quarter do not stay either way.
func (m machine) memoryBeside(mapped int64) int64 {
	return max(m.memory()/4, (m.MemoryFree-mapped)/4*3)
}

// memInfo reads a figure of /proc/meminfo, in bytes.
func memInfo(root fs.FS, key string) (int64, bool) { return procFigure(root, "proc/meminfo", key) }

// peakMemory is the most bytes that this process has held at once; 0 where the system does not say.
func peakMemory(root fs.FS) int64 {
	peak, _ := procFigure(root, "proc/self/status", "VmHWM")
	return peak
}

// memoryNow is the bytes of memory that this process holds, without mapped files, which the system may drop and read again; 0
// where the system does not say.
func memoryNow(root fs.FS) int64 {
	raw, err := fs.ReadFile(root, "proc/self/status")
	if err != nil {
		return 0
	}
	own, _ := figureIn(raw, "RssAnon")
	shared, _ := figureIn(raw, "RssShmem")
	return own + shared
}

// procFigure reads a figure of a file such as /proc/meminfo, in bytes.
func procFigure(root fs.FS, file, key string) (int64, bool) {
	raw, err := fs.ReadFile(root, file)
	if err != nil {
		return 0, false
	}
	return figureIn(raw, key)
}

// figureIn is procFigure of the content of a file.
func figureIn(raw []byte, key string) (int64, bool) {
	for lines := bufio.NewScanner(bytes.NewReader(raw)); lines.Scan(); {
		fields := strings.Fields(lines.Text())
		if len(fields) >= 2 && fields[0] == key+":" {
			kilobytes, err := strconv.ParseInt(fields[1], 10, 64)
			return kilobytes << 10, err == nil
		}
	}
	return 0, false
}
