package recipe

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"

	"go.yaml.in/yaml/v3"

	"github.com/quarry-ml/quarry/eval"
)

// Version is the version of the recipe's own language.
const Version = 1

// How weights are taken.
const (
	StoredWeights = "stored"
	BF16Weights   = "bf16"
)

// Recipe is everything that a run follows.
type Recipe struct {
	// Version of the recipe's language.
	Version int `yaml:"version" in:"[1,1]"`
	// Name of the recipe; the run directory is runs/NAME beside it. Letters, digits, dots, dashes and underscores.
	Name string `yaml:"name" unset:"the file's name without its extension"`
	// Model that round 0 mines with, and the base that it trains from: a directory, or where there is none of that
	// name a Hugging Face name such as BAAI/bge-small-en-v1.5, with @revision or without, which `quarry pull` has downloaded.
	Model Path `yaml:"model" need:"true"`
	// Files of texts. A file may also be a split of [a data set's folder](formats/parquet.md#a-data-sets-folder): folder/train.
	Data Data `yaml:"data"`
	// What is put around texts before they are embedded.
	Prompts Prompts `yaml:"prompts"`
	// How the vectors of a text's tokens become one. Must be given where the model directory does not say it (no modules.json).
	Pooling string `yaml:"pooling" in:"cls|mean|max|lasttoken|weightedmean" unset:"as the model says"`
	// Whether vectors are brought to length 1. Needed only where the model does not say it.
	Normalize *bool `yaml:"normalize" unset:"as the model says"`
	// Leading numbers of a vector that are kept wherever texts are embedded to be compared: mining, evaluation and the
	// merged model. Training sees whole vectors; finetune.matryoshka makes their leading parts good.
	TruncateDim int `yaml:"truncate_dim" in:"[1,)" unset:"as the model says"`
	// Special tokens that the model's tokenizer has to have, such as `<instruct>` and `<query>`: a list. Those that it lacks
	// are added behind its vocabulary, in the miner as in the base, and each gets the mean of all word embeddings for its own.
	// Training in full trains those, too; beside an adapter they are kept as they are.
	AdditionalSpecialTokens []string `yaml:"additional_special_tokens" unset:"none"`
	// Operands of matrix products: auto takes bf16 where the processor has it. Everything else is f32 always.
	Precision string `yaml:"precision" in:"auto|f32|bf16"`
	// How the weights of the models that the recipe names are taken: stored, as they are published, or bf16: those in F32
	// are rounded, once, into Quarry's cache.
	Weights string `yaml:"weights" in:"stored|bf16"`
	// Key of every random draw.
	Seed uint64 `yaml:"seed"`
	// Memory to stay within. It changes speed, never a result; one that does not hold a block of training is an error.
	Memory Size `yaml:"memory" unset:"what the machine has free"`
	// Processor cores to use. It changes speed, never a result.
	Workers int `yaml:"workers" in:"[1,)" unset:"all there are"`
	// What is measured after every epoch.
	Eval Eval `yaml:"eval"`

	Stages `yaml:",inline"`

	// One entry a round, each with what it does differently from the sections above; {} for nothing. Rounds do not
	// inherit from each other. Without the list there is one round.
	Rounds []Stages `yaml:"rounds"`

	// Cross-validation: the recipe is run on folds of its queries, and once more on each for other settings.
	Folds Folds `yaml:"folds"`

	// Program to run when the run has ended, well or not: a list of program and arguments, or one string for the
	// shell. It is told the outcome; see [external trainers](external-trainer.md#on_finish).
	OnFinish Command `yaml:"on_finish" unset:"nothing"`

	file  string
	lines map[string]int // of each key path that the file gives
}

// Stages is the settings that a round may override.
type Stages struct {
	// Tokens kept of a text, special tokens included.
	Lengths Lengths `yaml:"lengths"`
	// In-context examples before queries.
	Examples Examples `yaml:"examples"`
	// Which passages become negatives.
	Mine Mine `yaml:"mine"`
	// How the model is trained.
	Finetune Finetune `yaml:"finetune"`
	// Which epoch becomes the round's result: a section with metric, min_gain, max_p and patience; a section with epoch and
	// because; or the word ask. A round's own rule replaces this one whole.
	Select eval.SelectRule `yaml:"select"`
	// Model that rounds after the first mine with: the last round's merged model, the recipe's model (base), or a
	// directory, which round 0 uses too.
	MineWith Miner `yaml:"mine_with"`
	// Weights that rounds after the first train from: the recipe's model (base) or the last round's merged model.
	TrainFrom string `yaml:"train_from" in:"base|merged"`

	// What the rounds of each of data.sets mine, in its order; no key. SetMine reads it.
	Sets []Mine
}

