"""Weights in PyTorch's own format: pytorch_model.bin as torch saves it, adapter_model.bin as PEFT did, embedding/emb.pth as
FlagEmbedding's trainers do. The same vectors as of safetensors, byte by byte, and those of the libraries.

    parity/run torch_live.py
"""

import json
import pathlib
import shutil
import tempfile

import numpy
import peft
import torch
from safetensors.torch import load_file
from sentence_transformers import SentenceTransformer
from sentence_transformers.sentence_transformer.modules import Normalize, Pooling, Transformer
from transformers import AutoModel, AutoTokenizer

import report
import texts

GROWN = report.ROOT / "model" / "testdata" / "grown" / "base"
TOKENS = ["<instruct>", "<query>", "<response>"]
SHORT = ["w3 w4", "<instruct>w5 w6\n<query>w7 w8\n<response>", "w9<query> w39 <response>", "w3 w10"]


def main():
    torch.set_grad_enabled(False)
    checks = report.Checks()
    with tempfile.TemporaryDirectory() as folder:
        scratch = pathlib.Path(folder)
        whole_models(checks, scratch)
        with checks.check("a Dense module's pytorch_model.bin: the vectors of safetensors"):
            source = report.ROOT / "model" / "testdata" / "dense"
            copy = shutil.copytree(source, scratch / "dense")
            for module in ("2_Dense", "3_Dense"):
                pickled(copy / module, load_file(source / module / "model.safetensors"))
            equal(embed(scratch, copy), embed(scratch, source))
            near(SentenceTransformer(str(copy), device="cpu").encode(texts.HARD, show_progress_bar=False), embed(scratch, copy))
        with checks.check("a pickle that would execute something is refused, by the name that it asks for"):
            refused(scratch)
        added_tokens(checks, scratch)
    checks.finish()


def whole_models(checks, scratch):
    """all-MiniLM-L6-v2, its weights saved by torch."""
    source = report.minilm()
    weights = AutoModel.from_pretrained(source).state_dict()
    stored = embed(scratch, source)
    copy = copied(source, scratch / "whole")
    with checks.check("all-MiniLM-L6-v2 as pytorch_model.bin: the vectors of safetensors, byte by byte"):
        pickled(copy, weights)
        equal(embed(scratch, copy), stored)
    with checks.check("all-MiniLM-L6-v2 as pytorch_model.bin: sentence-transformers of the same directory"):
        near(SentenceTransformer(str(copy), device="cpu").encode(texts.HARD, show_progress_bar=False), stored)
    with checks.check("all-MiniLM-L6-v2 as pytorch_model.bin, as BertForMaskedLM of old has it: a prefix, buffers, LayerNorm.gamma"):
        old = {f"bert.{k}".replace("LayerNorm.weight", "LayerNorm.gamma").replace("LayerNorm.bias", "LayerNorm.beta"): v for k, v in weights.items()}
        old["bert.embeddings.position_ids"] = torch.arange(512).expand((1, -1))
        old["cls.predictions.decoder.weight"] = old["bert.embeddings.word_embeddings.weight"]  # of the same storage
        pickled(copied(source, scratch / "old"), old)
        equal(embed(scratch, scratch / "old"), stored)
    with checks.check("all-MiniLM-L6-v2 in shards of torch.save: the same, and merged with an adapter the weights of safetensors"):
        sharded(copied(source, scratch / "sharded"), weights)
        equal(embed(scratch, scratch / "sharded"), stored)
        adapter = scratch / "adapter"
        torch.manual_seed(4)
        model = peft.get_peft_model(AutoModel.from_pretrained(source), peft.LoraConfig(r=4, target_modules=["query", "value"], init_lora_weights=False))
        model.save_pretrained(adapter, safe_serialization=False)
        if not (adapter / "adapter_model.bin").exists():  # a PEFT that writes safetensors alone
            torch.save(load_file(adapter / "adapter_model.safetensors"), adapter / "adapter_model.bin")
            (adapter / "adapter_model.safetensors").unlink()
        merged = []
        for base in (source, scratch / "sharded"):
            output = scratch / f"merged-{len(merged)}"
            report.quarry("merge", "--base", base, "--adapter", adapter, "--output", output)
            merged.append(load_file(output / "model.safetensors"))
        only = sorted(merged[0].keys() ^ merged[1].keys())
        assert only in ([], ["embeddings.position_ids"]), f"on one side only: {only}"  # a buffer that transformers saves no more
        apart = [k for k in merged[0].keys() & merged[1].keys() if not torch.equal(merged[0][k], merged[1][k])]
        assert not apart and merged[1], f"differ: {apart}"
        peer = model.merge_and_unload().state_dict()
        assert all(torch.allclose(peer[k], v, atol=1e-6) for k, v in merged[0].items() if k in peer), "not PEFT's merge"
    with checks.check("all-MiniLM-L6-v2 in bf16 as pytorch_model.bin: the vectors of the same in safetensors"):
        half = {k: v.bfloat16() if v.is_floating_point() else v for k, v in weights.items()}
        AutoModel.from_pretrained(source).bfloat16().save_pretrained(copied(source, scratch / "half"))
        pickled(copied(source, scratch / "half-pickled"), half)
        equal(embed(scratch, scratch / "half-pickled"), embed(scratch, scratch / "half"))


