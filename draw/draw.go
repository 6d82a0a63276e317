// Package draw is the keyed, counter-based generator behind every random choice that Quarry makes.
//
// A draw depends on its key alone: hash(seed, purpose, round, epoch, key). No draw depends on how many others were
// made before it, so the order of files, batches, workers and shards never changes a result.
package draw

import (
	"crypto/sha256"
	"encoding/binary"
	"iter"
	"math/bits"
)

// Purpose names what a draw is for; two purposes never share a stream.
type Purpose string

// The purposes in use.
const (
	Positives Purpose = "positives" // which positive of a query an epoch trains on
	Negatives Purpose = "negatives" // which mined negatives join its group
	Mining    Purpose = "mining"    // which candidates become negatives
	Order     Purpose = "order"     // the order of queries in an epoch
	Dropout   Purpose = "dropout"   // which activations a step drops
	Weights   Purpose = "weights"   // initial values of parameters
	Split     Purpose = "split"     // which groups go to which split
	Demo      Purpose = "demo"      // the demo's questions
	Probe     Purpose = "probe"     // which texts check a merge
	Examples  Purpose = "examples"  // which in-context examples a query is shown
	Turns     Purpose = "turns"     // which of several sets a step is of
	Rows      Purpose = "rows"      // which rows of a file are kept, where only some are
	Chunks    Purpose = "chunks"    // whether a positive's text is shuffled, and in which order
)

// Source is a stream of draws that belongs to one key. It is a value: copying it copies the position.
type Source struct {
	key     uint64
	counter uint64
}

// Hash returns the 64-bit key of a stream: the first eight bytes of SHA-256 over the length-prefixed parts.
func Hash(seed uint64, purpose Purpose, round, epoch int, key string) uint64 {
	return hash(seed, purpose, round, epoch, key)
}

// HashBytes is Hash of a key that stands in bytes.
func HashBytes(seed uint64, purpose Purpose, round, epoch int, key []byte) uint64 {
	return hash(seed, purpose, round, epoch, key)
}

func hash[K string | []byte](seed uint64, purpose Purpose, round, epoch int, key K) uint64 {
	var stack [192]byte // most keys fit; one is hashed for every resample of an interval
	b := stack[:0]
	for _, v := range []uint64{seed, uint64(int64(round)), uint64(int64(epoch))} {
		b = binary.LittleEndian.AppendUint64(b, v)
	}
	b = binary.LittleEndian.AppendUint64(b, uint64(len(purpose)))
	b = append(b, purpose...)
	b = binary.LittleEndian.AppendUint64(b, uint64(len(key)))
	b = append(b, key...)
	sum := sha256.Sum256(b)
	return binary.LittleEndian.Uint64(sum[:8])
}

// New returns the stream of (seed, purpose, round, epoch, key).
func New(seed uint64, purpose Purpose, round, epoch int, key string) Source {
	return Source{key: Hash(seed, purpose, round, epoch, key)}
}

// Mix is the finalizer of SplitMix64 (Steele, Lea and Flood, 2014): a bijection whose output bits all depend on all input bits.
func Mix(x uint64) uint64 {
	x ^= x >> 30
	x *= 0xbf58476d1ce4e5b9
	x ^= x >> 27
	x *= 0x94d049bb133111eb
	return x ^ x>>31
}

// Uint64 returns the next 64 bits of the stream.
func (s *Source) Uint64() uint64 {
	s.counter++
	return Mix(s.key + s.counter*0x9e3779b97f4a7c15)
}

// Float64 returns the next number in [0, 1), a multiple of 2^-53.
func (s *Source) Float64() float64 { return float64(s.Uint64()>>11) / (1 << 53) }

// IntN returns the next number in [0, n), without bias (Lemire, 2019). n must be positive.
func (s *Source) IntN(n int) int {
	if n <= 0 {
		panic("draw: IntN of a number that is not positive")
	}
	bound := uint64(n)
	threshold := -bound % bound
	for {
		high, low := bits.Mul64(s.Uint64(), bound)
		if low >= threshold {
			return int(high)
		}
	}
}

// Sample returns k distinct positions of [0, n) in the order they were drawn; all n, shuffled, when k >= n.
func (s *Source) Sample(n, k int) []int {
	k = min(k, n)
	chosen := make([]int, 0, k)
	if k == 0 {
		return chosen
	}
	for i := range s.Permute(n) {
		if chosen = append(chosen, i); len(chosen) == k {
			break
		}
	}
	return chosen
}

// Permute yields the positions of [0, n) in a drawn order, each as it is drawn: the first k are those of Sample(n, k).
func (s *Source) Permute(n int) iter.Seq[int] {
	// A sparse Fisher-Yates shuffle: moved holds only the positions that were swapped, so a draw costs what is taken, not n.
	return func(yield func(int) bool) {
		moved := map[int]int{}
		at := func(i int) int {
			if v, ok := moved[i]; ok {
				return v
			}
			return i
		}
		for i := range n {
			j := i + s.IntN(n-i)
			chosen := at(j)
			moved[j] = at(i)
			if !yield(chosen) {
				return
			}
		}
	}
}
