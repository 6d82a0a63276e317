"""Writes model/testdata/decoders: tiny random decoders of transformers' config classes, and what transformers makes of them.

  inputs.json                       versions and the sequences, as token ids
  rope.json                         frequencies of rotary embeddings as transformers makes them, by configuration
  <case>/config.json, model.safetensors
                                    as transformers saves them; some inside ForCausalLM, with its prefix and lm_head
  <case>/expected.safetensors
      hidden [tokens, 16]           last hidden states; only real tokens, sequences end to end
      embeddings [texts, 16]        of the last token, unit length
      cotangent [texts, 16]         fixed random numbers; loss = sum(cotangent * embeddings)
      gradient.<parameter>          gradient of that loss, dropout off
  <case>/lora/                      a PEFT adapter on all seven projections (B not zero) with expected.safetensors

Attention is the eager one, in float32. A batch is padded on the right; texts of a model whose frequencies depend on the
length go in one at a time, for transformers takes the longest of a batch.
"""

import json

import peft
import torch
import transformers
from safetensors.torch import save_file

import fixture

SIZES = dict(
    vocab_size=40, hidden_size=16, num_hidden_layers=2, num_attention_heads=4, num_key_value_heads=2, intermediate_size=24,
    max_position_embeddings=32, pad_token_id=0, bos_token_id=1, eos_token_id=2)
WIDE = SIZES | dict(head_dim=8)  # heads together wider than the hidden state
PROJECTIONS = ["q_proj", "k_proj", "v_proj", "o_proj", "gate_proj", "up_proj", "down_proj"]


def rope(kind, **settings):
    return {"rope_type": kind, "rope_theta": 300.0, **settings}


# name: (config class, its settings, the class that is saved, whether there is an adapter)
CASES = {
    "llama2": (transformers.LlamaConfig, SIZES | dict(num_key_value_heads=4), "LlamaForCausalLM", False),
    "llama3": (transformers.LlamaConfig, WIDE | dict(tie_word_embeddings=True, attention_bias=True, mlp_bias=True, rope_parameters=rope(
        "llama3", factor=8.0, low_freq_factor=1.0, high_freq_factor=4.0, original_max_position_embeddings=64)), "LlamaForCausalLM", True),
    "llama-linear": (transformers.LlamaConfig, WIDE | dict(rope_parameters=rope("linear", factor=4.0)), "LlamaModel", False),
    "llama-dynamic": (transformers.LlamaConfig, WIDE | dict(max_position_embeddings=12, rope_parameters=rope("dynamic", factor=3.0)), "LlamaModel", False),
    "llama-bidirectional": (transformers.LlamaConfig, WIDE | dict(is_causal=False), "LlamaModel", False),
    "mistral": (transformers.MistralConfig, WIDE | dict(sliding_window=5), "MistralForCausalLM", True),
    "mistral-bidirectional": (transformers.MistralConfig, WIDE | dict(sliding_window=3, is_causal=False), "MistralModel", False),
    "qwen2": (transformers.Qwen2Config, SIZES | dict(rope_parameters=rope("yarn", factor=4.0, original_max_position_embeddings=8)), "Qwen2ForCausalLM", True),
    "qwen2-sliding": (transformers.Qwen2Config, SIZES | dict(use_sliding_window=True, sliding_window=4, max_window_layers=1, is_causal=False), "Qwen2Model", False),
    "qwen3": (transformers.Qwen3Config, WIDE, "Qwen3Model", True),
    "gemma2": (transformers.Gemma2Config, WIDE | dict(sliding_window=5, query_pre_attn_scalar=6, attn_logit_softcapping=1.5), "Gemma2ForCausalLM", True),
    "gemma2-bidirectional": (transformers.Gemma2Config, WIDE | dict(sliding_window=2, is_causal=False), "Gemma2Model", False),
    "gemma3": (transformers.Gemma3TextConfig, WIDE | dict(
        num_hidden_layers=3, sliding_window=5, query_pre_attn_scalar=10, layer_types=["sliding_attention", "full_attention", "sliding_attention"],
        rope_parameters={"full_attention": rope("linear", factor=2.0), "sliding_attention": {"rope_type": "default", "rope_theta": 40.0}}), "Gemma3ForCausalLM", True),
    "embeddinggemma": (transformers.Gemma3TextConfig, WIDE | dict(sliding_window=6, use_bidirectional_attention=True, layer_types=["sliding_attention", "full_attention"]), "Gemma3TextModel", False),
    "qwen3-bidirectional": (transformers.Qwen3Config, WIDE | dict(is_causal=False), "Qwen3Model", True),
}

