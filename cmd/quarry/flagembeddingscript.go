package main

import (
	"maps"
	"slices"
	"strings"
)

// scriptFlags are all that the reference pipeline's icl_finetune.sh takes.
var scriptFlags = []string{
	"epochs", "batch_size", "train_data", "eval_data", "num_gpus", "gpu_ids", "output_dir", "model_name_or_path", "gradient_accumulation_steps",
	"learning_rate", "knowledge_distillation",
}

// scriptValues are what icl_finetune.sh hands to the trainer by itself, with the numbers that the reference's README states for its run.
var scriptValues = map[string][]string{
	"use_lora": {"True"}, "lora_rank": {"64"}, "lora_alpha": {"32"}, "lora_dropout": {"0.1"},
	"target_modules":         {"q_proj", "k_proj", "v_proj", "o_proj", "gate_proj", "down_proj", "up_proj"},
	"save_merged_lora_model": {"True"}, "save_lora_every_epoch": {"True"},
	"learning_rate": {"1e-4"}, "num_train_epochs": {"5"}, "per_device_train_batch_size": {"8"}, "dataloader_drop_last": {"True"}, "warmup_ratio": {"0.1"},
	"save_steps": {"500"}, "negatives_cross_device": {"True"}, "temperature": {"0.02"}, "sentence_pooling_method": {"last_token"}, "normalize_embeddings": {"True"},
	"kd_loss_type": {"kl_div"}, "train_group_size": {"8"}, "query_max_len": {"1024"}, "passage_max_len": {"128"},
	"query_instruction_for_retrieval": {"Given a multiple choice math question and a student's incorrect answer choice, identify and retrieve the specific mathematical misconception or error in the student's thinking that led to this wrong answer."},
	"query_instruction_format":        {`<instruct>{}\n<query>{}`}, "same_dataset_within_batch": {"True"}, "small_threshold": {"0"}, "drop_threshold": {"0"},
	"example_query_max_len": {"384"}, "example_passage_max_len": {"128"}, "retrieval_use_examples": {"True"}, "icl_suffix_str": {`\n<response>`},
}

// ofScript says whether a line is one of icl_finetune.sh: it has a name that the script alone has, or its --num_gpus or
// --eval_data and nothing that the script does not take.
func (a pythonArgs) ofScript() bool {
	if slices.ContainsFunc([]string{"epochs", "batch_size", "gpu_ids"}, a.given) {
		return true
	}
	if !a.given("num_gpus") && !a.given("eval_data") {
		return false
	}
	for name := range a.values {
		if !slices.Contains(scriptFlags, name) {
			return false
		}
	}
	return true
}

// scriptNames are flags of the script's own by those of the trainer whose place they take.
var scriptNames = map[string]string{"num_train_epochs": "epochs", "per_device_train_batch_size": "batch_size"}

// asScript is the line with what the script hands on besides, where the line does not say it; passed names those flags that are
// not at the trainer's default.
func (a pythonArgs) asScript() (line pythonArgs, passed []string) {
	line = pythonArgs{a.flags, maps.Clone(a.values)}
	for _, name := range slices.Sorted(maps.Keys(scriptValues)) {
		if own, has := scriptNames[name]; a.given(name) || has && a.given(own) {
			continue
		}
		standard := pythonArgs{flags: a.flags}.list(name)
		line.values[name] = scriptValues[name]
		if slices.Equal(slices.Sorted(slices.Values(standard)), slices.Sorted(slices.Values(scriptValues[name]))) {
			continue
		}
		value := strings.Join(scriptValues[name], " ")
		if cut := 40; len(value) > cut { // an instruction
			value = value[:cut] + "…"
		}
		passed = append(passed, "--"+name+" "+value)
	}
	return line, passed
}
