package embedding

import "testing"

func TestChunksOfAGreatNetworkAreFewTokens(t *testing.T) {
	for _, c := range []struct {
		name            string
		multiplications int64
		budget, want    int
	}{
		{"no products", 0, defaultBudget, chunkTokens},
		{"all-MiniLM-L6-v2", 10_616_832, defaultBudget, chunkTokens},
		{"Mistral-7B", 6_979_321_856, defaultBudget, 10_082},
		{"70 billion", 70_000_000_000, defaultBudget, defaultBudget},
		{"70 billion, longer texts than a batch", 70_000_000_000, 8192, 8192},
	} {
		t.Run(c.name, func(t *testing.T) {
			if got := chunkOf(c.multiplications, c.budget); got != c.want {
				t.Errorf("%d tokens, want %d", got, c.want)
			}
		})
	}
}
