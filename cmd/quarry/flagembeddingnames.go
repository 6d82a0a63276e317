package main

import (
	"regexp"
	"strings"
)

// typedNames are flags of FlagEmbedding's trainers by those of quarry finetune that mean the same, and by the options' own keys.
var typedNames = map[string]string{
	"dev": "eval_data", "train": "train_data", "output": "output_dir", "model": "model_name_or_path", "from-adapter": "from_peft", "pooling": "sentence_pooling_method",
	"query-max-length": "query_max_len", "passage-max-length": "passage_max_len", "additional-special-tokens": "additional_special_tokens",
	"batch": "per_device_train_batch_size", "lora-rank": "lora_rank", "save-every": "save_steps",
	"group_size": "train_group_size", "eps": "adam_epsilon", "clip": "max_grad_norm", "epochs": "num_train_epochs", "learning_rate": "learning_rate",
	"warmup_ratio": "warmup_ratio", "weight_decay": "weight_decay", "temperature": "temperature", "max_steps": "max_steps",
}

var (
	ownFlag = regexp.MustCompile(`--[a-z][a-z0-9_-]*`)
	ownKey  = regexp.MustCompile(`^[a-z][a-z_]* `)
)

// inTypedNames is an error whose flags are those of FlagEmbedding's trainers that were typed. Commands that it advises stay Quarry's.
func inTypedNames(err error) error {
	if err == nil {
		return nil
	}
	text, advice, has := strings.Cut(err.Error(), "quarry ")
	text = ownFlag.ReplaceAllStringFunc(text, func(flag string) string {
		if name, ok := typedNames[flag[2:]]; ok {
			return "--" + name
		}
		return flag
	})
	text = ownKey.ReplaceAllStringFunc(text, func(key string) string {
		if name, ok := typedNames[strings.TrimSuffix(key, " ")]; ok {
			return "--" + name + " "
		}
		return key
	})
	if has {
		text += "quarry " + advice
	}
	return renamed{err, text}
}
