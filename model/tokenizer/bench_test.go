package tokenizer

import (
	"strings"
	"testing"
)

// BenchmarkEncode reports tokens a second on one core: English prose, and text of which half is outside ASCII.
func BenchmarkEncode(b *testing.B) {
	tok := small(b)
	for _, c := range []struct{ name, text string }{
		{"ascii", strings.Repeat("Add the numerators, then the denominators: \\( \\frac{1}{2} + \\frac{1}{4} \\). ", 20)},
		{"mixed", strings.Repeat("Ünïcode 中文字 and half of Ελληνικά, 한국어 кириллица. ", 20)},
	} {
		b.Run(c.name, func(b *testing.B) {
			var ids []int32
			b.ReportAllocs()
			tokens := 0
			for b.Loop() {
				ids = tok.Encode(ids[:0], c.text)
				tokens += len(ids)
			}
			b.SetBytes(int64(len(c.text)))
			b.ReportMetric(float64(tokens)/b.Elapsed().Seconds(), "tokens/s")
		})
	}
}
