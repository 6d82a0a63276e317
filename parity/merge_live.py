"""Adapters that `quarry finetune` writes load in PEFT, and directories that `quarry merge` writes in sentence-transformers.

A few steps of LoRA and of full fine-tuning on questions written here; what they learn does not matter, only that every
library reads the same vectors from the same files.
"""

import json
import os
import pathlib
import shutil
import tempfile
import warnings

import numpy
import peft
import torch
from huggingface_hub import ModelCard
from safetensors.torch import load_file
from sentence_transformers import SentenceTransformer
from sentence_transformers.sentence_transformer.modules import Dense
from transformers import AutoModel, AutoTokenizer

import report
import texts

LORA = ["--method", "lora", "--lora-rank", 8, "--lora-alpha", 16, "--lora-targets", "query,key,value,intermediate.dense"]
DEFAULTS = ["--method", "lora"]  # rank, scale and targets as they come
TRAINING = ["--epochs", 2, "--batch", 8, "--group-size", 8, "--learning-rate", 1e-3, "--seed", 7, "--precision", "f32"]


def main():
    checks = report.Checks()
    with tempfile.TemporaryDirectory() as folder:
        scratch = pathlib.Path(folder)
        train = write_training_file(scratch / "train.jsonl")
        base = report.minilm()
        adapter, merged = None, scratch / "merged"
        with checks.check("finetune with LoRA leaves an adapter per epoch"):
            report.quarry("finetune", "--model", base, "--train", train, "--output", scratch / "lora", *LORA, *TRAINING)
            found = sorted(path.parent for path in (scratch / "lora").rglob("adapter_config.json"))
            assert len(found) == 2, f"adapters {[str(p) for p in found]}, want 2"
            adapter = found[-1]
        with checks.check("merge"):
            assert adapter, "no adapter to merge"
            report.quarry("merge", "--base", base, "--adapter", adapter, "--output", merged)
        if adapter and (merged / "config.json").exists():
            compare_libraries(checks, scratch, base, adapter, merged)
            in_shards_and_rounded(checks, scratch, base, adapter, merged)
        with checks.check("finetune with LoRA's defaults: PEFT loads the adapter, no key missing, none left over"):
            report.quarry("finetune", "--model", base, "--train", train, "--output", scratch / "defaults", *DEFAULTS, *TRAINING)
            adapter = sorted(path.parent for path in (scratch / "defaults").rglob("adapter_config.json"))[-1]
            every_key_is_used(base, adapter)
            report.quarry("merge", "--base", base, "--adapter", adapter, "--output", scratch / "merged-defaults")
            near(vectors_of_peft(base, adapter), embed(scratch, scratch / "merged-defaults"), 1e-5)
        with_added_tokens(checks, scratch, base, train)
        with checks.check("full fine-tuning: a checkpoint loads in sentence-transformers with quarry's vectors"):
            report.quarry("finetune", "--model", base, "--train", train, "--output", scratch / "full", *TRAINING)
            found = sorted(path.parent for path in (scratch / "full").rglob("modules.json"))
            assert found, "no model directory among the checkpoints"
            got = vectors_of_sentence_transformers(found[-1])
            near(got, embed(scratch, found[-1]), 1e-5)
            differ(got, vectors_of_sentence_transformers(base))
        with_dense(checks, scratch, train)
    checks.finish()


def compare_libraries(checks, scratch, base, adapter, merged):
    with checks.check("PEFT loads the adapter: no key missing, none left over"):
        every_key_is_used(base, adapter)
    with checks.check("base + adapter in PEFT equals the merged directory in quarry"):
        near(vectors_of_peft(base, adapter), embed(scratch, merged), 1e-5)
    with checks.check("the merged directory in sentence-transformers equals quarry"):
        near(vectors_of_sentence_transformers(merged), embed(scratch, merged), 1e-5)
    with checks.check("merged weights equal PEFT's own merge"):
        weights_equal(base, adapter, merged)
    with checks.check("the merged directory's card is one of the hub's"):
        card = ModelCard.load(merged / "README.md")
        assert card.data.library_name == "sentence-transformers" and card.data.pipeline_tag == "sentence-similarity", card.data
        assert "encode_query" in card.text and "## Intended use" in card.text
        cards = report.ROOT / "format" / "modelcard" / "testdata"
        hostile = ModelCard.load(cards / "hostile.md").data
        assert hostile.model_name == "# <script>alert(1)</script> --- | `x`" and [r.metric_type for r in hostile.eval_results] == ["m: [x"], hostile
        whole = ModelCard.load(cards / "whole.md")
        found = {(r.dataset_name, r.metric_type): r.metric_value for r in whole.data.eval_results}
        assert found[("dev", "map@25")] == 0.35 and found[("general", "map@25")] == 0.41, found
        assert whole.data.base_model == "org/minilm" and whole.data.model_name == "eedi, round 1"
    with checks.check("the adapter changes the vectors"):
        differ(embed(scratch, merged), embed(scratch, base))


