//go:build amd64 && !linux

package kernel

import "errors"

// tilesGranted: other systems have ways of their own to grant AMX, none of them known here.
func tilesGranted() error { return errors.New("how to ask for it is known of Linux alone") }
