package main

import "github.com/quarry-ml/quarry/format/sentencetransformers"

// stMineFlags are the parameters of sentence-transformers' mine_hard_negatives (6.2.0), and behind them Quarry's own.
var stMineFlags = append([]pythonFlag{
	{name: "dataset", needed: true},
	{name: "model"},
	{name: "anchor_column_name"},
	{name: "positive_column_name"},
	{name: "corpus"},
	{name: "cross_encoder"},
	{name: "range_min", kind: pythonInt, standard: "0"},
	{name: "range_max", kind: pythonInt},
	{name: "max_score", kind: pythonFloat},
	{name: "min_score", kind: pythonFloat},
	{name: "absolute_margin", kind: pythonFloat},
	{name: "relative_margin", kind: pythonFloat},
	{name: "num_negatives", kind: pythonInt, standard: "3"},
	{name: "sampling_strategy", standard: "top", choices: []string{"random", "top"}},
	{name: "query_prompt_name"},
	{name: "query_prompt"},
	{name: "corpus_prompt_name"},
	{name: "corpus_prompt"},
	{name: "include_positives", kind: pythonBool, standard: "False"},
	{name: "output_format", standard: string(sentencetransformers.Triplet), choices: stFormats()},
	{name: "output_scores", kind: pythonBool, standard: "False"},
	{name: "batch_size", kind: pythonInt, standard: "32", does: "the memory decides how many texts go through the network together; a vector does not depend on it"},
	{name: "faiss_batch_size", kind: pythonInt, standard: "16384", does: "the search bounds its memory itself"},
	{name: "use_faiss", kind: pythonBool, standard: "False", does: "the search is exact, without faiss"},
	{name: "use_multi_process", kind: pythonList, does: "all cores of the processor work already"},
	{name: "verbose", kind: pythonBool, standard: "True"},
	{name: "cache_folder", does: "nothing is read from it or kept there: its names do not tell one local model from another. Vectors that are there already are given by --corpus-vectors and --query-vectors"},
	{name: "as_triplets", kind: pythonBool, does: "deprecated there; it says --output_format triplet, or n-tuple for False"},
	{name: "margin", kind: pythonFloat, does: "deprecated there; it says --absolute_margin"},

	{name: "output", needed: true},
	{name: "seed", kind: pythonInt, standard: "42"},
	{name: "corpus-vectors"},
	{name: "query-vectors"},
	{name: "run"},
	{name: "memory"},
	{name: "workers", kind: pythonInt, standard: "0"},
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