def in_shards_and_rounded(checks, scratch, base, adapter, merged):
    with checks.check("a merge into shards loads in transformers, and is the merge into one file"):
        report.quarry("merge", "--base", base, "--adapter", adapter, "--output", scratch / "sharded", "--shard-size", "20MB")
        assert len(list((scratch / "sharded").glob("model-*-of-*.safetensors"))) > 2, "not in shards"
        whole, sharded = (AutoModel.from_pretrained(d).state_dict() for d in (merged, scratch / "sharded"))
        assert whole.keys() == sharded.keys() and all(torch.equal(whole[k], sharded[k]) for k in whole), "tensors differ"
    with checks.check("a merge of the base in shards is the same, too"):
        # The merged directory serves as a base in shards, and in one file. Away from its training the adapter is taken for it.
        elsewhere = shutil.copytree(adapter, scratch / "elsewhere")
        for name, of in [("again", merged), ("again-sharded", scratch / "sharded")]:
            report.quarry("merge", "--base", of, "--adapter", elsewhere, "--output", scratch / name)
        a, b = (load_file(scratch / name / "model.safetensors") for name in ("again", "again-sharded"))
        assert a.keys() == b.keys() and all(torch.equal(a[k], b[k]) for k in a), "tensors differ"
    with checks.check("--weights bf16: torch's rounding, in transformers and here"):
        cache = os.environ | {"QUARRY_CACHE": str(scratch / "cache")}
        source, target = texts.write(scratch / "texts.jsonl", texts.HARD), scratch / "rounded.npy"
        report.quarry("embed", "--model", base, "--input", source, "--output", target, "--precision", "f32", "--weights", "bf16", env=cache)
        copy, = (scratch / "cache" / "weights").glob("*-bf16")
        stored, rounded = load_file(base / "model.safetensors"), load_file(copy / "model.safetensors")
        assert stored.keys() == rounded.keys()
        for name, tensor in stored.items():
            want = tensor.bfloat16() if tensor.dtype == torch.float32 else tensor
            assert rounded[name].dtype == want.dtype and torch.equal(rounded[name], want), name
        assert AutoModel.from_pretrained(copy).dtype == torch.bfloat16
        peer = SentenceTransformer(str(copy), device="cpu").float()
        near(peer.encode(texts.HARD, batch_size=4, show_progress_bar=False), numpy.load(target), 1e-5)


