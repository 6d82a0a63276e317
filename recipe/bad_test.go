package recipe_test

// badRecipes is what each testdata/*.bad.yaml is told, one line a problem.
var badRecipes = map[string][]string{
	"also": {
		`recipe.yaml:8: data.also[0].queries is the dev file, which every epoch is scored on as it is`,
		`recipe.yaml:9: data.also[1].name "General" is taken by data.also[0]`,
		`recipe.yaml:9: data.also[1].queries is the training file: hold queries out, or set data.allow_leakage`,
		`recipe.yaml:10: data.also[2].name "a/b": want letters, digits, dots, dashes and underscores: it is part of file names`,
		`recipe.yaml:10: data.also[2].queries is the test file, which is scored for the base and chosen epochs alone`,
		`recipe.yaml:11: data.also[3].name "test" is what the run calls its own: tables could not tell them apart; name the set otherwise than train, dev, test, base`,
		`recipe.yaml:12: data.also[4].name "Dev" is what the run calls its own: tables could not tell them apart; name the set otherwise than train, dev, test, base`,
	},
	"also-keys": {
		`recipe.yaml:4: unknown key "query_prefix" in data.also[0]; did you mean "query_prompt"?`,
		`recipe.yaml:5: data.also[1]: want keys and values, not "general.jsonl"`,
	},
	"also-missing": {
		`recipe.yaml:3: data.also[0].queries is missing`,
		`recipe.yaml:5: data.also[1].name is missing`,
	},
	"accumulate": {
		"recipe.yaml:3: finetune.accumulate is 5, but a batch of 32 queries does not divide into so many blocks",
	},
	"commands": {
		"recipe.yaml:3: on_finish: the list is empty",
		"recipe.yaml:5: finetune.external.command: want a program: a list of program and arguments, or one string for the shell",
	},
	"complex-key": {
		"recipe.yaml:3: want a key, not a list",
	},
	"lora-beside-full": {
		"recipe.yaml:4: finetune.lora is of no use without finetune.method lora",
		"recipe.yaml:7: round 1: finetune.lora is of no use without finetune.method lora",
		"recipe.yaml:12: setting b: finetune.lora is of no use without finetune.method lora",
	},
	"losses": {
		"recipe.yaml:4: finetune.distill m3_kd_loss takes the place of the loss that finetune.both_directions is about: leave one out",
		"recipe.yaml:6: finetune.guide_mask and finetune.guide_margin are of no use without finetune.guide",
		"recipe.yaml:7: finetune.matryoshka dims [64 64]: different numbers, each at least 1",
		"recipe.yaml:12: round 1: finetune.teacher_scores is of no use without finetune.distill",
		"recipe.yaml:15: round 1: finetune.matryoshka: 1 weights for 2 dims: one for each",
	},
	"sources": {
		`recipe.yaml:6: mine.sources[1] is "words"; want one of dense, bm25, model, run, vectors`,
		"recipe.yaml:8: mine.sources[3]: want keys and values, or a word such as bm25, not a list",
		"recipe.yaml:10: rounds[0].mine.sources: the list is empty",
		"recipe.yaml:11: rounds[1].mine.source is none, but rounds[1].mine.sources comes to fused: leave one out",
	},
	"sources-crossed": {
		"recipe.yaml:6: round 0: mine.margin compares scores, and reciprocal ranks are none: want mine.fuse weighted",
		"recipe.yaml:7: round 1: mine.source run is of no use without mine.sources, which names it",
		"recipe.yaml:8: round 2: mine.sources: dense is named twice",
		"recipe.yaml:8: round 2: mine.sources[2]: kind run needs run",
		"recipe.yaml:8: round 2: mine.fuse_weights has 2 values: want 3, one for each of mine.sources",
		"recipe.yaml:9: round 3: mine.sources[0]: run has no part with kind model",
		"recipe.yaml:9: round 3: mine.sources[1]: kind vectors needs dev_vectors: dev queries are mined too, for eval_loss",
		"recipe.yaml:10: round 4: mine.sources[0]: kind vectors needs train_vectors",
		`recipe.yaml:10: round 4: mine.sources[1]: query_suffix "a {}": it stands behind the text, and has no {} for it`,
		"recipe.yaml:11: round 5: mine.sources[0]: kind is missing",
		"recipe.yaml:12: round 6: mine.fuse_weights [0 0]: want one above 0, or no source counts",
	},
	"sets": {
		`recipe.yaml:9: data.sets[0].name "FAQ" is taken by data.also[0]`,
		"recipe.yaml:9: data.sets[0].train is the file of data.dev: hold queries out, or set data.allow_leakage",
		`recipe.yaml:10: data.sets[1].name "a/b": want letters, digits, dots, dashes and underscores: it is part of file names`,
		"recipe.yaml:10: data.sets[1].weight and data.weight: all sets have a weight, the main one by data.weight, or none has",
		"recipe.yaml:10: data.sets[1].mine.source is none, but that of round 0 is dense: all sets of a round are mined, or none is",
		"recipe.yaml:11: data.sets[2]: mine.same_group needs data.passage_group_field: the key of the corpus that holds groups",
		"recipe.yaml:13: data.sets[2].dev is the training file: hold queries out, or set data.allow_leakage",
		"recipe.yaml:15: data.sets[2].passage_group_field is of a corpus of the set's own: the run's has data.passage_group_field",
		"recipe.yaml:16: data.sets[2], round 0: mine.depth is 200, but mine.window 20-300 ends later: want 300 or more",
		"recipe.yaml:18: data.sets[2].mine.teacher: all sets have that of mine in common: leave it out",
	},
	"typos-beside": {
		`recipe.yaml:8: unknown key "corpsu" in data.also[1]; did you mean "corpus"?`,
		`recipe.yaml:8: data.also[1].name "general" is taken by data.also[0]`,
		`recipe.yaml:10: data.sets[0].name "general" is taken by data.also[1]`,
		`recipe.yaml:12: unknown key "windw" in mine; did you mean "window"?`,
		"recipe.yaml:13: mine.sources[1]: kind run needs run",
		"recipe.yaml:13: mine.sources[2]: kind vectors needs dev_vectors: dev queries are mined too, for eval_loss",
		`recipe.yaml:17: unknown key "rn" in mine.sources[3]; did you mean "run"?`,
	},
	"sets-keys": {
		"recipe.yaml:8: data.sets[0].weight is 0; want more than 0, at most 1e+09",
		`recipe.yaml:9: data.sets[1]: want keys and values, not "mine"`,
		"recipe.yaml:10: data.sets[2].lengths.query is 0; want 1 or more",
		`recipe.yaml:10: data.sets[2].mine: want keys and values, not "2-100"`,
		`recipe.yaml:13: unknown key "windw" in data.sets[3].mine; did you mean "window"?`,
		`recipe.yaml:14: data.sets[3].mine.negatives: want a whole number, not "many"`,
	},
	"sets-missing": {
		"recipe.yaml:7: data.sets[0].train is missing",
		"recipe.yaml:8: data.sets[1].name is missing",
	},
	"weight-alone": {
		"recipe.yaml:2: data.weight is of no use without data.sets",
	},
	"control-character": {
		"recipe.yaml:2: control character U+0007: remove it",
	},
	"depth": {
		"recipe.yaml:3: mine.depth is 150, but mine.window 2-200 ends later: want 200 or more",
		"recipe.yaml:7: round 2: mine.depth is 150, but mine.window 2-300 ends later: want 300 or more",
	},
	"dev-is-train": {
		"recipe.yaml:5: data.dev is the training file: hold queries out, or set data.allow_leakage",
		"recipe.yaml:6: data.test is the training file: hold queries out, or set data.allow_leakage",
	},
	"test-is-dev": {
		"recipe.yaml:6: data.test is the dev file: epochs are chosen by it; hold other queries out, or set data.allow_leakage",
	},
	"empty": {
		"recipe.yaml: the recipe is empty",
	},
	"empty-path": {
		"recipe.yaml:1: model is empty: name a file or directory",
		"recipe.yaml:2: data.dev: want text, not a list",
	},
	"eval-depth": {
		"recipe.yaml:5: eval.depth is 100, but a metric looks at 1000 hits",
	},
	"examples": {
		"recipe.yaml:4: examples.mine is -1; want 0 or more",
		`recipe.yaml:4: examples.leaks is "ignore"; want one of error, pass_over`,
	},
	"examples-without-file": {
		`recipe.yaml:3: prompts.suffix "{}!": it stands behind the text, and has no {} for it`,
		"recipe.yaml:4: examples.eval is 2, but there is no file of examples: give data.examples",
		"recipe.yaml:7: round 1: examples.mine is 1, but there is no file of examples: give data.examples",
	},
	"folds": {
		"recipe.yaml:7: folds.metric ndcg@10 is not among eval.metrics [map@25]: add it there",
		`recipe.yaml:9: folds.settings[0].name "a/b": want letters, digits, dots, dashes and underscores: it is part of the names of run directories`,
		`recipe.yaml:11: folds.settings[2].name "slow" is taken`,
		"recipe.yaml:11: setting slow, round 0: finetune.accumulate is 2, but a batch of 7 queries does not divide into so many blocks",
		"recipe.yaml:11: setting slow, round 1: finetune.accumulate is 2, but a batch of 7 queries does not divide into so many blocks",
		"recipe.yaml:12: setting narrow, round 1: mine.negatives is 25, but mine.window 0-20 holds 20 ranks",
	},
	"folds-keys": {
		"recipe.yaml:5: folds.count is 1; want 2 or more",
		`recipe.yaml:7: unknown key "learning_rate" in folds.settings[0]; did you mean finetune.learning_rate?`,
		`recipe.yaml:8: folds.settings[1]: want a name and what the setting does differently, not "slower"`,
	},
	"folds-without-count": {
		"recipe.yaml:4: folds.unseen_share is of no use without folds.count",
		"recipe.yaml:5: folds.settings is of no use without folds.count",
	},
	"first-line": {
		"recipe.yaml:2: not YAML: found unexpected end of stream",
	},
	"first-line-parser": {
		"recipe.yaml:2: not YAML: did not find expected ',' or '}'",
	},
	"fused": {
		"recipe.yaml:5: mine.margin compares scores, and reciprocal ranks are none: want mine.fuse weighted",
		"recipe.yaml:6: mine.fuse_weights has 3 values: want 2, the miner's and BM25's",
		"recipe.yaml:10: round 2: mine.depth is 200, but mine.window 0-300 ends later: want 300 or more",
	},
	"huge": {
		`recipe.yaml:3: mine.window: a rank is too large in "0-999999999999"`,
		"recipe.yaml:5: finetune.batch: 99999999999999999999 is too large: want a whole number",
		"recipe.yaml:6: finetune.epochs: -99999999999999999999 is too small: want a whole number",
		`recipe.yaml:7: eval.metrics: measure "recall@99999999999": the cutoff 99999999999 is too large`,
	},
	"key-twice": {
		"recipe.yaml:4: mine.window is given twice, first in line 4",
		"recipe.yaml:5: seed is given twice, first in line 3",
	},
	"learned-temperature": {
		"recipe.yaml:3: finetune.temperature is 0.005, but one that is learned starts and stays between 0.01 and 1",
		"recipe.yaml:5: round 0: finetune.temperature is 2, but one that is learned starts and stays between 0.01 and 1",
	},
	"merge-key": {
		`recipe.yaml:5: unknown key "<<" in rounds[0]; merge keys are not supported: rounds merge with the sections above by themselves`,
	},
	"metric-twice": {
		"recipe.yaml:3: eval.metrics: map@25 is named twice",
	},
	"metrics": {
		`recipe.yaml:3: eval.metrics: unknown measure "recal@25": did you mean "recall@25"? (known: map@k, map, recall@k, hit@k, mrr@k, mrr, ndcg@k, ndcg, precision@k, r-precision)`,
		`recipe.yaml:3: eval.convention is "pytrec"; want one of sentence-transformers, trec_eval, kaggle, ranx, beir`,
	},
	"warmup": {
		"recipe.yaml:6: round 1: finetune.warmup_steps has no part with finetune.schedule constant, whose rate does not rise: use constant_with_warmup",
		"recipe.yaml:8: rounds[3].finetune.warmup_ratio has no part with finetune.warmup_steps, which stand in its place: give one of them",
	},
	"warmup-twice": {
		"recipe.yaml:5: rounds[1].finetune.warmup_ratio has no part with finetune.warmup_steps, which stand in its place: give one of them",
		"recipe.yaml:7: finetune.warmup_ratio has no part with finetune.warmup_steps, which stand in its place: give one of them",
	},
	"metrics-empty": {
		"recipe.yaml:3: eval.metrics: the list is empty",
	},
	"missing-keys": {
		"recipe.yaml: model is missing",
		"recipe.yaml:1: data.train is missing",
		"recipe.yaml:1: data.dev is missing",
	},
	"mining-rules": {
		"recipe.yaml:4: mine.sampling by score needs a sampling_temperature above 0, such as 0.05, not 0",
		"recipe.yaml:10: round 1: mine.quotas: 2-20:9 and 19-30:1 overlap",
		"recipe.yaml:14: round 2: mine.quotas: they ask for 9 negatives, but 7 of all 15 are left beside those kept and random",
		"recipe.yaml:15: round 3: mine.same_group needs data.passage_group_field: the key of the corpus that holds groups",
	},
	"teacher": {
		"recipe.yaml:8: round 2: mine.teacher.logits has no part with mine.teacher.kind embedder",
		"recipe.yaml:9: round 3: mine.teacher.query_prompt has no part with mine.teacher.kind cross-encoder",
		"recipe.yaml:10: round 4: mine.teacher.margin: negatives that are kept, random or given are not scored by a teacher: leave kept, random and given out, or the margin",
	},
	"teacher-rounded": {
		"recipe.yaml:5: round 0: mine.teacher: weights bf16 rounds embedders alone: want mine.teacher.kind embedder, if it is one, or weights stored",
	},
	"teacher-without-model": {
		"recipe.yaml:5: round 1: mine.teacher is of no use without mine.teacher.model",
	},
	"name-of-a-path": {
		`recipe.yaml:3: name "../elsewhere": want letters, digits, dots, dashes and underscores: it names the run directory`,
	},
	"negatives-fill-no-window": {
		"recipe.yaml:4: mine.negatives is 15, but mine.window 2-10 holds 8 ranks",
	},
	"newer-version": {
		"recipe.yaml:1: version 2 is newer than this quarry reads (1): update quarry",
	},
	"not-a-mapping": {
		`recipe.yaml:1: want keys and values such as "model: DIR", not a list`,
	},
	"not-utf8": {
		"recipe.yaml:2: not UTF-8: save the recipe as UTF-8",
	},
	"nothing-to-learn-from": {
		"recipe.yaml:5: round 0: finetune.batch and finetune.group_size leave each query alone with its positive: it has nothing to learn from",
	},
	"null-where-a-value-is-needed": {
		"recipe.yaml:3: seed has no value: give one, or leave the key out for the default",
		"recipe.yaml:4: finetune.epochs has no value: give one, or leave the key out for the default",
	},
	"out-of-range": {
		`recipe.yaml:3: precision is "fp16"; want one of auto, f32, bf16`,
		"recipe.yaml:4: workers is 0; want 1 or more",
		"recipe.yaml:5: mine.negatives is 0; want 1 or more",
		`recipe.yaml:5: mine.sampling is "topp"; want one of uniform, top, rank, score; did you mean "top"?`,
		"recipe.yaml:7: finetune.epochs is 0; want 1 or more",
		"recipe.yaml:8: finetune.learning_rate is 0; want more than 0",
		"recipe.yaml:9: finetune.warmup_ratio is 1.5; want 0 to 1",
		"recipe.yaml:10: finetune.betas is 1; want 0 to less than 1",
		"recipe.yaml:11: finetune.eps is -1e-08; want more than 0",
		`recipe.yaml:12: finetune.temperature: want a number, not ".nan"`,
		`recipe.yaml:13: finetune.schedule is "lineal"; want one of linear, cosine, constant, constant_with_warmup; did you mean "linear"?`,
		`recipe.yaml:14: finetune.weight_decay: want a number, not "-.inf"`,
		"recipe.yaml:15: finetune.lora.dropout is 1; want 0 to less than 1",
		`recipe.yaml:16: train_from is "scratch"; want one of base, merged`,
	},
	"own-tag": {
		`recipe.yaml:3: seed: want a whole number from 0 to 18446744073709551615, not "3"`,
		`recipe.yaml:4: mine.survivors: want true or false, not "maybe"`,
	},
	"prompt-placeholders": {
		`recipe.yaml:4: prompts.query: prompt "{} and {}": 2 placeholders {}, want at most one`,
	},
	"quotas": {
		`recipe.yaml:3: mine.quotas: quota "20-2:1": window "20-2" is empty: its end must be greater than its start`,
		`recipe.yaml:3: mine.quotas: quota "2-20" is not a band of ranks and a number, such as "2-20:5"`,
		`recipe.yaml:5: rounds[0].mine.expect: "nothing<=0": "nothing" is none of equal_positive, near_positive, equal_query, above_positive, contradictory, repeated, filler, hubs, id_conflicts, duplicate_queries, short, empty, no_positives, unreadable`,
	},
	"rounds-no-list": {
		`recipe.yaml:3: rounds: want a list with one entry a round, {} for one without changes, not "3"`,
	},
	"rounds-null-entry": {
		"recipe.yaml:4: rounds[0]: want what the round does differently, or {}, not nothing",
		`recipe.yaml:5: rounds[1]: want what the round does differently, or {}, not "mine"`,
	},
	"scores-crossed": {
		"recipe.yaml:3: mine.min_score 0.9 is above mine.max_score 0.1",
	},
	"second-document": {
		"recipe.yaml:3: a second document: a recipe is one",
	},
	"select-late-epoch": {
		"recipe.yaml:3: select.epoch is 6, but finetune.epochs is 5",
	},
	"select-no-reason": {
		`recipe.yaml:5: rounds[1].select: epoch 2 needs a reason: because: "…"`,
	},
	"select-other-metric": {
		"recipe.yaml:3: select.metric map@25 is not among eval.metrics [recall@25]: add it there",
	},
	"select-two-rules": {
		"recipe.yaml:3: select: name a metric, or an epoch, or ask: only one of the three",
	},
	"select-word": {
		`recipe.yaml:3: select: want ask, {metric: map@25} or {epoch: 3, because: "…"}, not "best"`,
	},
	"size-unit": {
		`recipe.yaml:3: memory: want a size with its unit, such as 2GiB or 800MB, not "2 gigabytes"`,
	},
	"sizes": {
		`recipe.yaml:3: memory: want a size with its unit, such as 2GiB or 800MB, not "2048"`,
		"recipe.yaml:4: rounds: the list is empty: want one entry a round, {} for one without changes",
	},
	"tab": {
		"recipe.yaml:3: not YAML: found character that cannot start any token",
	},
	"unclosed": {
		"recipe.yaml:2: not YAML: did not find expected ',' or '}'",
	},
	"unknown-anchor": {
		"recipe.yaml:3: not YAML: unknown anchor 'nowhere' referenced",
	},
	"unknown-key": {
		`recipe.yaml:5: unknown key "negative" in mine; did you mean "negatives"?`,
	},
	"unknown-key-elsewhere": {
		`recipe.yaml:3: unknown key "window"; did you mean mine.window?`,
		`recipe.yaml:5: unknown key "seed" in rounds[0]; did you mean "seed" at the top level?`,
		`recipe.yaml:6: unknown key "quarry" in rounds[1]; known are lengths, examples, mine, finetune, select, mine_with, train_from`,
	},
	"unknown-key-spelling": {
		`recipe.yaml:3: unknown key "learningRate" in finetune; did you mean "learning_rate"?`,
		`recipe.yaml:3: unknown key "warm-up-ratio" in finetune; did you mean "warmup_ratio"?`,
	},
	"unknown-key-unlike-any": {
		`recipe.yaml:4: unknown key "zzzzzz" in eval; known are metrics, convention, depth`,
	},
	"windows": {
		`recipe.yaml:3: mine.window: want two ranks such as 2-200, not "200"`,
		`recipe.yaml:5: rounds[0].mine.window: want a first rank below the last, not "5-5"`,
		`recipe.yaml:6: rounds[1].mine.window: want two ranks such as 2-200, not "-1-5"`,
		"recipe.yaml:7: rounds[2].mine.window: want one value, not a list",
		`recipe.yaml:8: rounds[3].mine.window: want two ranks such as 2-200, not "2-5x"`,
	},
	"wrong-types": {
		`recipe.yaml:3: name: want text, not "1.10": put it in quotes`,
		`recipe.yaml:4: seed: want a whole number from 0 to 18446744073709551615, not "-1"`,
		`recipe.yaml:5: normalize: want true or false, not "yes"`,
		`recipe.yaml:6: workers: want a whole number, not "2.5"`,
		"recipe.yaml:7: mine: want keys and values, not a list",
		`recipe.yaml:9: finetune.epochs: want a whole number, not "three"`,
		`recipe.yaml:10: finetune.batch: want a whole number, not "32"`,
		`recipe.yaml:11: finetune.learning_rate: want a number, not "fast"`,
		`recipe.yaml:12: finetune.betas: want a list such as [a, b], not "0.9"`,
		`recipe.yaml:13: finetune.dropout: want true or false, not "0.1"`,
		`recipe.yaml:15: finetune.lora.target_modules: want a list such as [a, b], not "query"`,
		`recipe.yaml:16: finetune.lora.r: want a whole number, not "1e2"`,
		`recipe.yaml:17: finetune.external: want keys and values, not "train.py"`,
		`recipe.yaml:19: eval.metrics: want a list such as [a, b], not "map@25"`,
	},
}