// Data names the files of texts: JSONL, one object a line, packed or not, or Parquet.
type Data struct {
	// Passages: text, and optionally id (or _id) and title.
	Corpus Path `yaml:"corpus" need:"true"`
	// Training queries: query (or text), optionally id, and the positives as pos texts or correct_id/positive_ids.
	Train Path `yaml:"train" need:"true"`
	// Held-out queries that every epoch is evaluated and chosen by, in the same form.
	Dev Path `yaml:"dev" need:"true"`
	// Queries scored only for the base and each round's chosen model, never seen by mining or choosing.
	Test Path `yaml:"test" unset:"none"`
	// Other sets of queries that every epoch is scored on and that nothing is chosen by, such as what the model could do
	// before: a list, one entry a set.
	Also []Also `yaml:"also" unset:"none"`
	// Further training sets, each mined in its own corpus: a list, one entry a set. Every step of the training is of one set;
	// [several sets](mining.md#several-sets) tells how many are of which.
	Sets []Set `yaml:"sets" unset:"none" omit:"true"`
	// Sampling weight of the queries of data.train beside those of data.sets.
	Weight float64 `yaml:"weight" in:"(0,1e9]" unset:"shares are by size" omit:"true"`
	// In-context examples: query and response, optionally query_id, the id of the query that an example was made of.
	Examples Path `yaml:"examples" unset:"none"`
	// Key that holds ids in all of these files.
	IDField string `yaml:"id_field" unset:"id, or _id in a corpus"`
	// Key of queries that belong together, such as answers to one question: kept within one split, resampled together.
	GroupField string `yaml:"group_field" unset:"none"`
	// Key of passages that belong together, such as those of one topic, for mine.same_group.
	PassageGroupField string `yaml:"passage_group_field" unset:"none"`
	// Go on although a dev or test query, its text or its group is also among the training queries, or one of data.also, or a test query among those of dev. The training and dev queries of data.sets count with these.
	AllowLeakage bool `yaml:"allow_leakage"`
}

// Lengths is the tokens kept of a text; what is beyond is cut off.
type Lengths struct {
	// Of a query, its prompt included.
	Query int `yaml:"query" in:"[1,)" unset:"as the model says"`
	// Of a passage, its prompt included.
	Passage int `yaml:"passage" in:"[1,)" unset:"as the model says"`
}

// Load reads the recipe at path. Errors name file and line, one a line of the message.
func Load(path string) (*Recipe, error) {
	content, err := os.ReadFile(path)
	if err != nil {
		return nil, fmt.Errorf("recipe: %w", err)
	}
	return Parse(content, path)
}

// Parse reads a recipe from its text. name is the path of its file: errors name it, and relative paths start beside it.
func Parse(content []byte, name string) (*Recipe, error) {
	d := &decoder{file: name, lines: map[string]int{}, mines: map[string]*yaml.Node{}}
	root, err := d.document(content)
	if err != nil {
		return nil, err
	}
	if err := d.checkVersion(root); err != nil {
		return nil, err
	}
	r := defaults()
	r.file, r.lines = name, d.lines
	d.recipe(root, r)
	if len(d.problems) > 0 {
		r.checkApart(d)
		return nil, d.err()
	}
	r.resolve()
	r.check(d)
	return r, d.err()
}

// Locate asks find for each model that the recipe names and takes its answer: where the model lies, for one may also be
// named as on the Hugging Face hub. Errors name the line.
func (r *Recipe) Locate(find func(Path) (Path, error)) error {
	type named struct {
		key  string
		path *Path
	}
	models := []named{{"model", &r.Model}, {"mine_with", &r.MineWith.Dir}, {"finetune.guide", &r.Finetune.Guide}, {"mine.teacher.model", &r.Mine.Teacher.Model}}
	for n, rounds := range r.allRounds() {
		for i := range rounds {
			at := fmt.Sprintf("rounds[%d]", i)
			if n > 0 {
				at = fmt.Sprintf("folds.settings[%d]", n-1)
			}
			rounds[i].eachSource(func(set int, s *Source) {
				key := at + ".mine.sources"
				if own := fmt.Sprintf("data.sets[%d].mine.sources", set-1); set > 0 && r.lines[own] > 0 {
					key = own
				} else if r.lines[key] == 0 {
					key = "mine.sources"
				}
				models = append(models, named{key, &s.Model})
			})
			models = append(models, named{at + ".mine_with", &rounds[i].MineWith.Dir}, named{at + ".finetune.guide", &rounds[i].Finetune.Guide},
				named{at + ".mine.teacher.model", &rounds[i].Mine.Teacher.Model})
		}
	}
	for _, m := range models {
		if m.path.Written == "" {
			continue
		}
		var err error
		if *m.path, err = find(*m.path); err != nil {
			return fmt.Errorf("%s: %s: %w", r.At(m.key), m.key, err)
		}
	}
	return nil
}

// Round returns the resolved settings of round i, counted from 0.
func (r *Recipe) Round(i int) Stages { return r.Rounds[i] }

// Dir is the run directory that the recipe means unless told otherwise: runs/NAME beside it.
func (r *Recipe) Dir() string { return filepath.Join(filepath.Dir(r.file), "runs", r.Name) }

// File is the path that the recipe was read from.
func (r *Recipe) File() string { return r.file }

// At returns "recipe.yaml:12" for a key path such as "data.train" or "rounds[1].mine.window": the line that gives it,
// else that of the nearest section around it, else the file alone. Errors about a setting begin with it.
func (r *Recipe) At(key string) string {
	if line := lineOf(r.lines, key); line > 0 {
		return fmt.Sprintf("%s:%d", r.file, line)
	}
	return r.file
}

// AtRound is At of a key as round i, counted from 0, has it: where the round gives it, else where the recipe does.
func (r *Recipe) AtRound(i int, key string) string {
	own := fmt.Sprintf("rounds[%d].%s", i, key)
	if r.lines[own] > 0 {
		return r.At(own)
	}
	return r.At(key)
}

// lineOf finds the line of a key path or of the nearest section around it; 0 where there is none.
func lineOf(lines map[string]int, key string) int {
	for key != "" {
		if line, ok := lines[key]; ok {
			return line
		}
		key = key[:max(0, strings.LastIndexAny(key, ".["))]
	}
	return 0
}