def with_added_tokens(checks, scratch, base, train):
    """Special tokens behind the vocabulary: what FlagEmbedding's trainers do with --additional_special_tokens."""
    tokens = ["<instruct>", "<query>", "<response>", "[SEP]"]
    added = ["--additional-special-tokens", ",".join(tokens), "--query-prompt", "<instruct>find\\n<query>{}"]
    mine = texts.HARD + ["<instruct>find\n<query>1/2 + 1/3\n<response>", "a<query>b <response> c[SEP]", "<response>"]
    tokenizer = AutoTokenizer.from_pretrained(base)
    tokenizer.add_special_tokens({"additional_special_tokens": tokens})
    adapter, merged = None, scratch / "merged-tokens"
    with checks.check("added tokens: PEFT loads the adapter with its embeddings, no key missing, none left over"):
        report.quarry("finetune", "--model", base, "--train", train, "--output", scratch / "tokens", *LORA, *TRAINING, *added)
        adapter = sorted(path.parent for path in (scratch / "tokens").rglob("adapter_config.json"))[-1]
        every_key_is_used(base, adapter, len(tokenizer))
        table = load_file(adapter / "adapter_model.safetensors")["base_model.model.embeddings.word_embeddings.weight"]
        old = AutoModel.from_pretrained(base).get_input_embeddings().weight.detach()
        assert torch.equal(table[: len(old)], old) and len(table) == len(old) + 3
        assert (table[len(old):] - old.mean(dim=0)).abs().max() < 1e-6, "new rows are not the mean of the old ones"
    with checks.check("added tokens: the adapter's tokenizer is the base's after add_special_tokens"):
        theirs = AutoTokenizer.from_pretrained(adapter)
        assert len(theirs) == len(tokenizer) and all(theirs(t).input_ids == tokenizer(t).input_ids for t in mine)
        assert set(tokens) <= set(theirs.all_special_tokens), theirs.all_special_tokens
    with checks.check("added tokens: base + adapter in PEFT, the merged directory in quarry and in sentence-transformers are equal"):
        report.quarry("merge", "--base", base, "--adapter", adapter, "--output", merged)
        ours = embed(scratch, merged, mine)
        near(vectors_of_peft(base, adapter, tokenizer, mine), ours, 1e-5)
        near(vectors_of_sentence_transformers(merged, mine), ours, 1e-5)
        assert AutoModel.from_pretrained(merged).config.vocab_size == len(tokenizer)
    with checks.check("added tokens: an adapter that PEFT saves with other rows merges here"):
        model = resized(base, len(tokenizer))
        torch.nn.init.normal_(model.get_input_embeddings().weight.data[-3:], 0, 0.05)
        model = peft.get_peft_model(model, peft.LoraConfig(r=4, target_modules=["query", "value"], init_lora_weights=False)).eval()
        model.save_pretrained(scratch / "of-peft")
        tokenizer.save_pretrained(scratch / "of-peft")
        report.quarry("merge", "--base", base, "--adapter", scratch / "of-peft", "--output", scratch / "merged-of-peft")
        near(vectors_of(model, tokenizer, mine), embed(scratch, scratch / "merged-of-peft", mine), 1e-5)
    with checks.check("added tokens: full fine-tuning trains their embeddings"):
        report.quarry("finetune", "--model", base, "--train", train, "--output", scratch / "tokens-full", *TRAINING, *added)
        found = sorted(path.parent for path in (scratch / "tokens-full").rglob("modules.json"))[-1]
        near(vectors_of_sentence_transformers(found, mine), embed(scratch, found, mine), 1e-5)
        rows = AutoModel.from_pretrained(found).get_input_embeddings().weight.detach()[-3:]
        assert (rows[0] - rows[1]).abs().max() > 1e-4, "the rows are as they began"
        assert torch.equal(rows[2], table[-1]), "a token that no text holds was trained"


def with_dense(checks, scratch, train):
    """A small model whose vectors come from two Dense modules behind the pooling."""
    base = report.ROOT / "model" / "testdata" / "dense"
    tensors = {"2_Dense": ["linear.bias", "linear.weight"], "3_Dense": ["linear.weight"]}

    def weights(folder):
        return {f"{m}/{k}": v for m in tensors for k, v in load_file(folder / m / "model.safetensors").items()}

    def settings(folder):
        return [module.get_config_dict() for module in SentenceTransformer(str(folder), device="cpu") if isinstance(module, Dense)]

    old = weights(base)
    with checks.check("Dense modules: full fine-tuning trains and writes them, and sentence-transformers has quarry's vectors"):
        report.quarry("finetune", "--model", base, "--train", train, "--output", scratch / "dense-full", *TRAINING)
        found = sorted(path.parent for path in (scratch / "dense-full").rglob("modules.json"))[-1]
        got = vectors_of_sentence_transformers(found)
        near(got, embed(scratch, found), 1e-5)
        differ(got, vectors_of_sentence_transformers(base))
        new = weights(found)
        assert sorted(new) == [f"{m}/{k}" for m in tensors for k in tensors[m]], sorted(new)
        for name in new:
            assert new[name].shape == old[name].shape and (new[name] != old[name]).float().mean() > 0.9, f"{name} was not trained"
        assert settings(found) == settings(base), settings(found)
    with checks.check("Dense modules: a merge keeps them, and sentence-transformers with PEFT's adapter has quarry's vectors"):
        report.quarry("finetune", "--model", base, "--train", train, "--output", scratch / "dense-lora", *DEFAULTS, *TRAINING)
        adapter = sorted(path.parent for path in (scratch / "dense-lora").rglob("adapter_config.json"))[-1]
        merged = scratch / "dense-merged"
        report.quarry("merge", "--base", base, "--adapter", adapter, "--output", merged)
        new = weights(merged)
        assert new.keys() == old.keys() and all(torch.equal(new[name], old[name]) for name in old), "the Dense weights changed"
        assert settings(merged) == settings(base), settings(merged)
        ours = embed(scratch, merged)
        near(vectors_of_sentence_transformers(merged), ours, 1e-5)
        peer = SentenceTransformer(str(base), device="cpu")
        peer[0].auto_model = peft.PeftModel.from_pretrained(peer[0].auto_model, str(adapter)).eval()
        near(peer.encode(texts.HARD, batch_size=4, show_progress_bar=False), ours, 1e-5)
        differ(ours, embed(scratch, base))


