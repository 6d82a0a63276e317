package layering

import (
	"fmt"
	"path"
	"slices"
	"strings"
	"testing"
)

// floors lists the packages from the ground up; each pattern is a folder or, with /*, what lies in one. A package
// imports those of lower floors only.
var floors = [][]string{
	{"vectors", "corpus", "trainingset", "ranking", "prompt", "draw", "format/*"}, // nouns and files
	{"compute", "compute/*"}, // numbers
	{"model", "model/*"},     // a model directory and its network
	{"mine", "audit", "drift", "review", "finetune", "eval", "stats", "incontext"},   // choices and judgments
	{"embedding", "search", "lexical", "fuse", "rerank", "merging"},                  // sources of rankings, and models made of parts
	{"recipe", "rundir", "rundir/*", "prepare", "demo", "convert", "hub", "weights"}, // what the user wrote, what a run leaves, models that come from elsewhere
	{"pipeline", "report", "report/*", "view"},                                       // the loop, and what a person reads
	{"cmd/*"}, // flags, terminal, exit codes
}

// supports reports whether a package is for tests: only _test.go files import it, and it may import anything. Contract
// suites are named after what they test (search/searchtest).
func supports(folder string) bool {
	return matches("internal/*", folder) || strings.HasSuffix(folder, "test")
}

// sameFloor is the edges allowed between packages of one floor, and why.
var sameFloor = []struct{ from, to, because string }{
	{"corpus", "draw", "a query without an id gets its key from the hash that keys draws"},
	{"corpus", "ranking", "the order of passages breaks ties of rankings"},
	{"vectors", "corpus", "vectors are checked against the passages they belong to"},
	{"vectors", "ranking", "rows are put in the order of a corpus"},
	{"vectors", "draw", "digests name rows"},
	{"corpus", "format/parquet", "rows of a Parquet file are read wherever lines of JSON are"},
	{"format/*", "corpus", "files hold passages and queries"},
	{"trainingset", "corpus", "a row's passages have titles as a corpus has them, its other keys their JSON"},
	{"format/*", "trainingset", "files hold training rows"},
	{"format/*", "format/table", "layouts are rows of columns, whatever file they stand in"},
	{"format/*", "format/parquet", "tables may be Parquet files"},
	{"format/*", "ranking", "files hold rankings"},
	{"format/*", "draw", "rows without an id get their key"},
	{"compute", "compute/*", "the engine runs tensors on kernels"},
	{"compute/tensor", "compute/kernel", "operations call kernels"},
	{"compute/kernel", "compute/half", "numbers of 16 bits that fill no vector are widened one by one"},
	{"model", "model/*", "a model directory is made of tokenizer, weights and network"},
	{"model/lora", "model/safetensors", "adapters are safetensors files"},
	{"model/lora", "model/torchfile", "or, of PEFT before them, files of torch.save"},
	{"model/torchfile", "model/safetensors", "whatever the file, tensors are the same"},
	{"model/weightfiles", "model/*", "it chooses the format of a directory's weights"},
	{"merging", "embedding", "a merged model is checked by the vectors that it gives"},
	{"rerank", "embedding", "a teacher runs as an embedder does: pairs in batches by their tokens, or the vectors of a second model"},
	{"demo", "rundir", "demo writes its data and recipe into a run directory"},
	{"report/*", "report", "the page with charts shows what the report reads"},
	{"view", "report", "which epochs a view shows is what the report reads of choices and stamps"},
	{"view", "report/*", "the live page is the page with charts, served anew"},
	{"rundir/*", "rundir", "file layers, the fault-injecting one among them, implement rundir's"},
	{"prepare", "rundir", "prepared files are written atomically"},
	{"hub", "rundir", "downloads are durable, and what stops them is told as for a run's files"},
	{"weights", "rundir", "converted weights are written atomically, and named by the digest of what they were made of"},
}

func TestImportsPointDown(t *testing.T) {
	source := repository(t)
	for _, violation := range upward(source) {
		t.Error(violation)
	}
}

// upward returns a line for each import that does not point down, and for each package without a floor.
func upward(source tree) []string {
	var violations []string
	for _, folder := range source.folders {
		if tool(source.files[folder]) || supports(folder) {
			continue
		}
		if floorOf(folder) < 0 && slices.ContainsFunc(source.files[folder], func(f sourceFile) bool { return !f.test }) {
			violations = append(violations, fmt.Sprintf("%s has no floor: add it to floors in internal/layering", folder))
			continue
		}
		for _, f := range source.files[folder] {
			if f.test {
				continue
			}
			inside, _ := f.imports()
			for _, target := range inside {
				if why := forbidden(folder, target); why != "" {
					violations = append(violations, fmt.Sprintf("%s imports %s: %s", f.path, target, why))
				}
			}
		}
	}
	return violations
}

// forbidden says why from may not import to; empty where it may.
func forbidden(from, to string) string {
	if supports(to) {
		return "that package is for tests"
	}
	lower, upper := floorOf(to), floorOf(from)
	switch {
	case lower < 0:
		return "it has no floor"
	case lower > upper:
		return fmt.Sprintf("it is %d floors up", lower-upper)
	case lower < upper:
		return ""
	}
	for _, edge := range sameFloor {
		if matches(edge.from, from) && matches(edge.to, to) {
			return ""
		}
	}
	return "they are on one floor, and sameFloor has no such edge"
}

func floorOf(folder string) int {
	return slices.IndexFunc(floors, func(patterns []string) bool {
		return slices.ContainsFunc(patterns, func(pattern string) bool { return matches(pattern, folder) })
	})
}

// matches reports whether a folder is the pattern or, where that ends in /*, lies below it at any depth.
func matches(pattern, folder string) bool {
	if parent, ok := strings.CutSuffix(pattern, "/*"); ok {
		return strings.HasPrefix(folder, parent+"/")
	}
	return folder == pattern
}

// tool reports whether a folder holds a program for those who work on the package around it: it writes code or files
// that tests compare, and nobody imports it.
func tool(files []sourceFile) bool {
	return files[0].syntax.Name.Name == "main" && !matches("cmd/*", path.Dir(files[0].path))
}
