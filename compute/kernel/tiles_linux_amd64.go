package kernel

import (
	"sync"
	"syscall"
)

// tilesGranted asks Linux for the use of AMX's tile data, which it grants a process once and for all its threads, or
// refuses (sandboxes do). Documentation/arch/x86/xstate.rst: arch_prctl(ARCH_REQ_XCOMP_PERM, XFEATURE_XTILEDATA).
var tilesGranted = sync.OnceValue(func() error {
	const requestPermission, tileData = 0x1023, 18
	if _, _, failed := syscall.RawSyscall(syscall.SYS_ARCH_PRCTL, requestPermission, tileData, 0); failed != 0 {
		return failed
	}
	return nil
})
