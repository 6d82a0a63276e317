package main

import (
	"crypto/sha256"
	"encoding/binary"
	"encoding/hex"
	"fmt"
	"io"

	"github.com/quarry-ml/quarry/corpus"
)

// digestInput is the SHA-256 of a file that a flag names, as a run's stamps have it.
func digestInput(h *host, flag, path string) (string, error) {
	sum := sha256.New()
	err := readInput(h, flag, path, func(r io.Reader) error {
		_, err := io.Copy(sum, r)
		return err
	})
	return hex.EncodeToString(sum.Sum(nil)), err
}

// digestQueries is that of all that decides the ranking of queries beside vectors.
func digestQueries(queries []corpus.Query) string {
	var parts []string
	for _, q := range queries {
		parts = append(parts, q.Key, q.Text, fmt.Sprint(q.Positives))
	}
	return digestParts(parts)
}

// digestParts tells lists of texts apart.
func digestParts(parts []string) string {
	sum := sha256.New()
	for _, p := range parts {
		var length [8]byte
		binary.LittleEndian.PutUint64(length[:], uint64(len(p)))
		sum.Write(length[:])
		io.WriteString(sum, p)
	}
	return hex.EncodeToString(sum.Sum(nil))
}
