package main

import (
	"fmt"
	"slices"
	"strings"
)

// asksHelp says whether words ask for the help of a mode.
func asksHelp(words []string) bool {
	return slices.Contains(words, "--help") || slices.Contains(words, "-h")
}

// helpOfMode is what a mode's own flags are, a line each, and which of Quarry's stand beside them.
func helpOfMode(mode string) (string, error) {
	var b strings.Builder
	flags, about := hnMineFlags, hnMineAbout
	switch mode {
	case compatFlagEmbedding:
		b.WriteString("quarry mine with the flags of FlagEmbedding's hn_mine.py, as it mines: docs/migrate-from-flagembedding.md. Any of them that\nquarry mine has not selects this mode, with or without --compat flagembedding.\n\n")
	case compatSentenceTransformers:
		flags, about = stMineFlags, stMineAbout
		b.WriteString("quarry mine with the parameters of sentence-transformers' mine_hard_negatives, as it mines:\ndocs/migrate-from-sentence-transformers.md.\n\n")
	default:
		return "", badInputf("--compat %s: want %s or %s", mode, compatFlagEmbedding, compatSentenceTransformers)
	}
	ours := false
	fmt.Fprintf(&b, "Its flags:\n")
	for _, f := range flags {
		if !ours && slices.Contains(quarrysOwn, f.name) {
			ours = true
			fmt.Fprintf(&b, "\nOf Quarry's flags, those that may stand beside them, and no others:\n")
		}
		fmt.Fprintf(&b, "  --%-40s %s\n", f.name, aboutFlag(f, about[f.name]))
	}
	return b.String(), nil
}

// quarrysOwn are the flags of the modes that their programs have not, which stand behind the others.
var quarrysOwn = []string{"output", "seed", "corpus-vectors", "query-vectors", "run", "memory", "workers", "expect", "json"}

// aboutFlag is a line on a flag: what it is, what it can be, and what it is where it is absent.
func aboutFlag(f pythonFlag, about string) string {
	if about == "" {
		about = "no meaning here: " + f.does
	}
	switch {
	case len(f.choices) > 0:
		about += ": " + strings.Join(f.choices, ", ")
	case f.kind == pythonBool && f.does == "":
		about += ": True or False"
	}
	switch {
	case f.needed:
		about += " (needed)"
	case f.standard != "" && f.does == "":
		about += " (" + f.standard + ")"
	}
	return about
}

var hnMineAbout = map[string]string{
	"input_file":                             "rows: query, pos and perhaps neg",
	"output_file":                            "JSON lines to write, packed for .gz and .zst",
	"candidate_pool":                         "passages to mine from: JSON lines with text (the rows' own pos and neg)",
	"range_for_sampling":                     "ranks a-b that may become negatives, counted from 0; positives use up slots",
	"negative_number":                        "negatives a row",
	"embedder_name_or_path":                  "model: a directory or a Hugging Face name",
	"embedder_model_class":                   "what the model is, where its name does not tell",
	"normalize_embeddings":                   "bring vectors to length 1",
	"pooling_method":                         "how tokens become a vector",
	"query_instruction_for_retrieval":        "instruction before each query",
	"query_instruction_format_for_retrieval": "how instruction and query are joined; \\n is a newline",
	"examples_for_task":                      "in-context examples: a JSON list of {\"query\", \"response\"}",
	"embedder_query_max_length":              "tokens of a query at most",
	"embedder_passage_max_length":            "tokens of a passage at most",
	"shuffle_data":                           "shuffle the rows (the fork's)",
	"add_examples_for_task":                  "take the examples of --examples_for_task (the fork's)",
	"seed":                                   "of the draw",
	"expect":                                 "a bound of the audit's findings, such as above_positive<=2%; may be given again",
	"json":                                   "print the audit as JSON",
}

var stMineAbout = map[string]string{
	"dataset":              "rows of anchors and positives: JSON lines, Parquet, or a data set's folder",
	"model":                "model: a directory or a Hugging Face name",
	"anchor_column_name":   "column of the anchors (the first)",
	"positive_column_name": "column of the positives (the second)",
	"corpus":               "further passages to mine from",
	"cross_encoder":        "cross-encoder that rescores where a margin or a limit of scores is given",
	"range_min":            "first rank that may become a negative",
	"range_max":            "rank behind the last one",
	"max_score":            "drop a higher score",
	"min_score":            "drop a lower score",
	"absolute_margin":      "drop a score above the positive's less this",
	"relative_margin":      "drop a score above the positive's x (1 - this)",
	"num_negatives":        "negatives of a query",
	"sampling_strategy":    "how they are taken of those that are left",
	"query_prompt_name":    "prompt of the model before anchors, by its name",
	"query_prompt":         "prompt before anchors",
	"corpus_prompt_name":   "prompt of the model before passages, by its name",
	"corpus_prompt":        "prompt before passages",
	"include_positives":    "let positives be negatives too, for evaluation",
	"output_format":        "rows to write",
	"output_scores":        "a column of scores too",
	"verbose":              "print the table of scores and limits",
	"as_triplets":          "deprecated there: --output_format triplet, or n-tuple for False",
	"margin":               "deprecated there: --absolute_margin",
	"output":               "JSON lines to write, packed for .gz and .zst",
	"seed":                 "of --sampling_strategy random",
	"corpus-vectors":       "vectors of the passages (.npy), in place of --model",
	"query-vectors":        "vectors of the anchors (.npy), in place of --model",
	"run":                  "a TREC run, in place of --model",
	"memory":               "memory that may be taken, such as 8GiB",
	"workers":              "threads (as many as there are cores)",
	"expect":               "a bound of the audit's findings, such as above_positive<=2%; may be given again",
	"json":                 "print the audit as JSON",
}
