package pipeline

import "time"

// memoryLook is the time between two looks at the memory that the process holds: what a stage holds for longer is seen.
const memoryLook = 20 * time.Millisecond

// watchMemory looks at the bytes that the process holds until stop is called, which returns the most that a look found; 0 where
// nobody says. Stages may stand within each other, each with looks of its own: a mark that the system keeps for the process would be
// reset by the inner one.
func watchMemory(now func() int64) (stop func() int64) {
	if now == nil {
		return func() int64 { return 0 }
	}
	most := now()
	end, ended := make(chan struct{}), make(chan struct{})
	go func() {
		defer close(ended)
		ticker := time.NewTicker(memoryLook)
		defer ticker.Stop()
		for {
			select {
			case <-end:
				return
			case <-ticker.C:
				most = max(most, now())
			}
		}
	}()
	return func() int64 {
		close(end)
		<-ended
		return max(most, now())
	}
}