def resized(base, size):
    model = AutoModel.from_pretrained(base)
    if size:
        model.resize_token_embeddings(size)
    return model


def write_training_file(path):
    rows = []
    for i in range(24):
        a, b = i + 2, 3 * i + 5
        rows.append({
            "query": f"Question: what is 1/{a} + 1/{b}? Wrong answer: 2/{a + b}",
            "pos": [f"Adds numerators and denominators of fractions ({i})"],
            "neg": [f"Multiplies {n} where it should divide ({i})" for n in range(7)],
        })
    path.write_text("".join(json.dumps(row) + "\n" for row in rows))
    return path


def every_key_is_used(base, adapter, size=None):
    in_file = set(load_file(adapter / "adapter_model.safetensors"))
    with warnings.catch_warnings():
        warnings.filterwarnings("error", message="(?s).*(missing|unexpected).*keys")
        model = peft.PeftModel.from_pretrained(resized(base, size), str(adapter))
    loaded = peft.get_peft_model_state_dict(model, save_embedding_layers=size is not None)
    assert set(loaded) == in_file, f"on one side only: {sorted(set(loaded) ^ in_file)[:6]}"
    for name, tensor in load_file(adapter / "adapter_model.safetensors").items():
        assert torch.equal(loaded[name].float(), tensor.float()), f"{name} is not what the file holds"
    assert any("lora_B" in k and v.abs().max() > 0 for k, v in loaded.items()), "every B is zero: nothing was trained"


def vectors_of_peft(base, adapter, tokenizer=None, of=None):
    model = peft.PeftModel.from_pretrained(resized(base, tokenizer and len(tokenizer)), str(adapter)).eval()
    return vectors_of(model, tokenizer or SentenceTransformer(str(base), device="cpu").tokenizer, of)


def vectors_of(model, tokenizer, of):
    rows = []
    with torch.inference_mode():
        for text in of or texts.HARD:  # looked up here: decoders_live.py has others
            inputs = tokenizer(text, truncation=True, max_length=256, return_tensors="pt")
            mean = model(**inputs).last_hidden_state.mean(dim=1)
            rows.append(torch.nn.functional.normalize(mean, dim=1)[0].numpy())
    return numpy.stack(rows)


def vectors_of_sentence_transformers(folder, of=None):
    peer = SentenceTransformer(str(folder), device="cpu")
    return peer.encode(of or texts.HARD, batch_size=4, show_progress_bar=False)


def embed(scratch, model, of=None):
    source, target = texts.write(scratch / "texts.jsonl", of or texts.HARD), scratch / "vectors.npy"
    report.quarry("embed", "--model", model, "--input", source, "--output", target, "--precision", "f32")
    return numpy.load(target)


def weights_equal(base, adapter, merged):
    model = peft.PeftModel.from_pretrained(AutoModel.from_pretrained(base), str(adapter)).merge_and_unload()
    want = model.state_dict()
    got = {k: v for path in merged.glob("*.safetensors") for k, v in load_file(path).items()}
    missing = {k for k in want if not k.endswith("position_ids")} - got.keys()
    assert not missing, f"not in the merged directory: {sorted(missing)[:6]}"
    worst = max((float((got[k].float() - v).abs().max()), k) for k, v in want.items() if k in got and v.is_floating_point())
    assert worst[0] <= 1e-6, f"{worst[1]} differs by {worst[0]:.2e}"


def near(got, want, tolerance):
    assert got.shape == want.shape, f"{got.shape} and {want.shape}"
    worst = abs(got.astype(numpy.float64) - want).max()
    assert worst <= tolerance, f"vectors differ by {worst:.2e}, allowed {tolerance:.0e}"


def differ(got, want):
    assert abs(got - want).max() > 1e-4, "training changed nothing"


if __name__ == "__main__":
    main()