# What rope.json has: the kind of config, and the settings that bear on frequencies.
ROPES = {
    "llama 2": (transformers.LlamaConfig, dict(hidden_size=4096, num_attention_heads=32)),
    "llama 3.1 8B": (transformers.LlamaConfig, dict(hidden_size=4096, num_attention_heads=32, max_position_embeddings=131072, rope_theta=500000.0, rope_scaling={
        "factor": 8.0, "low_freq_factor": 1.0, "high_freq_factor": 4.0, "original_max_position_embeddings": 8192, "rope_type": "llama3"})),
    "linear, old form": (transformers.LlamaConfig, dict(hidden_size=512, num_attention_heads=8, rope_scaling={"type": "linear", "factor": 2.5})),
    "qwen 2": (transformers.Qwen2Config, dict(hidden_size=3584, num_attention_heads=28, num_key_value_heads=4, rope_theta=1000000.0)),
    "qwen 2 yarn": (transformers.Qwen2Config, dict(hidden_size=3584, num_attention_heads=28, num_key_value_heads=4, max_position_embeddings=131072, rope_theta=1000000.0, rope_scaling={
        "type": "yarn", "factor": 4.0, "original_max_position_embeddings": 32768})),
    "yarn, every setting": (transformers.Qwen3Config, dict(head_dim=64, max_position_embeddings=4096, rope_parameters={
        "rope_type": "yarn", "rope_theta": 10000.0, "factor": 16.0, "original_max_position_embeddings": 256, "beta_fast": 24.0, "beta_slow": 2.0,
        "mscale": 0.7, "mscale_all_dim": 1.3, "truncate": False})),
    "yarn with its factor": (transformers.Qwen3Config, dict(head_dim=64, max_position_embeddings=4096, rope_parameters={
        "rope_type": "yarn", "rope_theta": 10000.0, "factor": 16.0, "original_max_position_embeddings": 256, "attention_factor": 1.25})),
}


def main():
    folder = fixture.output("model/testdata/decoders")
    folder.mkdir(exist_ok=True)
    sequences = token_ids()
    fixture.write_json(folder / "inputs.json", {"header": fixture.header("torch", "transformers", "peft"), "sequences": sequences})
    fixture.write_json(folder / "rope.json", {"header": fixture.header("torch", "transformers"), "cases": [frequencies(*case) for case in ROPES.items()]})
    for seed, (name, (config, settings, saved, adapted)) in enumerate(CASES.items()):
        case = folder / name
        case.mkdir(exist_ok=True)
        write_model(case, config(**settings), saved, seed)
        one_by_one = "dynamic" in name
        save(expected(load(case), sequences, one_by_one), case / "expected.safetensors")
        if adapted:
            write_adapter(case, sequences)
    for path in folder.rglob("*.safetensors"):
        path.chmod(0o644)


def token_ids():
    generator = torch.Generator().manual_seed(4)
    lengths = [7, 2, 24, 1, 13, 11]
    sequences = [[1, *torch.randint(3, 40, (n - 1,), generator=generator).tolist()] for n in lengths]
    sequences[4][3:6] = [sequences[4][3]] * 3  # a repeated token gathers gradient
    return sequences


