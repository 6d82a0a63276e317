"""Writes model/testdata/grown: a tiny decoder whose vocabulary transformers grows by special tokens, and an adapter that PEFT saves of it.

  base/                   a Mistral of 40 words, saved with its lm_head, and its tokenizer
  adapter/                LoRA on the base with the added tokens: the matrices, embed_tokens (PEFT's save_embedding_layers, which is
                          on by itself where the vocabulary was resized) and the tokenizer that transformers saves
  expected.json           versions, the tokens, texts, and their ids before and after
  expected.safetensors
      table, head [43, 8]     embed_tokens and lm_head after resize_token_embeddings, whose draws around the mean are replaced by the mean
      embeddings [texts, 8]   of the resized model: of the last token, unit length
      adapted [texts, 8]      of the adapter on it, whose rows of the new tokens are other ones
"""

import json
import shutil

import peft
import torch
import transformers
from safetensors.torch import save_file

import fixture

TOKENS = ["<instruct>", "<query>", "w7", "<s>", "<response>", "<query>"]  # two are words already, one comes twice
TEXTS = ["w3 w4", "<instruct>w5 w6\n<query>w7 w8\n<response>", "w9<query> w39 <response>", "w7w7 <instruct>", "w3 <s> w10"]
PROJECTIONS = ["q_proj", "k_proj", "v_proj", "o_proj", "gate_proj", "up_proj", "down_proj"]


def main():
    folder = fixture.output("model/testdata/grown")
    base, adapter = folder / "base", folder / "adapter"
    shutil.rmtree(adapter, ignore_errors=True)
    write_base(base)
    tokenizer = transformers.AutoTokenizer.from_pretrained(base)
    before = [tokenizer(text)["input_ids"] for text in TEXTS]
    assert tokenizer.add_special_tokens({"additional_special_tokens": TOKENS}) == 4, "w7 counts as one, <s> and the second <query> do not"
    assert len(tokenizer) == 43
    whole = grown(transformers.AutoModelForCausalLM, base, len(tokenizer))
    network = grown(transformers.AutoModel, base, len(tokenizer))
    ids = [tokenizer(text)["input_ids"] for text in TEXTS]
    tensors = {"table": whole.get_input_embeddings().weight, "head": whole.lm_head.weight, "embeddings": embeddings(network, ids)}
    assert torch.equal(tensors["table"], network.embed_tokens.weight)
    tensors["adapted"] = embeddings(write_adapter(adapter, network, tokenizer), ids)
    rename(adapter)
    save_file({k: v.detach().contiguous() for k, v in tensors.items()}, folder / "expected.safetensors",
              metadata={"header": json.dumps(fixture.header("torch", "transformers", "peft"))})
    fixture.write_json(folder / "expected.json", {
        "header": fixture.header("torch", "transformers", "peft", "tokenizers"), "tokens": TOKENS,
        "texts": [{"text": t, "before": b, "ids": i} for t, b, i in zip(TEXTS, before, ids)]})
    for path in folder.rglob("*.safetensors"):
        path.chmod(0o644)


def write_base(folder):
    config = transformers.MistralConfig(
        vocab_size=40, hidden_size=8, num_hidden_layers=1, num_attention_heads=2, num_key_value_heads=1, intermediate_size=12,
        max_position_embeddings=32, pad_token_id=0, bos_token_id=1, eos_token_id=2, sliding_window=None)
    torch.manual_seed(8)
    model = transformers.MistralForCausalLM(config)
    for name, p in model.named_parameters():
        torch.nn.init.normal_(p.data, 1.0 if "norm" in name else 0.0, 0.2 if "norm" in name else 0.35)
    model.save_pretrained(folder)
    (folder / "generation_config.json").unlink(missing_ok=True)
    special = lambda text: {"SpecialToken": {"id": text, "type_id": 0}}
    text = {"Sequence": {"id": "A", "type_id": 0}}
    words = ["<unk>", "<s>", "</s>"] + [f"w{i}" for i in range(3, 40)]
    tokenizer = {
        "version": "1.0", "truncation": None, "padding": None,
        "added_tokens": [{"id": i, "content": w, "single_word": False, "lstrip": False, "rstrip": False, "normalized": False, "special": True} for i, w in enumerate(words[:3])],
        "normalizer": None, "pre_tokenizer": {"type": "Whitespace"},
        "post_processor": {"type": "TemplateProcessing", "single": [special("<s>"), text, special("</s>")], "pair": [special("<s>"), text, special("</s>"), {"Sequence": {"id": "B", "type_id": 0}}],
                           "special_tokens": {w: {"id": w, "ids": [i], "tokens": [w]} for i, w in [(1, "<s>"), (2, "</s>")]}},
        "decoder": None, "model": {"type": "WordLevel", "vocab": {w: i for i, w in enumerate(words)}, "unk_token": "<unk>"}}
    (folder / "tokenizer.json").write_text(json.dumps(tokenizer) + "\n")
    (folder / "tokenizer_config.json").write_text(json.dumps({
        "tokenizer_class": "PreTrainedTokenizerFast", "bos_token": "<s>", "eos_token": "</s>", "unk_token": "<unk>", "pad_token": "<unk>", "model_max_length": 32}, indent=1) + "\n")


def grown(cls, base, size):
    """The base after resize_token_embeddings. New rows are drawn around the mean of the old ones; they are made that mean."""
    model = cls.from_pretrained(base, attn_implementation="eager").float().eval()
    torch.manual_seed(9)
    model.resize_token_embeddings(size)
    assert model.config.vocab_size == size
    for layer in [model.get_input_embeddings(), model.get_output_embeddings()]:
        if layer is None:
            continue
        mean = layer.weight.data[:40].double().mean(dim=0).float()
        spread = layer.weight.data[:40].std()
        assert (layer.weight.data[40:] - mean).abs().max() < 2e-4 * spread, "transformers draws new rows elsewhere"
        layer.weight.data[40:] = mean
    return model


def embeddings(model, texts):
    rows = []
    with torch.inference_mode():
        for ids in texts:
            rows.append(model(input_ids=torch.tensor([ids]), use_cache=False).last_hidden_state[0, -1])
    return torch.nn.functional.normalize(torch.stack(rows), dim=1).clone()


def write_adapter(folder, network, tokenizer):
    torch.manual_seed(10)
    torch.nn.init.normal_(network.embed_tokens.weight.data[40:], 0.0, 0.35)  # as if they had been trained
    model = peft.get_peft_model(network, peft.LoraConfig(r=2, lora_alpha=4, target_modules=PROJECTIONS, task_type="FEATURE_EXTRACTION"))
    for name, p in model.named_parameters():
        if "lora_" in name:
            torch.nn.init.normal_(p.data, 0.0, 0.3)
    model.save_pretrained(folder)
    tokenizer.save_pretrained(folder)
    return model.eval()


def rename(folder):
    """Takes out what depends on where and when the adapter was saved."""
    (folder / "README.md").unlink(missing_ok=True)
    path = folder / "adapter_config.json"
    content = json.loads(path.read_text()) | {"base_model_name_or_path": "base", "target_modules": PROJECTIONS}
    path.write_text(json.dumps(content, indent=2, sort_keys=True) + "\n")
    path = folder / "tokenizer_config.json"
    content = {k: v for k, v in json.loads(path.read_text()).items() if k not in ("is_local", "local_files_only")}
    path.write_text(json.dumps(content, indent=2) + "\n")


if __name__ == "__main__":
    main()
