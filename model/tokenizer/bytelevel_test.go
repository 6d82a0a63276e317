package tokenizer

import "testing"

func TestEachByteHasACharacterOfItsOwn(t *testing.T) {
	stand := map[rune]bool{}
	for b := range 256 {
		r := runeOf(byte(b))
		if back, ok := byteOf(r); !ok || int(back) != b || stand[r] {
			t.Errorf("byte %#x has the character %U, which stands for %#x (%t)", b, r, back, ok)
		}
		stand[r] = true
	}
	for r := range rune(0x400) {
		if _, ok := byteOf(r); ok != stand[r] {
			t.Errorf("%U stands for a byte: %t, want %t", r, ok, stand[r])
		}
	}
}
