package main

// hnMineFlags are those of FlagEmbedding's hn_mine.py, upstream's and those of the reference pipeline's fork.
var hnMineFlags = append([]pythonFlag{
	{name: "input_file", needed: true, about: "rows: query, pos and perhaps neg"},
	{name: "output_file", needed: true, about: "JSON lines to write, packed for .gz and .zst"},
	{name: "candidate_pool", about: "passages to mine from: JSON lines with text (the rows' own pos and neg)"},
	{name: "range_for_sampling", standard: "10-210", about: "ranks a-b that may become negatives, counted from 0; positives use up slots"},
	{name: "negative_number", kind: pythonInt, standard: "15", about: "negatives a row"},
	{name: "use_gpu_for_searching", kind: pythonBool, standard: "False", does: "the search is exact and runs on the processor"},
	{name: "search_batch_size", kind: pythonInt, least: "1", standard: "64", does: "has no effect, as in FlagEmbedding"},
	{name: "embedder_name_or_path", needed: true, about: "model: a directory or a Hugging Face name"},
	{name: "embedder_model_class", choices: []string{classEncoder, classM3, classDecoder, classICL}, about: "what the model is, where its name does not tell"},
	{name: "normalize_embeddings", kind: pythonBool, standard: "True", about: "bring vectors to length 1"},
	{name: "pooling_method", standard: "cls", choices: []string{"cls", "mean", "last_token"}, about: "how tokens become a vector"},
	{name: "use_fp16", kind: pythonBool, standard: "True", does: "products are f32 or bf16, as the processor has it"},
	{name: "devices", kind: pythonList, does: "everything runs on the processor"},
	{name: "query_instruction_for_retrieval", about: "instruction before each query"},
	{name: "query_instruction_format_for_retrieval", standard: "{}{}", about: "how instruction and query are joined; \\n is a newline"},
	{name: "examples_for_task", about: "in-context examples: a JSON list of {\"query\", \"response\"}"},
	{name: "examples_instruction_format", standard: "{}{}", does: "an example stands in the query's own format, with suffix and answer behind it"},
	{name: "trust_remote_code", kind: pythonBool, standard: "False", does: "no code of a model is ever run"},
	{name: "cache_dir", does: "the model is opened where it lies"},
	{name: "batch_size", kind: pythonInt, least: "1", standard: "3000", does: "the memory decides how many texts go through the network together; a vector does not depend on it"},
	{name: "embedder_query_max_length", kind: pythonInt, standard: "512", about: "tokens of a query at most"},
	{name: "embedder_passage_max_length", kind: pythonInt, standard: "512", about: "tokens of a passage at most"},
	{name: "shuffle_data", kind: pythonBool, standard: "False", about: "shuffle the rows (the fork's)"},
	{name: "add_examples_for_task", kind: pythonBool, standard: "False", about: "take the examples of --examples_for_task (the fork's)"},
	{name: "seed", kind: pythonInt, standard: "42", about: "of the draw", own: true}, // of neither program; Quarry's own
}, auditFlags...)
