package rundir_test

import (
	"encoding/json"
	"os"
	"path/filepath"
	"testing"

	"github.com/quarry-ml/quarry/model"
	"github.com/quarry-ml/quarry/rundir"
)

// TestAnotherListOfQueriesIsAnotherCrossEncoder, whether config.json has the list's digest or the list lies there alone: weights
// and scores are the same, but not what the model may be asked of.
func TestAnotherListOfQueriesIsAnotherCrossEncoder(t *testing.T) {
	dir := t.TempDir()
	must := func(err error) {
		t.Helper()
		if err != nil {
			t.Fatal(err)
		}
	}
	must(os.CopyFS(dir, os.DirFS("../model/testdata/cross-encoders/bert")))
	write := func(query string, named bool) {
		trained := model.TrainedQueries{}
		trained.Add(query)
		must(os.WriteFile(filepath.Join(dir, model.TrainedQueriesName), trained.Encode(), 0o600))
		raw, err := os.ReadFile(filepath.Join(dir, "config.json"))
		must(err)
		var config map[string]any
		must(json.Unmarshal(raw, &config))
		delete(config, "quarry_trained")
		if named {
			config["quarry_trained"] = rundir.DigestBytes(trained.Encode())
		}
		raw, err = json.Marshal(config)
		must(err)
		must(os.WriteFile(filepath.Join(dir, "config.json"), raw, 0o600))
	}
	seen := map[string]string{}
	digest := func(what string) string {
		t.Helper()
		c, err := model.OpenCrossEncoder(dir)
		must(err)
		must(c.Close())
		d, err := rundir.CrossEncoderDigest(t.Context(), rundir.OS{}, dir)
		must(err)
		if before, known := seen[d]; known {
			t.Errorf("the cross-encoder %s has the digest of that %s", what, before)
		}
		seen[d] = what
		return d
	}
	digest("without a list")
	for _, named := range []bool{false, true} {
		where := map[bool]string{false: "beside it", true: "that config.json names"}[named]
		write("half", named)
		first := digest("with a list " + where)
		write("zero", named)
		digest("with another list " + where)
		write("half", named)
		if again, err := rundir.CrossEncoderDigest(t.Context(), rundir.OS{}, dir); err != nil || again != first {
			t.Errorf("the first list %s again has the digest %s, had %s: %v", where, again, first, err)
		}
	}
}
