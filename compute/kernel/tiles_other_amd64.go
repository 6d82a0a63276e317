//go:build amd64 && !linux

package kernel

// tilesGranted: other systems have ways of their own to grant AMX, none of them known here.
func tilesGranted() bool { return false }
