//go:build !race

package exactpath

const raced = false