def frequencies(name, case):
    """The frequencies and the factor that the model's own rotary embedding has, and the config.json that it was saved in."""
    cls, settings = case
    config = cls(**settings)
    rotary = {"llama": transformers.models.llama.modeling_llama.LlamaRotaryEmbedding,
              "qwen2": transformers.models.qwen2.modeling_qwen2.Qwen2RotaryEmbedding,
              "qwen3": transformers.models.qwen3.modeling_qwen3.Qwen3RotaryEmbedding}[config.model_type](config)
    # What was given, not what the class makes of it: older files have the older form.
    content = {"model_type": config.model_type, **{k: getattr(config, k) for k in SIZES if not k.endswith("token_id")}, **settings}
    return {"name": name, "config": content, "frequencies": fixture.single(rotary.inv_freq), "scale": rotary.attention_scaling}


def write_model(folder, config, saved, seed):
    torch.manual_seed(seed)
    model = getattr(transformers, saved)(config)
    centred = "gemma" in config.model_type  # norms multiply by 1 + weight there
    for name, p in model.named_parameters():  # as initialised, scores are even, biases zero and norms do nothing
        norm = "norm" in name and name.endswith("weight")
        torch.nn.init.normal_(p.data, 1.0 if norm and not centred else 0.0, 0.2 if norm or name.endswith("bias") else 0.35)
    model.save_pretrained(folder)
    (folder / "generation_config.json").unlink(missing_ok=True)


def load(folder):
    return transformers.AutoModel.from_pretrained(folder, attn_implementation="eager").float().eval()


def expected(model, sequences, one_by_one=False):
    """Every expected tensor of a model."""
    batches = [[s] for s in sequences] if one_by_one else [sequences]
    hidden = [states for batch in batches for states in states_of(model, batch)]
    embeddings = torch.nn.functional.normalize(torch.stack([h[-1] for h in hidden]), dim=1)
    generator = torch.Generator().manual_seed(5)
    cotangent = torch.randn(embeddings.shape, generator=generator)
    (cotangent * embeddings).sum().backward()
    tensors = {"hidden": torch.cat(hidden), "embeddings": embeddings, "cotangent": cotangent}
    return tensors | {f"gradient.{k}": p.grad for k, p in model.named_parameters() if p.grad is not None}


def states_of(model, sequences):
    longest = max(map(len, sequences))
    ids = torch.tensor([s + [0] * (longest - len(s)) for s in sequences])
    mask = torch.tensor([[1] * len(s) + [0] * (longest - len(s)) for s in sequences])
    out = model(input_ids=ids, attention_mask=mask, use_cache=False).last_hidden_state
    return [states[: len(s)] for states, s in zip(out, sequences)]


def write_adapter(folder, sequences):
    config = peft.LoraConfig(
        r=2, lora_alpha=5, lora_dropout=0.1, target_modules=PROJECTIONS, task_type="FEATURE_EXTRACTION",
        rank_pattern={"k_proj": 1, "layers.1.mlp.up_proj": 3}, alpha_pattern={"o_proj": 4}, use_rslora=True)
    torch.manual_seed(6)
    model = peft.get_peft_model(load(folder), config)
    for name, p in model.named_parameters():
        if "lora_" in name:
            torch.nn.init.normal_(p.data, 0.0, 0.3)
    model.save_pretrained(folder / "lora")
    (folder / "lora" / "README.md").unlink(missing_ok=True)
    path = folder / "lora" / "adapter_config.json"
    content = json.loads(path.read_text()) | {"base_model_name_or_path": folder.name, "target_modules": PROJECTIONS}
    path.write_text(json.dumps(content, indent=2, sort_keys=True) + "\n")
    tensors = expected(model.eval(), sequences)
    tensors = {k.replace(".default.weight", ".weight"): v for k, v in tensors.items() if k != "hidden"}
    save(tensors, folder / "lora" / "expected.safetensors")


def save(tensors, path):
    kept = {k: v.detach().contiguous() for k, v in tensors.items()}
    # One key: the writer would put several in a random order.
    save_file(kept, path, metadata={"header": json.dumps(fixture.header("torch", "transformers", "peft"))})


if __name__ == "__main__":
    main()
