package compute

import "syscall"

// machineMemory is the bytes of memory that the machine has; 0 where the system does not tell.
func machineMemory() int64 {
	var info syscall.Sysinfo_t
	if syscall.Sysinfo(&info) != nil {
		return 0
	}
	return int64(uint64(info.Totalram) * uint64(info.Unit))
}
