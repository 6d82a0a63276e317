package rundir

import (
	"fmt"
	"path/filepath"
	"strings"
)

// Layout names every file of a run directory; it is the directory's path. No other code makes up names in one.
type Layout string

// Names of files and directories at the top of a run directory.
const (
	formatFile        = "quarry.json"
	lockFile          = "lock"
	logFile           = "log.txt"
	timesFile         = "times.jsonl"
	outsideScoresFile = "outside-scores.json"
	verdictsFile      = "verdicts.jsonl"
	pageFile          = "report.html"
	roundPrefix       = "round-"
	epochPrefix       = "epoch-"
	stampsDir         = "stamps"
	teacherScoresDir  = "teacher-scores"
	setsDir           = "sets"
)

// Format is the file that makes a directory a run directory: version, data and numeric identity.
func (l Layout) Format() string { return l.join(formatFile) }

// Lock is the file that a running process locks.
func (l Layout) Lock() string { return l.join(lockFile) }

// Recipe is the resolved recipe that the run last followed.
func (l Layout) Recipe() string { return l.join("recipe.resolved.yaml") }

// Log is the plain log.
func (l Layout) Log() string { return l.join(logFile) }

// Times holds durations of the stages and the memory that they held, one JSON object a line, outside every stamp.
func (l Layout) Times() string { return l.join(timesFile) }

// OutsideScores holds scores that a person took elsewhere, such as a leaderboard's.
func (l Layout) OutsideScores() string { return l.join(outsideScoresFile) }

// Verdicts holds what people said of mined negatives, one JSON object a line, outside every stamp.
func (l Layout) Verdicts() string { return l.join(verdictsFile) }

// Page is the run's report with its charts, written when a run ends.
func (l Layout) Page() string { return l.join(pageFile) }

// Guide is the vectors that a guide made of the corpus and of train and dev queries, for all rounds.
func (l Layout) Guide(name string) string { return l.join(filepath.Join("guides", name+".npy")) }

// SourceVectors is vectors that a further model of mine.sources made of a corpus or of queries, for all rounds.
func (l Layout) SourceVectors(name string) string {
	return l.join(filepath.Join("sources", name+".npy"))
}

// TeacherScores is what teachers said of pairs in all rounds, a file each. A run whose options name another folder for it
// has none.
func (l Layout) TeacherScores() string { return l.join(teacherScoresDir) }

// Relative returns path as stamps and manifests write it: relative to the run directory, with forward slashes.
// A path outside is an error.
func (l Layout) Relative(path string) (string, error) {
	relative, err := filepath.Rel(string(l), path)
	if err != nil {
		return "", fmt.Errorf("%s is not in run directory %s: %w", path, l, err)
	}
	if !filepath.IsLocal(relative) {
		return "", fmt.Errorf("%s is not in run directory %s", path, l)
	}
	return filepath.ToSlash(relative), nil
}

// Absolute is the inverse of Relative.
func (l Layout) Absolute(relative string) string { return l.join(filepath.FromSlash(relative)) }

// Reproducible says whether the file at a relative path has the same bytes in every run of the same recipe, identity
// and data, interrupted or not. The log, the times and the page that shows them, the lock, what people record beside the
// run, what teachers said in the order in which they were asked, and temporary files have not.
func (l Layout) Reproducible(relative string) bool {
	for _, part := range strings.Split(relative, "/") {
		if isTemporary(part) {
			return false
		}
	}
	if strings.HasPrefix(relative, teacherScoresDir+"/") { // grows as it is asked
		return false
	}
	switch relative {
	case lockFile, logFile, timesFile, outsideScoresFile, verdictsFile, pageFile:
		return false
	}
	return true
}

// Round names the files of round i, counted from 0.
func (l Layout) Round(i int) RoundLayout {
	return RoundLayout(l.join(fmt.Sprintf("%s%d", roundPrefix, i)))
}

// Stamp is the stamp of a stage of a round.
func (l Layout) Stamp(round int, stage string) string {
	return l.Round(round).join(filepath.Join(stampsDir, stage+".json"))
}

func (l Layout) join(name string) string { return filepath.Join(string(l), name) }

// Split names one of the sets of queries.
type Split string

// The splits that a recipe may name.
const (
	Train Split = "train"
	Dev   Split = "dev"
	Test  Split = "test"
)

// AlsoSplit is the split of a set of the recipe's data.also, in names of files and in what they say.
func AlsoSplit(name string) Split { return Split("also-" + name) }

// TrainingSet is a set of the recipe's data.sets in names of stages and in what is said of its files.
func TrainingSet(name string) string { return "set-" + name }

// RoundLayout names every file of one round; it is the round's directory.
type RoundLayout string

