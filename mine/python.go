package mine

import "math/bits"

// PythonRandom is the generator of Python's module random, for modes that promise the draws of a program in Python: a
// Mersenne Twister (Matsumoto and Nishimura, 1998), seeded and asked as CPython does. Everything else in Quarry draws by
// key (package draw).
type PythonRandom struct {
	state [624]uint32
	at    int
}

// NewPythonRandom is random.seed(seed).
func NewPythonRandom(seed uint64) *PythonRandom {
	key := []uint32{uint32(seed)}
	if high := uint32(seed >> 32); high != 0 {
		key = append(key, high)
	}
	r := &PythonRandom{at: 624}
	r.init(key)
	return r
}

// init is init_by_array of the authors' mt19937ar.
func (r *PythonRandom) init(key []uint32) {
	s := &r.state
	s[0] = 19650218
	for i := 1; i < len(s); i++ {
		s[i] = 1812433253*(s[i-1]^s[i-1]>>30) + uint32(i)
	}
	i, j := 1, 0
	next := func() {
		i++
		if i == len(s) {
			s[0] = s[len(s)-1]
			i = 1
		}
	}
	for range max(len(s), len(key)) {
		s[i] = (s[i] ^ (s[i-1]^s[i-1]>>30)*1664525) + key[j] + uint32(j)
		next()
		j = (j + 1) % len(key)
	}
	for range len(s) - 1 {
		s[i] = (s[i] ^ (s[i-1]^s[i-1]>>30)*1566083941) - uint32(i)
		next()
	}
	s[0] = 1 << 31
}

func (r *PythonRandom) uint32() uint32 {
	const middle, upper, lower, twist = 397, 0x80000000, 0x7fffffff, 0x9908b0df
	if n := len(r.state); r.at == n {
		for i := range n {
			y := r.state[i]&upper | r.state[(i+1)%n]&lower
			r.state[i] = r.state[(i+middle)%n] ^ y>>1 ^ (y&1)*twist
		}
		r.at = 0
	}
	y := r.state[r.at]
	r.at++
	y ^= y >> 11
	y ^= y << 7 & 0x9d2c5680
	y ^= y << 15 & 0xefc60000
	return y ^ y>>18
}

// below is the next number in [0, n), for n from 1 to 2^32-1.
func (r *PythonRandom) below(n int) int {
	shift := 32 - bits.Len32(uint32(n))
	for {
		if v := int(r.uint32() >> shift); v < n {
			return v
		}
	}
}

// Sample is random.sample(range(n), k): k different numbers below n in the order of the draw. k must not exceed n.
func (r *PythonRandom) Sample(n, k int) []int {
	limit := 21 // what a set of few numbers takes, by CPython's reckoning
	if k > 5 {
		four := 1
		for four < 3*k {
			four *= 4
		}
		limit += four
	}
	drawn := make([]int, k)
	if n <= limit {
		pool := make([]int, n)
		for i := range pool {
			pool[i] = i
		}
		for i := range drawn {
			j := r.below(n - i)
			drawn[i] = pool[j]
			pool[j] = pool[n-i-1]
		}
		return drawn
	}
	taken := map[int]bool{}
	for i := range drawn {
		j := r.below(n)
		for taken[j] {
			j = r.below(n)
		}
		taken[j] = true
		drawn[i] = j
	}
	return drawn
}

// Shuffle is random.shuffle of n things that swap exchanges.
func (r *PythonRandom) Shuffle(n int, swap func(i, j int)) {
	for i := n - 1; i > 0; i-- {
		swap(i, r.below(i+1))
	}
}
