package main

import (
	"slices"
	"strings"
)

// Why further flags of transformers have no meaning here.
const (
	ownKernels = "there is one way to compute it, whatever the flags of torch"
	noHub      = "nothing is uploaded"
	oneProcess = "there is one process, whatever its devices"
	keepAll    = "every epoch is kept and judged, and none is loaded at the end"
)

// transformersFlags are those of transformers' TrainingArguments, of its releases 4.44 to 5.23, that FlagEmbedding's scripts do not
// pass: its trainers take them all the same. What changes the training is refused where it asks for anything (notHere).
var transformersFlags = slices.Concat(
	[]pythonFlag{
		{name: "optim", standard: "adamw_torch", choices: []string{"adamw_torch", "adamw_torch_fused", "adamw_hf", "adamw_apex_fused"}}, // one arithmetic
		{name: "optim_args"}, {name: "optim_target_modules", kind: pythonList}, {name: "lr_scheduler_kwargs"},
		{name: "neftune_noise_alpha", kind: pythonFloat, standard: "0"}, {name: "adafactor", kind: pythonBool, standard: "False"},
		{name: "group_by_length", kind: pythonBool, standard: "False"}, {name: "train_sampling_strategy", standard: "random", choices: []string{"random"}},
		{name: "label_smoothing_factor", kind: pythonFloat, standard: "0", does: "FlagEmbedding's trainers take losses of their own, without it"},
	},
	withoutMeaning(pythonBool, ownMemory, "activation_checkpointing", "auto_find_batch_size"), withoutMeaning(pythonText, ownMemory, "activation_checkpointing_kwargs"), atLeast("1", withoutMeaning(pythonInt, ownMemory, "torch_empty_cache_steps")),
	withoutMeaning(pythonBool, ownPrecision, "bf16_full_eval", "fp16_full_eval"), oneOf("O0 O1 O2 O3", withoutMeaning(pythonText, ownPrecision, "fp16_opt_level")), oneOf("auto apex cpu_amp", withoutMeaning(pythonText, ownPrecision, "half_precision_backend")),
	withoutMeaning(pythonBool, ownKernels, "torch_compile", "use_liger_kernel", "use_ipex", "jit_mode_eval", "use_cache", "full_determinism"),
	withoutMeaning(pythonText, ownKernels, "torch_compile_backend", "torch_compile_mode", "liger_kernel_config", "torchdynamo"),
	withoutMeaning(pythonBool, ownLog, "logging_first_step", "log_on_each_node", "logging_nan_inf_filter", "skip_memory_metrics", "include_tokens_per_second"),
	withoutMeaning(pythonText, ownLog, "project", "trackio_space_id", "trackio_bucket_id", "trackio_static_space_id"),
	oneOf("detail debug info warning error critical passive", withoutMeaning(pythonText, ownLog, "log_level", "log_level_replica")),
	oneOf("no all non_padding True False true false", withoutMeaning(pythonText, ownLog, "include_num_input_tokens_seen")),
	oneOf("underflow_overflow tpu_metrics_debug", withoutMeaning(pythonList, ownLog, "debug")),
	withoutMeaning(pythonBool, evalLater, "prediction_loss_only", "eval_on_start", "eval_do_concat_batches", "eval_use_gather_object", "batch_eval_metrics", "include_inputs_for_metrics", "do_predict"),
	atLeast("0", withoutMeaning(pythonFloat, evalLater, "eval_steps", "eval_delay")), atLeast("1", withoutMeaning(pythonInt, evalLater, "eval_accumulation_steps")), withoutMeaning(pythonInt, evalLater, "past_index"), withoutMeaning(pythonList, evalLater, "include_for_metrics", "label_names"),
	withoutMeaning(pythonBool, everyEpoch, "save_only_model", "save_on_each_node", "save_safetensors", "enable_jit_checkpoint"),
	withoutMeaning(pythonBool, keepAll, "load_best_model_at_end", "greater_is_better"), withoutMeaning(pythonText, keepAll, "metric_for_best_model"),
	withoutMeaning(pythonBool, noHub, "push_to_hub", "hub_private_repo", "hub_always_push"), withoutMeaning(pythonText, noHub, "hub_token", "hub_model_id", "hub_revision"),
	oneOf("end every_save checkpoint all_checkpoints", withoutMeaning(pythonText, noHub, "hub_strategy")),
	withoutMeaning(pythonBool, "a training that goes on takes the rows that it would have taken", "ignore_data_skip", "restore_callback_states_from_checkpoint"),
	withoutMeaning(pythonBool, ownLoader, "dataloader_pin_memory", "dataloader_persistent_workers", "dataloader_in_order"),
	atLeast("1", withoutMeaning(pythonInt, ownLoader, "dataloader_prefetch_factor")), withoutMeaning(pythonText, ownLoader, "length_column_name"),
	oneOf("fork spawn forkserver", withoutMeaning(pythonText, ownLoader, "dataloader_multiprocessing_context")),
	withoutMeaning(pythonBool, oneProcess, "average_tokens_across_devices", "ddp_broadcast_buffers", "ddp_static_graph", "no_cuda", "use_mps_device"),
	atLeast("0", withoutMeaning(pythonInt, oneProcess, "ddp_bucket_cap_mb", "ddp_timeout", "fsdp_min_num_params", "tpu_num_cores")),
	oneOf("nccl gloo mpi xccl ccl hccl cncl mccl", withoutMeaning(pythonText, oneProcess, "ddp_backend")),
	withoutMeaning(pythonText, oneProcess, "accelerator_config", "parallelism_config", "fsdp_config",
		"fsdp_transformer_layer_cls_to_wrap", "ray_scope", "mp_parameters"),
)

// withoutMeaning are flags for which the same happens instead.
func withoutMeaning(kind pythonKind, does string, names ...string) []pythonFlag {
	flags := make([]pythonFlag, len(names))
	for i, name := range names {
		flags[i] = pythonFlag{name: name, kind: kind, does: does}
	}
	return flags
}

// atLeast are flags with the smallest number that they can be.
func atLeast(least string, flags []pythonFlag) []pythonFlag {
	for i := range flags {
		flags[i].least = least
	}
	return flags
}

// oneOf are flags with all the values that they can have, separated by spaces.
func oneOf(choices string, flags []pythonFlag) []pythonFlag {
	for i := range flags {
		flags[i].choices = strings.Fields(choices)
	}
	return flags
}
