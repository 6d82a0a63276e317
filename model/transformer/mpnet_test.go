package transformer

import (
	"encoding/json"
	"os"
	"testing"
)

// TestBucketsOfDistancesAreTransformers reads what parity/encoders_fixture.py took from MPNetEncoder for distances of up to
// 600 tokens.
func TestBucketsOfDistancesAreTransformers(t *testing.T) {
	raw, err := os.ReadFile("../testdata/encoders/mpnet/expected/buckets.json")
	if err != nil {
		t.Fatal(err)
	}
	var want struct{ Buckets []int32 }
	if err := json.Unmarshal(raw, &want); err != nil {
		t.Fatal(err)
	}
	got, middle := distanceBuckets(MPNetBuckets), len(want.Buckets)/2
	for i, bucket := range want.Buckets {
		d := min(max(i-middle, -farthest), farthest)
		if got[farthest+d] != bucket {
			t.Errorf("a key %d places after its query has bucket %d, want %d", i-middle, got[farthest+d], bucket)
		}
	}
}
