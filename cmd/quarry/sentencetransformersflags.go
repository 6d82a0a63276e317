package main

import "github.com/quarry-ml/quarry/format/sentencetransformers"

// stMineFlags are the parameters of sentence-transformers' mine_hard_negatives (6.2.0), and behind them Quarry's own.
var stMineFlags = append([]pythonFlag{
	{name: "dataset", needed: true, about: "rows of anchors and positives: JSON lines, Parquet, or a data set's folder"},
	{name: "model", about: "model: a directory or a Hugging Face name"},
	{name: "anchor_column_name", about: "column of the anchors (the first)"},
	{name: "positive_column_name", about: "column of the positives (the second)"},
	{name: "corpus", about: "further passages to mine from"},
	{name: "cross_encoder", about: "cross-encoder that rescores where a margin or a limit of scores is given"},
	{name: "range_min", kind: pythonInt, standard: "0", about: "first rank that may become a negative"},
	{name: "range_max", kind: pythonInt, about: "rank behind the last one"},
	{name: "max_score", kind: pythonFloat, about: "drop a higher score"},
	{name: "min_score", kind: pythonFloat, about: "drop a lower score"},
	{name: "absolute_margin", kind: pythonFloat, about: "drop a score above the positive's less this"},
	{name: "relative_margin", kind: pythonFloat, about: "drop a score above the positive's x (1 - this)"},
	{name: "num_negatives", kind: pythonInt, standard: "3", about: "negatives of a query"},
	{name: "sampling_strategy", standard: "top", choices: []string{"random", "top"}, about: "how they are taken of those that are left"},
	{name: "query_prompt_name", about: "prompt of the model before anchors, by its name"},
	{name: "query_prompt", about: "prompt before anchors"},
	{name: "corpus_prompt_name", about: "prompt of the model before passages, by its name"},
	{name: "corpus_prompt", about: "prompt before passages"},
	{name: "include_positives", kind: pythonBool, standard: "False", about: "let positives be negatives too, for evaluation"},
	{name: "output_format", standard: string(sentencetransformers.Triplet), choices: stFormats(), about: "rows to write"},
	{name: "output_scores", kind: pythonBool, standard: "False", about: "a column of scores too"},
	{name: "batch_size", kind: pythonInt, standard: "32", does: "the memory decides how many texts go through the network together; a vector does not depend on it"},
	{name: "faiss_batch_size", kind: pythonInt, standard: "16384", does: "the search bounds its memory itself"},
	{name: "use_faiss", kind: pythonBool, standard: "False", does: "the search is exact, without faiss"},
	{name: "use_multi_process", kind: pythonList, does: "all cores of the processor work already"},
	{name: "verbose", kind: pythonBool, standard: "True", about: "print the table of scores and limits"},
	{name: "cache_folder", does: "nothing is read from it or kept there: its names do not tell one local model from another. Vectors that are there already are given by --corpus-vectors and --query-vectors"},
	{name: "as_triplets", kind: pythonBool, does: "deprecated there; it says --output_format triplet, or n-tuple for False", about: "deprecated there: --output_format triplet, or n-tuple for False"},
	{name: "margin", kind: pythonFloat, does: "deprecated there; it says --absolute_margin", about: "deprecated there: --absolute_margin"},

	{name: "output", needed: true, about: "JSON lines to write, packed for .gz and .zst", own: true},
	{name: "seed", kind: pythonInt, standard: "42", about: "of --sampling_strategy random", own: true},
	{name: "corpus-vectors", about: "vectors of the passages (.npy), in place of --model", own: true},
	{name: "query-vectors", about: "vectors of the anchors (.npy), in place of --model", own: true},
	{name: "run", about: "a TREC run, in place of --model", own: true},
	{name: "memory", about: "memory that may be taken, such as 8GiB", own: true},
	{name: "workers", kind: pythonInt, standard: "0", about: "threads (as many as there are cores)", own: true},
}, auditFlags...)

// stTupleScores is an output format of old: n-tuple with scores.
const stTupleScores = "n-tuple-scores"

func stFormats() []string {
	var names []string
	for _, l := range sentencetransformers.Layouts() {
		names = append(names, string(l))
	}
	return append(names, stTupleScores)
}
