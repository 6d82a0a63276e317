package kernel

// The portable activations: functions of one element, and the loops that make kernels of them. A function's "both" returns
// its slope, too.

func pointwise(f func(float32) float32) func(dst, x *float32, n int) {
	return func(dst, x *float32, n int) {
		d, a := vector(dst, n), vector(x, n)
		for i, v := range a {
			d[i] = f(v)
		}
	}
}

func slopewise(both func(float32) (value, slope float32)) func(dx, dy, x *float32, n int) {
	return func(dx, dy, x *float32, n int) {
		d, g, a := vector(dx, n), vector(dy, n), vector(x, n)
		for i, v := range a {
			_, slope := both(v)
			d[i] = g[i] * slope
		}
	}
}

func gatewise(f func(float32) float32) func(dst, gate, up *float32, n int) {
	return func(dst, gate, up *float32, n int) {
		d, a, b := vector(dst, n), vector(gate, n), vector(up, n)
		for i, v := range a {
			d[i] = f(v) * b[i]
		}
	}
}

func gateSlopewise(both func(float32) (value, slope float32)) func(dgate, dup, dy, gate, up *float32, n int) {
	return func(dgate, dup, dy, gate, up *float32, n int) {
		da, db, g, a, b := vector(dgate, n), vector(dup, n), vector(dy, n), vector(gate, n), vector(up, n)
		for i, v := range a {
			value, slope := both(v)
			y, u := g[i], b[i]
			da[i] = float32(y*u) * slope
			db[i] = y * value
		}
	}
}

func gelu(x float32) float32 {
	half := float32(0.5 * x)
	return float32(half*erf(float32(x*inverseSqrt2))) + half
}

func geluBoth(x float32) (value, slope float32) {
	cumulative := float32(0.5*erf(float32(x*inverseSqrt2))) + 0.5
	density := float32(inverseSqrtTwoPi * exp(float32(-0.5*float32(x*x))))
	return float32(x * cumulative), cumulative + float32(x*density)
}

func silu(x float32) float32 {
	p, _ := logistic(x)
	return x * p
}

func siluBoth(x float32) (value, slope float32) {
	p, q := logistic(x)
	value = float32(x * p)
	return value, p + float32(value*q)
}

// geluTanh is x·σ(u) with u = x·(first + third·x²), which is x/2·(1 + tanh(u/2)).
func geluTanh(x float32) float32 {
	p, _ := logistic(geluTanhInner(x))
	return x * p
}

func geluTanhBoth(x float32) (value, slope float32) {
	p, q := logistic(geluTanhInner(x))
	value = float32(x * p)
	inner := geluTanhFirst + float32(3*geluTanhThird*float32(x*x)) // du/dx
	return value, p + float32(float32(value*q)*inner)
}

func geluTanhInner(x float32) float32 {
	return float32(x * (geluTanhFirst + float32(geluTanhThird*float32(x*x))))
}

func tanhBoth(x float32) (value, slope float32) {
	value = tanh(x)
	return value, 1 - float32(value*value)
}

func relu(x float32) float32 { return max(x, 0) }

func reluGradientPortable(dx, dy, x *float32, n int) {
	d, g, a := vector(dx, n), vector(dy, n), vector(x, n)
	for i, v := range a {
		if v <= 0 {
			d[i] = 0
		} else {
			d[i] = g[i]
		}
	}
}
