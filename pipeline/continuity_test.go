package pipeline

import (
	"encoding/json"
	"math"
	"testing"

	"github.com/quarry-ml/quarry/compute"
	"github.com/quarry-ml/quarry/compute/kernel"
)

// TestContinuityLimit: only a run that goes on at another precision, or another processor's bf16, has room for rounding.
func TestContinuityLimit(t *testing.T) {
	const f32, bf16 = "avx512/f32/amd64/intel", "amx/bf16/amd64/intel"
	for _, tc := range []struct {
		name, now, then string
		queries         int
		want            float64
	}{
		{"f32 on both sides", f32, f32, 100, 0.0005},
		{"f32 of two processors", f32, "neon/f32/arm64/apple", 100, 0.0005},
		{"few queries at f32", f32, f32, 4, 0.0005},
		{"bf16 on both sides", bf16, bf16, 100, 0.0005},
		{"bf16 of two processors", bf16, "avx512bf16/bf16/amd64/amd", 100, 0.02}, // 2 / 100
		{"goes on at f32", f32, bf16, 100, 0.02},
		{"goes on at bf16", bf16, f32, 100, 0.02},
		{"many queries at bf16", f32, bf16, 4000, 0.002}, // 2 / 4000 is less than the tolerance of a merge of 16 bits
		{"as many as the tolerance takes", bf16, f32, 1000, 0.002},
		{"weights in bf16, products at f32", f32 + "/weights-bf16", f32 + "/weights-bf16", 100, 0.0005},
		{"weights in bf16, products too", f32 + "/weights-bf16", bf16 + "/weights-bf16", 100, 0.02},
		{"a run that is from before identities", f32, "", 100, 0.0005},
	} {
		t.Run(tc.name, func(t *testing.T) {
			got := continuityLimit(tc.now, tc.then, tc.queries)
			if math.Abs(got-tc.want) > 1e-12 {
				t.Errorf("limit %g, want %g", got, tc.want)
			}
			if (roundingHint(got) == "") != (tc.want == 0.0005) {
				t.Errorf("limit %g: hint %q", got, roundingHint(got))
			}
		})
	}
}

func TestReadOtherwise(t *testing.T) {
	const plain = `{"eval":{},"texts":{"query_length":64,"passage_length":32,"pooling":"mean"}}`
	for _, tc := range []struct{ name, now, want string }{
		{"the same", plain, ""},
		{"another prompt, which all rounds share", `{"texts":{"query_length":64,"passage_length":32,"query":{"Name":"query"}}}`, ""},
		{"examples", `{"texts":{"query_length":64,"passage_length":32,"examples":{"count":1,"digest":"93"}}}`, "examples"},
		{"a length", `{"texts":{"query_length":64,"passage_length":31}}`, "lengths"},
		{"both", `{"texts":{"query_length":63,"passage_length":32,"examples":{"count":1}}}`, "examples and lengths"},
		{"what cannot be read", `[]`, ""},
	} {
		t.Run(tc.name, func(t *testing.T) {
			for _, pair := range [][2]string{{tc.now, plain}, {plain, tc.now}} {
				if got := readOtherwise(json.RawMessage(pair[0]), json.RawMessage(pair[1])); got != tc.want {
					t.Errorf("got %q, want %q", got, tc.want)
				}
			}
		})
	}
}

// TestIdentitiesSayTheirPrecision: what an engine calls itself is what the limit goes by.
func TestIdentitiesSayTheirPrecision(t *testing.T) {
	for _, path := range kernel.Available() {
		for _, precision := range []compute.Precision{compute.F32, compute.BF16} {
			for _, weights := range []string{"", "bf16"} {
				e, err := compute.New(compute.Options{Path: path, Precision: precision, Workers: 1, Weights: weights})
				if err != nil && precision == compute.BF16 {
					continue // few paths have it
				}
				if err != nil {
					t.Fatal(err)
				}
				if rounds := roundsProducts(e.Identity()); rounds != (precision == compute.BF16) {
					t.Errorf("%s rounds products: %t", e.Identity(), rounds)
				}
				e.Close()
			}
		}
	}
}