def added_tokens(checks, scratch):
    """What FlagEmbedding's load_model.py saves where it adds tokens, and how it loads it again, line by line."""
    base, adapter, merged = scratch / "base", scratch / "flagembedding", scratch / "merged-flagembedding"
    with checks.check("embedding/emb.pth: base and adapter as FlagEmbedding loads them are the merged directory in quarry"):
        SentenceTransformer(modules=[Transformer(str(GROWN)), Pooling(8, "lasttoken"), Normalize()], device="cpu").save(str(base), create_model_card=False)
        tokenizer = AutoTokenizer.from_pretrained(GROWN)
        tokenizer.add_special_tokens({"additional_special_tokens": TOKENS})
        torch.manual_seed(5)
        model = AutoModel.from_pretrained(GROWN)
        model.resize_token_embeddings(len(tokenizer))
        torch.nn.init.normal_(model.embed_tokens.weight.data[-3:], 0, 0.35)
        (adapter / "embedding").mkdir(parents=True)
        torch.save(model.embed_tokens, adapter / "embedding" / "emb.pth")
        model = peft.get_peft_model(model, peft.LoraConfig(r=2, target_modules=["q_proj", "v_proj"], init_lora_weights=False, task_type="FEATURE_EXTRACTION"))
        model.save_pretrained(adapter, save_embedding_layers=False)
        tokenizer.save_pretrained(adapter)
        assert not any("embed_tokens" in name for name in load_file(adapter / "adapter_model.safetensors")), "the adapter has the table"

        model = AutoModel.from_pretrained(GROWN)
        model.set_input_embeddings(torch.load(adapter / "embedding" / "emb.pth", weights_only=False))
        model = peft.PeftModel.from_pretrained(model, str(adapter)).merge_and_unload().eval()
        rows = [model(input_ids=torch.tensor([tokenizer(t)["input_ids"]]), use_cache=False).last_hidden_state[0, -1] for t in SHORT]
        want = torch.nn.functional.normalize(torch.stack(rows), dim=1).numpy()
        report.quarry("merge", "--base", base, "--adapter", adapter, "--output", merged)
        near(want, embed(scratch, merged, SHORT))
        assert AutoModel.from_pretrained(merged).config.vocab_size == len(tokenizer) == 43
    with checks.check("embedding/emb.pth: torch loads the table bit for bit that quarry merges"):
        table = torch.load(adapter / "embedding" / "emb.pth", weights_only=False).weight
        ours = {k: v for k, v in load_file(merged / "model.safetensors").items() if k.endswith("embed_tokens.weight")}
        assert len(ours) == 1 and torch.equal(next(iter(ours.values())), table)


def refused(scratch):
    copy = copied(report.minilm(), scratch / "hostile")
    shutil.copy(report.ROOT / "model" / "torchfile" / "testdata" / "malicious.bin", copy / "pytorch_model.bin")
    try:
        printed = embed(scratch, copy)
    except RuntimeError as failure:
        assert 'asks for "posix.system"' in str(failure) and "executed\n" not in str(failure), failure
    else:
        raise AssertionError(f"read: {printed}")


def copied(source, target):
    """A copy of a model directory without its weights."""
    return pathlib.Path(shutil.copytree(source, target, ignore=shutil.ignore_patterns("model.safetensors", "expected")))


def pickled(folder, weights):
    (folder / "model.safetensors").unlink(missing_ok=True)
    torch.save(weights, folder / "pytorch_model.bin")


def sharded(folder, weights):
    names, shard_of = list(weights), {}
    for n, held in enumerate((names[::2], names[1::2])):
        file = f"pytorch_model-{n + 1:05}-of-00002.bin"
        torch.save({name: weights[name] for name in held}, folder / file)
        shard_of |= {name: file for name in held}
    (folder / "pytorch_model.bin.index.json").write_text(json.dumps({"metadata": {}, "weight_map": shard_of}))


def embed(scratch, model, rows=texts.HARD):
    source, target = texts.write(scratch / "texts.jsonl", rows), scratch / "vectors.npy"
    report.quarry("embed", "--model", model, "--input", source, "--output", target, "--precision", "f32")
    return numpy.load(target)


def equal(got, want):
    assert got.tobytes() == want.tobytes(), f"vectors differ by {abs(got - want).max():.2e}"


def near(want, got):
    apart = abs(numpy.asarray(want, dtype=numpy.float64) - got).max()
    assert got.shape == want.shape and apart <= 1e-5, f"vectors differ by {apart:.2e}"


if __name__ == "__main__":
    main()
