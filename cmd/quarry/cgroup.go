package main

import (
	"io/fs"
	"path"
	"strconv"
	"strings"
)

// group is what the control groups of this process grant together; 0 is no limit.
type group struct {
	quota        float64
	memory, used int64
}

// readGroup reads control groups of version 2 and 1 (the kernel's admin-guide/cgroup-v2 and v1). A group cannot have
// more than those around it, so the least of all on the way up counts. Other systems have no such files and no limit.
func readGroup(root fs.FS) group {
	var g group
	raw, err := fs.ReadFile(root, "proc/self/cgroup")
	if err != nil {
		return g
	}
	for line := range strings.Lines(string(raw)) {
		parts := strings.SplitN(strings.TrimSpace(line), ":", 3)
		if len(parts) != 3 {
			continue
		}
		for _, controller := range strings.Split(parts[1], ",") {
			switch controller {
			case "": // version 2 has one hierarchy
				g.climb(root, "sys/fs/cgroup", parts[2], version2)
			case "cpu":
				g.climb(root, "sys/fs/cgroup/"+parts[1], parts[2], version1CPU)
			case "memory":
				g.climb(root, "sys/fs/cgroup/memory", parts[2], version1Memory)
			}
		}
	}
	return g
}

// climb looks at a group's folder and at all above it. In a container the path is often that of the machine, and only
// the mount's own folder is there.
func (g *group) climb(root fs.FS, mount, at string, look func(*group, fs.FS, string)) {
	for at = path.Clean("/" + at); ; at = path.Dir(at) {
		look(g, root, path.Join(mount, at))
		if at == "/" {
			return
		}
	}
}

func version2(g *group, root fs.FS, dir string) {
	if fields := strings.Fields(content(root, dir, "cpu.max")); len(fields) == 2 {
		g.limitTime(fields[0], fields[1])
	}
	g.limitMemory(content(root, dir, "memory.max"), content(root, dir, "memory.current"), statistic(root, dir, "inactive_file"))
}

func version1CPU(g *group, root fs.FS, dir string) {
	g.limitTime(content(root, dir, "cpu.cfs_quota_us"), content(root, dir, "cpu.cfs_period_us"))
}

func version1Memory(g *group, root fs.FS, dir string) {
	g.limitMemory(content(root, dir, "memory.limit_in_bytes"), content(root, dir, "memory.usage_in_bytes"), statistic(root, dir, "total_inactive_file"))
}

func (g *group) limitTime(quota, period string) {
	q, err := strconv.ParseFloat(quota, 64) // "max" is no number
	p, periodErr := strconv.ParseFloat(period, 64)
	if err != nil || periodErr != nil || q <= 0 || p <= 0 {
		return
	}
	if cores := q / p; g.quota == 0 || cores < g.quota {
		g.quota = cores
	}
}

// noLimit is above any memory: version 1 writes "no limit" as a huge number.
const noLimit = 1 << 60

// limitMemory takes a group's limit. Pages of files that were not used lately are given back when memory is short.
func (g *group) limitMemory(limit, used string, cached int64) {
	bytes, err := strconv.ParseInt(limit, 10, 64)
	if err != nil || bytes <= 0 || bytes >= noLimit || (g.memory > 0 && bytes >= g.memory) {
		return
	}
	g.memory = bytes
	if now, err := strconv.ParseInt(used, 10, 64); err == nil {
		g.used = max(0, now-cached)
	}
}

func content(root fs.FS, dir, name string) string {
	raw, err := fs.ReadFile(root, path.Join(dir, name))
	if err != nil {
		return ""
	}
	return strings.TrimSpace(string(raw))
}

func statistic(root fs.FS, dir, key string) int64 {
	for line := range strings.Lines(content(root, dir, "memory.stat")) {
		if fields := strings.Fields(line); len(fields) == 2 && fields[0] == key {
			n, err := strconv.ParseInt(fields[1], 10, 64)
			if err == nil {
				return n
			}
		}
	}
	return 0
}
