package main

import (
	"strings"
	"testing"
	"testing/fstest"

	"github.com/google/go-cmp/cmp"

	"github.com/quarry-ml/quarry/internal/tinymodel"
)

func TestReadMachine(t *testing.T) {
	const gib = 1 << 30
	for _, tc := range []struct {
		name    string
		files   map[string]string
		want    machine
		workers int
		memory  int64
	}{
		{"another system", nil, machine{Cores: 8}, 8, 0},
		{"no limits", map[string]string{"proc/meminfo": "MemTotal: 9 kB\nMemAvailable:    4194304 kB\n"}, machine{Cores: 8, MemoryFree: 4 * gib}, 8, 3 * gib},
		{"version 2", map[string]string{
			"proc/self/cgroup":             "0::/\n",
			"sys/fs/cgroup/cpu.max":        "150000 100000\n",
			"sys/fs/cgroup/memory.max":     "2147483648\n",
			"sys/fs/cgroup/memory.current": "1610612736\n",
			"sys/fs/cgroup/memory.stat":    "anon 1\ninactive_file 536870912\n",
			"proc/meminfo":                 "MemAvailable: 4194304 kB\n",
		}, machine{Cores: 8, Quota: 1.5, MemoryLimit: 2 * gib, MemoryFree: gib}, 2, gib / 4 * 3},
		{"version 2, the group above is tighter", map[string]string{
			"proc/self/cgroup":                  "0::/user/job\n",
			"sys/fs/cgroup/user/job/cpu.max":    "max 100000\n",
			"sys/fs/cgroup/user/cpu.max":        "50000 100000\n",
			"sys/fs/cgroup/user/job/memory.max": "max\n",
			"sys/fs/cgroup/user/memory.max":     "4294967296\n",
		}, machine{Cores: 8, Quota: 0.5, MemoryLimit: 4 * gib, MemoryFree: 4 * gib}, 1, 3 * gib},
		{"version 1", map[string]string{
			"proc/self/cgroup": "4:memory:/job\n3:cpu,cpuacct:/job\n1:name=systemd:/\n",
			"sys/fs/cgroup/cpu,cpuacct/job/cpu.cfs_quota_us":  "300000\n",
			"sys/fs/cgroup/cpu,cpuacct/job/cpu.cfs_period_us": "100000\n",
			"sys/fs/cgroup/memory/job/memory.limit_in_bytes":  "1073741824\n",
			"sys/fs/cgroup/memory/job/memory.usage_in_bytes":  "536870912\n",
			"sys/fs/cgroup/memory/memory.limit_in_bytes":      "9223372036854771712\n",
		}, machine{Cores: 8, Quota: 3, MemoryLimit: gib, MemoryFree: gib / 2}, 3, gib / 2 / 4 * 3},
		{"version 1, no quota", map[string]string{
			"proc/self/cgroup":                    "3:cpu:/\n",
			"sys/fs/cgroup/cpu/cpu.cfs_quota_us":  "-1\n",
			"sys/fs/cgroup/cpu/cpu.cfs_period_us": "100000\n",
		}, machine{Cores: 8}, 8, 0},
		{"broken files", map[string]string{
			"proc/self/cgroup": "0::\nnonsense\n", "sys/fs/cgroup/cpu.max": "many", "sys/fs/cgroup/memory.max": "-3", "proc/meminfo": "MemAvailable: x kB",
		}, machine{Cores: 8}, 8, 0},
		{"more quota than processors", map[string]string{"proc/self/cgroup": "0::/\n", "sys/fs/cgroup/cpu.max": "6400000 100000\n"}, machine{Cores: 8, Quota: 64}, 8, 0},
	} {
		t.Run(tc.name, func(t *testing.T) {
			root := fstest.MapFS{}
			for name, text := range tc.files {
				root[name] = &fstest.MapFile{Data: []byte(text)}
			}
			got := readMachine(root, "", 8)
			if diff := cmp.Diff(tc.want, got); diff != "" {
				t.Errorf("machine (-want +got):\n%s", diff)
			}
			if got.workers() != tc.workers || got.memory() != tc.memory {
				t.Errorf("%d workers and %d bytes, want %d and %d", got.workers(), got.memory(), tc.workers, tc.memory)
			}
		})
	}
}

func TestMappedWeightsHaveRoomBesideTheMemory(t *testing.T) {
	const gib = 1 << 30
	for _, tc := range []struct {
		name               string
		free, mapped, want int64
	}{
		{"no weights", 24 * gib, 0, 18 * gib},
		{"weights that stay", 24 * gib, 14 * gib, 7.5 * gib},
		{"weights that do not", 24 * gib, 20 * gib, 4.5 * gib},
		{"nothing known of the machine", 0, 14 * gib, 0},
	} {
		t.Run(tc.name, func(t *testing.T) {
			if got := (machine{MemoryFree: tc.free}).memoryBeside(tc.mapped); got != tc.want {
				t.Errorf("%d bytes, want %d", got, tc.want)
			}
		})
	}
}

func TestPeakMemory(t *testing.T) {
	status := fstest.MapFS{"proc/self/status": {Data: []byte("Name:\tquarry\nVmPeak:\t  9 kB\nVmHWM:\t  2048 kB\n")}}
	if got := peakMemory(status); got != 2<<20 {
		t.Errorf("got %d bytes, want %d", got, 2<<20)
	}
	if got := peakMemory(fstest.MapFS{}); got != 0 {
		t.Errorf("got %d bytes of a system that does not say", got)
	}
}

func TestMemoryNow(t *testing.T) {
	status := fstest.MapFS{"proc/self/status": {Data: []byte("VmHWM:\t  9000 kB\nVmRSS:\t  8000 kB\nRssAnon:\t  2048 kB\nRssFile:\t  4000 kB\nRssShmem:\t  1024 kB\n")}}
	if got := memoryNow(status); got != 3<<20 {
		t.Errorf("got %d bytes, want %d", got, 3<<20)
	}
	if got := memoryNow(fstest.MapFS{}); got != 0 {
		t.Errorf("got %d bytes of a system that does not say", got)
	}
}

func TestPathOfFlagAndEnvironment(t *testing.T) {
	for _, tc := range []struct{ name, flag, variable, want string }{
		{"neither", "", "", ""}, {"variable", "", "avx2", "avx2"}, {"flag", "portable", "", "portable"}, {"flag above variable", "portable", "avx2", "portable"},
	} {
		t.Run(tc.name, func(t *testing.T) {
			if got := (EngineOptions{CPU: tc.flag}).path(machine{CPU: tc.variable}); string(got) != tc.want {
				t.Errorf("path %q, want %q", got, tc.want)
			}
		})
	}
}

func TestAPathThatIsNotThereIsToldWithWhoNamesIt(t *testing.T) {
	p := newProject(t, tinymodel.Options{})
	recipe := p.write(t, "recipe.yaml", runRecipe)
	for _, args := range [][]string{{"doctor"}, {"plan", recipe}, {"run", recipe}} {
		h := newTestHost()
		h.machine.CPU = "foo"
		if code := h.run(t, args...); code != exitBadInput || !strings.Contains(h.err.String(), `QUARRY_CPU: processor path "foo" is not available here`) {
			t.Errorf("%v: exit code %d: %s", args, code, h.err.String())
		}
	}
}