// Dir is the round's directory.
func (r RoundLayout) Dir() string { return string(r) }

// Set names the files of a set of the recipe's data.sets in the round, which are those of mining.
func (r RoundLayout) Set(name string) RoundLayout { return RoundLayout(filepath.Join(r.Sets(), name)) }

// Sets is the folder of the sets' own folders.
func (r RoundLayout) Sets() string { return r.join(setsDir) }

// PassageVectors is the corpus as the round's miner embeds it, [passages, dim] float32.
func (r RoundLayout) PassageVectors() string { return r.join(filepath.Join("vectors", "corpus.npy")) }

// QueryVectors is the queries of a split as the round's miner embeds them, [queries, dim] float32.
func (r RoundLayout) QueryVectors(s Split) string {
	return r.join(filepath.Join("vectors", string(s)+".npy"))
}

// Candidates is what the search kept for each query of a split.
func (r RoundLayout) Candidates(s Split) string {
	return r.join(filepath.Join("candidates", string(s)+".cand"))
}

// Negatives is the mined negatives of a split: negatives.jsonl for train, negatives-dev.jsonl for dev.
func (r RoundLayout) Negatives(s Split) string {
	if s == Train {
		return r.join("negatives.jsonl")
	}
	return r.join("negatives-" + string(s) + ".jsonl")
}

// Provenance is where the mined negatives of a split come from, in full: provenance.jsonl for train, provenance-dev.jsonl
// for dev.
func (r RoundLayout) Provenance(s Split) string {
	if s == Train {
		return r.join("provenance.jsonl")
	}
	return r.join("provenance-" + string(s) + ".jsonl")
}

// TeacherScores is what the round's teacher says of its pairs, those of train before those of dev.
func (r RoundLayout) TeacherScores() string { return r.join("teacher-scores.jsonl") }

// Audit is what the miner's audit found.
func (r RoundLayout) Audit() string { return r.join("audit.json") }

// Epoch is the directory of an epoch's checkpoint, adapter or full weights; that of epoch 0, the base, holds none.
func (r RoundLayout) Epoch(epoch int) string {
	return r.join(filepath.Join("epochs", fmt.Sprintf("%s%d", epochPrefix, epoch)))
}

// EpochScores is the scores of one epoch, written before the round's table is whole; epoch 0 is the base.
func (r RoundLayout) EpochScores(epoch int) string {
	return r.join(filepath.Join("epochs", fmt.Sprintf("%s%d.scores.json", epochPrefix, epoch)))
}

// EpochAlso is the scores of one epoch on a set of the recipe's data.also.
func (r RoundLayout) EpochAlso(name string, epoch int) string {
	return r.join(filepath.Join("epochs", fmt.Sprintf("%s%d.%s.json", epochPrefix, epoch, AlsoSplit(name))))
}

// EpochQueries is the scores of one epoch query by query: of dev and the sets of data.also, and of test for the base and
// the chosen epoch.
func (r RoundLayout) EpochQueries(s Split, epoch int) string {
	return r.join(filepath.Join("epochs", fmt.Sprintf("%s%d.%s.jsonl", epochPrefix, epoch, s)))
}

// EpochRanking is what an epoch ranks of the whole corpus for the queries of a split, in the format of candidates.
func (r RoundLayout) EpochRanking(s Split, epoch int) string {
	return r.join(filepath.Join("epochs", fmt.Sprintf("%s%d.%s.cand", epochPrefix, epoch, s)))
}

// TrainingState is what an interrupted fine-tuning resumes from.
func (r RoundLayout) TrainingState() string { return r.join("training-state") }

// External is where an outside trainer leaves its epochs, until they are taken over.
func (r RoundLayout) External() string { return r.join("external") }

// Steps is the log of optimizer steps.
func (r RoundLayout) Steps() string { return r.join("steps.jsonl") }

// Scores is the round's table: every epoch's measures.
func (r RoundLayout) Scores() string { return r.join("scores.json") }

// TestScores is the test split's measures of the base and of the chosen epoch.
func (r RoundLayout) TestScores() string { return r.join("test.json") }

// Choice is the epoch that was chosen and why.
func (r RoundLayout) Choice() string { return r.join("choice.json") }

// Merged is the round's result, a model directory.
func (r RoundLayout) Merged() string { return r.join("merged") }

// MergeCheck is what the check of the merge measured.
func (r RoundLayout) MergeCheck() string { return r.join("merge-check.json") }

// Manifest traces the round from its sources to its result.
func (r RoundLayout) Manifest() string { return r.join("manifest.json") }

func (r RoundLayout) join(name string) string { return filepath.Join(string(r), name) }
