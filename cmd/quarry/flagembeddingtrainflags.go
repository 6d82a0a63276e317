package main

import "slices"

// Why flags of training programs have no meaning here.
const (
	onProcessor  = "everything runs on the processor"
	ownPrecision = "products are f32 or bf16, as the processor has it; sums, gradients and moments are f32"
	ownMemory    = "the memory decides what is kept and what is computed again; results do not depend on it"
	ownLog       = "every step is in steps.jsonl, every epoch in epochs.json and on standard output"
	everyEpoch   = "every epoch's checkpoint is kept, under its own number"
	ownLoader    = "texts are read and tokenized once"
	localModel   = "the model is opened where it lies"
	denseAlone   = "dense vectors alone are trained"
	evalLater    = "every epoch is evaluated at its end, in whole, on what --eval_data and --eval_corpus_path name"
)

// intervals are how often transformers does a thing.
var intervals = []string{"no", "steps", "epoch"}

// trainerFlags are those of FlagEmbedding's trainers (encoder_only.base and .m3, decoder_only.icl and .base), of transformers'
// TrainingArguments, and of the reference pipeline's icl_finetune.sh.
var trainerFlags = slices.Concat([]pythonFlag{
	// the model
	{name: "model_name_or_path", needed: true},
	{name: "config_name", does: "config.json of the model itself is read"},
	{name: "tokenizer_name", does: "the tokenizer of the model itself is read"},
	{name: "cache_dir", does: localModel},
	{name: "token", does: localModel},
	{name: "trust_remote_code", kind: pythonBool, standard: "False", does: "no code of a model is ever run"},
	{name: "use_fast_tokenizer", kind: pythonBool, standard: "True", does: "there is one tokenizer, with the ids of the fast one"},
	{name: "use_slow_tokenizer", kind: pythonBool, standard: "False", does: "there is one tokenizer, with the ids of the fast one"},
	{name: "use_flash_attn", kind: pythonBool, standard: "False", does: onProcessor},
	{name: "use_lora", kind: pythonBool, standard: "True"},
	{name: "use_qlora", kind: pythonBool, standard: "False"},
	{name: "lora_rank", kind: pythonInt, standard: "64"},
	{name: "lora_alpha", kind: pythonFloat, standard: "16"},
	{name: "lora_dropout", kind: pythonFloat, standard: "0.1"},
	{name: "target_modules", kind: pythonList, standard: "v_proj q_proj k_proj gate_proj down_proj o_proj up_proj"},
	{name: "modules_to_save", kind: pythonList},
	{name: "peft_model_path", does: "FlagEmbedding's trainers of embedders do not read it either: training begins with a fresh adapter"}, {name: "from_peft"}, {name: "raw_peft"},
	{name: "additional_special_tokens", kind: pythonList},
	{name: "save_merged_lora_model", kind: pythonBool, standard: "False"},
	{name: "only_merge_lora_model", kind: pythonBool, standard: "False"},
	{name: "save_lora_every_epoch", kind: pythonBool, standard: "False"},
	{name: "unified_finetuning", kind: pythonBool, standard: "False"},
	{name: "use_self_distill", kind: pythonBool, standard: "False"},
	{name: "self_distill_start_step", kind: pythonInt, standard: "-1", does: denseAlone},
	{name: "fix_encoder", kind: pythonBool, standard: "False"},
	{name: "colbert_dim", kind: pythonInt, standard: "-1", does: denseAlone},
	// the data
	{name: "train_data", kind: pythonList, needed: true},
	{name: "eval_data"},
	{name: "eval_corpus_path"}, {name: "eval_queries_path"}, {name: "eval_examples_path"},
	{name: "cache_path", does: ownLoader},
	{name: "train_group_size", kind: pythonInt, standard: "8"},
	{name: "query_max_len", kind: pythonInt, standard: "32"},
	{name: "passage_max_len", kind: pythonInt, standard: "128"},
	{name: "pad_to_multiple_of", kind: pythonInt, least: "1", does: "there is no padding"},
	{name: "max_example_num_per_dataset", kind: pythonInt, standard: "100000000"},
	{name: "query_instruction_for_retrieval"},
	{name: "query_instruction_format", standard: "{}{}"},
	{name: "passage_instruction_for_retrieval"},
	{name: "passage_instruction_format", standard: "{}{}"},
	{name: "knowledge_distillation", kind: pythonBool, standard: "False"},
	{name: "kd_loss_type", standard: "kl_div", choices: []string{"kl_div", "m3_kd_loss"}},
	{name: "shuffle_ratio", kind: pythonFloat, standard: "0"},
	{name: "same_dataset_within_batch", kind: pythonBool, standard: "False"},
	{name: "small_threshold", kind: pythonInt, standard: "0"},
	{name: "drop_threshold", kind: pythonInt, standard: "0"},
	{name: "example_query_max_len", kind: pythonInt, standard: "64"},
	{name: "example_passage_max_len", kind: pythonInt, standard: "96"},
	{name: "retrieval_use_examples", kind: pythonBool, standard: "True"},
	{name: "icl_suffix_str", standard: `\nResponse:`},
	// the training
	{name: "output_dir", needed: true},
	{name: "overwrite_output_dir", kind: pythonBool, standard: "False", does: "a training of the same options goes on where it stopped; another one needs a directory of its own"},
	{name: "learning_rate", kind: pythonFloat, standard: "5e-5"},
	{name: "num_train_epochs", kind: pythonFloat, standard: "3"},
	{name: "max_steps", kind: pythonInt, standard: "-1"},
	{name: "per_device_train_batch_size", kind: pythonInt, standard: "8"},
	{name: "per_device_eval_batch_size", kind: pythonInt, least: "1", standard: "8", does: "eval_loss is taken in batches of the training's size"},
	{name: "gradient_accumulation_steps", kind: pythonInt, standard: "1"},
	{name: "negatives_cross_device", kind: pythonBool, standard: "False"},
	{name: "dataloader_drop_last", kind: pythonBool, standard: "False"},
	{name: "dataloader_num_workers", kind: pythonInt, least: "0", standard: "0", does: ownLoader},
	{name: "lr_scheduler_type", standard: "linear", choices: []string{"linear", "cosine", "constant", "constant_with_warmup"}},
	{name: "warmup_ratio", kind: pythonFloat, standard: "0"},
	{name: "warmup_steps", kind: pythonFloat, standard: "0"},
	{name: "weight_decay", kind: pythonFloat, standard: "0"},
	{name: "adam_beta1", kind: pythonFloat, standard: "0.9"},
	{name: "adam_beta2", kind: pythonFloat, standard: "0.999"},
	{name: "adam_epsilon", kind: pythonFloat, standard: "1e-8"},
	{name: "max_grad_norm", kind: pythonFloat, standard: "1"},
	{name: "temperature", kind: pythonFloat, standard: "0.02"},
	{name: "fix_position_embedding", kind: pythonBool, standard: "False"},
	{name: "sentence_pooling_method", standard: "cls", choices: []string{"cls", "mean", "last_token"}},
	{name: "normalize_embeddings", kind: pythonBool, standard: "True"},
	{name: "sub_batch_size", kind: pythonInt, least: "1", does: ownMemory},
	{name: "use_mrl", kind: pythonBool, standard: "False"},
	{name: "mrl_dims", kind: pythonList},
	{name: "seed", kind: pythonInt, standard: "42"},
	{name: "data_seed", kind: pythonInt, does: "--seed keys every draw"},
	{name: "fp16", kind: pythonBool, standard: "False", does: ownPrecision},
	{name: "bf16", kind: pythonBool, standard: "False", does: ownPrecision},
	{name: "tf32", kind: pythonBool, standard: "False", does: ownPrecision},
	{name: "gradient_checkpointing", kind: pythonBool, standard: "False", does: ownMemory},
	{name: "gradient_checkpointing_kwargs", does: ownMemory},
	{name: "deepspeed", does: onProcessor}, {name: "fsdp", does: onProcessor}, {name: "local_rank", kind: pythonInt, least: "-1", does: onProcessor},
	{name: "ddp_find_unused_parameters", kind: pythonBool, does: onProcessor}, {name: "use_cpu", kind: pythonBool, does: onProcessor},
	{name: "logging_steps", kind: pythonFloat, least: "0", does: ownLog}, {name: "logging_dir", does: ownLog}, {name: "logging_strategy", choices: intervals, does: ownLog},
	{name: "report_to", kind: pythonList, does: ownLog}, {name: "run_name", does: ownLog}, {name: "disable_tqdm", kind: pythonBool, does: ownLog},
	{name: "save_steps", kind: pythonInt, standard: "500"},
	{name: "save_strategy", choices: append([]string{"best"}, intervals...), does: everyEpoch}, {name: "save_total_limit", kind: pythonInt, least: "1", does: everyEpoch},
	{name: "eval_strategy", choices: intervals, does: "eval_loss is taken after every epoch"}, {name: "evaluation_strategy", choices: intervals, does: "eval_loss is taken after every epoch"},
	{name: "do_train", kind: pythonBool, does: "this command trains"}, {name: "do_eval", kind: pythonBool, does: "eval_loss is taken after every epoch where --eval_data is given"},
	{name: "remove_unused_columns", kind: pythonBool, does: ownLoader}, {name: "resume_from_checkpoint", does: "the same command goes on where it was interrupted"},
	// icl_finetune.sh's own
	{name: "epochs", kind: pythonFloat, standard: "0"},
	{name: "batch_size", kind: pythonInt, standard: "0"},
	{name: "num_gpus", kind: pythonInt, standard: "1"},
	{name: "gpu_ids", does: onProcessor},
}, transformersFlags)
