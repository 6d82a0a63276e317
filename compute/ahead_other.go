//go:build !linux

package compute

import "sync/atomic"

// willNeed: other systems are not asked to read ahead.
var willNeed func(w *Weight, ended *atomic.Bool)
