"""`quarry` with decoders against transformers, sentence-transformers and PEFT at f32: the same vectors.

Random models of every family, larger than the committed fixtures and with texts longer than a window and than a block of
attention; the tiny models and the Mistral tokenizer of ../shared/data; adapters and merged directories.
"""

import gzip
import json
import pathlib
import shutil
import tempfile

import numpy
import peft
import torch
import transformers
from safetensors.torch import load_file
from sentence_transformers import SentenceTransformer
from sentence_transformers.sentence_transformer.modules import Normalize, Pooling, Transformer

import decoder_fixture
import merge_live
import report
import texts

LARGE = dict(vocab_size=300, hidden_size=64, num_hidden_layers=3, intermediate_size=96, max_position_embeddings=1024)
LENGTHS = [1, 2, 50, 113, 257, 513, 700]
WINDOW = 100  # below a block of 112 queries, and far below one of 512 keys
LEAST = 0.999999
SIZES = dict(vocab_size=32000, hidden_size=32, num_hidden_layers=2, num_attention_heads=4, num_key_value_heads=2, intermediate_size=64,
             max_position_embeddings=512, initializer_range=0.2)
HEADED = {  # a family, its network with a head, and what config.json says beside sizes
    "Qwen2 with a tied head": ("Qwen2", dict(tie_word_embeddings=True), True),
    "Gemma2 with a tied head": ("Gemma2", dict(head_dim=16, sliding_window=64), True),
    "Llama with a head of its own": ("Llama", dict(tie_word_embeddings=False), False),
}


def main():
    torch.set_grad_enabled(False)
    texts.HARD = [text.strip() for text in texts.HARD]  # quarry strips texts, which shows only in tokenizers that keep spaces
    checks = report.Checks()
    with tempfile.TemporaryDirectory() as folder:
        scratch = pathlib.Path(folder)
        for name, (config, settings, saved, _) in decoder_fixture.CASES.items():
            with checks.check(f"{name}: token ids, last token and mean"):
                model = scratch / name
                settings = settings | LARGE | windows(settings) | positions(name)
                if "layer_types" in settings:
                    settings["layer_types"] = ["sliding_attention", "full_attention", "sliding_attention"]
                if "head_dim" in settings:
                    settings["head_dim"] = 32
                decoder_fixture.write_model(model, config(**settings), saved, 0)
                compare_ids(scratch, model, LENGTHS)
        for name, lengths in {"tiny_mistral": [1, 3, 9, 120, 512], "tiny_qwen3": [1, 3, 120, 513, 1500]}.items():
            with checks.check(f"{name}: token ids, last token and mean"):
                model = scratch / name
                shutil.copytree(report.shared("models", name), model)
                compare_ids(scratch, model, lengths)
        with checks.check("Mistral's tokenizer with </s>: texts, last token"):
            compare_texts(scratch, mistral(scratch / "texts", "lasttoken"))
        with checks.check("a LoRA of all seven projections loads in PEFT, no key missing, none left over"):
            base, adapter = finetuned(scratch)
            merge_live.every_key_is_used(base, adapter)
            content = json.loads((adapter / "adapter_config.json").read_text())
            assert sorted(content["target_modules"]) == sorted(decoder_fixture.PROJECTIONS), content["target_modules"]
        with checks.check("base + adapter in PEFT equals the merged directory in quarry and in sentence-transformers"):
            base, adapter = finetuned(scratch)
            report.quarry("merge", "--base", base, "--adapter", adapter, "--output", scratch / "merged")
            got = merge_live.embed(scratch, scratch / "merged")
            merge_live.near(merge_live.vectors_of_peft(base, adapter), got, 1e-5)
            merge_live.near(merge_live.vectors_of_sentence_transformers(scratch / "merged"), got, 1e-5)
            merge_live.differ(got, merge_live.embed(scratch, base))
        with checks.check("an adapter of PEFT on ForCausalLM: merged in quarry, the same vectors"):
            adapter_of_peft(scratch)
        with checks.check("an adapter on a reranker: merged in quarry, the logits of PEFT"):
            reranker(scratch)
        for name, network in HEADED.items():
            with checks.check(f"{name}, bf16 in shards: merged in quarry into shards, the tensors, logits and vectors of PEFT's merge"):
                in_shards(scratch / name.replace(" ", "-"), mistral(scratch / "mean", "mean"), *network)
    checks.finish()


def windows(settings):
    return {"sliding_window": WINDOW} if "sliding_window" in settings else {}


def positions(name):
    return {"max_position_embeddings": 400} if name == "llama-dynamic" else {}


def compare_ids(scratch, model, lengths):
    """Vectors of token ids; a tokenizer must be there though none is used."""
    words = {"version": "1.0", "model": {"type": "WordLevel", "vocab": {"<pad>": 0}, "unk_token": "<pad>"}}
    (model / "tokenizer.json").write_text(json.dumps(words))
    peer = transformers.AutoModel.from_pretrained(model, attn_implementation="eager").float().eval()
    generator = torch.Generator().manual_seed(8)
    rows = [torch.randint(1, peer.config.vocab_size, (n,), generator=generator).tolist() for n in lengths]
    hidden = [peer(input_ids=torch.tensor([row]), use_cache=False).last_hidden_state[0] for row in rows]
    source, target = scratch / "ids.jsonl", scratch / "ids.npy"
    source.write_text("".join(json.dumps({"ids": row}) + "\n" for row in rows))
    for pooling, pool in {"lasttoken": lambda h: h[-1], "mean": lambda h: h.mean(0)}.items():
        report.quarry("embed", "--model", model, "--input", source, "--output", target, "--precision", "f32", "--pooling", pooling)
        got, want = numpy.load(target).astype(numpy.float64), torch.stack([pool(h) for h in hidden]).numpy()
        cosine = (got * want).sum(1) / numpy.linalg.norm(got, axis=1) / numpy.linalg.norm(want, axis=1)
        assert cosine.min() >= LEAST, f"{pooling}: cosine {cosine.min():.8f} of the text of {lengths[int(cosine.argmin())]} tokens"
        error = (abs(got - want).max(1) / abs(want).max(1)).max()
        assert error <= 1e-4, f"{pooling}: largest relative error {error:.2e}"


def mistral(folder, pooling):
    """A random Mistral with the real one's tokenizer, as sentence-transformers saves it; every text ends with </s>."""
    made = folder.with_name(folder.name + "-made")
    if folder.exists():
        return folder
    config = transformers.MistralConfig(
        vocab_size=32000, hidden_size=32, num_hidden_layers=2, num_attention_heads=4, num_key_value_heads=2, intermediate_size=64,
        max_position_embeddings=512, sliding_window=64)
    decoder_fixture.write_model(made, config, "MistralModel", 1)
    source = report.shared("tokenizers", "mistral-7b-v0.1")
    tokenizer = json.loads(gzip.decompress((source / "tokenizer.json.gz").read_bytes()))
    processor = tokenizer["post_processor"]
    processor["single"].append({"SpecialToken": {"id": "</s>", "type_id": 0}})  # transformers 5 reads no add_eos_token beside this file
    processor["special_tokens"]["</s>"] = {"id": "</s>", "ids": [2], "tokens": ["</s>"]}
    (made / "tokenizer.json").write_text(json.dumps(tokenizer))
    settings = json.loads((source / "tokenizer_config.json").read_text())
    settings |= {"tokenizer_class": "PreTrainedTokenizerFast", "pad_token": "<unk>", "model_max_length": 256, "padding_side": "right"}
    (made / "tokenizer_config.json").write_text(json.dumps(settings))
    modules = [Transformer(str(made)), Pooling(32, pooling), Normalize()]
    SentenceTransformer(modules=modules, device="cpu").save(str(folder), create_model_card=False)
    return folder


def qwen2(folder):
    """A random Qwen2 above a byte-level tokenizer of fewer tokens than its table has rows; texts end without an end token."""
    made = folder.with_name(folder.name + "-made")
    if folder.exists():
        return folder
    config = transformers.Qwen2Config(
        vocab_size=50304, hidden_size=32, num_hidden_layers=2, num_attention_heads=4, num_key_value_heads=2, intermediate_size=64,
        max_position_embeddings=512)
    decoder_fixture.write_model(made, config, "Qwen2Model", 1)
    (made / "tokenizer.json").write_bytes(gzip.decompress((report.shared("tokenizers", "gpt2") / "tokenizer.json.gz").read_bytes()))
    (made / "tokenizer_config.json").write_text(json.dumps({
        "tokenizer_class": "PreTrainedTokenizerFast", "eos_token": "<|endoftext|>", "pad_token": "<|endoftext|>", "model_max_length": 256}))
    modules = [Transformer(str(made)), Pooling(32, "lasttoken"), Normalize()]
    SentenceTransformer(modules=modules, device="cpu").save(str(folder), create_model_card=False)
    return folder


def compare_texts(scratch, model):
    peer = SentenceTransformer(str(model), device="cpu")
    rows = texts.HARD
    ids = peer.tokenizer(rows[0])["input_ids"]
    assert ids[0] == 1 and ids[-1] == 2, f"the peer's tokenizer gives {ids}"
    want = numpy.stack([peer.encode([row], show_progress_bar=False)[0] for row in rows])
    source, target = texts.write(scratch / "texts.jsonl", rows), scratch / "texts.npy"
    report.quarry("embed", "--model", model, "--input", source, "--output", target, "--precision", "f32")
    cosine = (numpy.load(target).astype(numpy.float64) * want).sum(1)
    assert cosine.min() >= LEAST, f"cosine {cosine.min():.8f} of {rows[int(cosine.argmin())]!r}"


def finetuned(scratch):
    """A base with mean pooling, as merge_live pools, and the adapter of some steps on it."""
    base, output = mistral(scratch / "mean", "mean"), scratch / "lora"
    if not output.exists():
        train = merge_live.write_training_file(scratch / "train.jsonl")
        report.quarry("finetune", "--model", base, "--train", train, "--output", output, *merge_live.DEFAULTS, *merge_live.TRAINING)
    return base, sorted(path.parent for path in output.rglob("adapter_config.json"))[-1]


def adapter_of_peft(scratch):
    """PEFT names modules of ForCausalLM with `model.` before them, and its all-linear leaves lm_head out."""
    base, folder = mistral(scratch / "mean", "mean"), scratch / "of-peft"
    network = transformers.MistralForCausalLM.from_pretrained(base)
    config = peft.LoraConfig(r=4, lora_alpha=8, target_modules="all-linear", task_type="CAUSAL_LM")
    model = peft.get_peft_model(network, config)
    torch.manual_seed(3)
    for name, p in model.named_parameters():
        if "lora_" in name:
            torch.nn.init.normal_(p.data, 0.0, 0.1)
    model.save_pretrained(folder)
    report.quarry("merge", "--base", base, "--adapter", folder, "--output", scratch / "merged-of-peft")
    merged = model.merge_and_unload().model
    peer = SentenceTransformer(str(base), device="cpu")
    peer[0].auto_model.load_state_dict(merged.state_dict())
    want = peer.encode(texts.HARD, batch_size=4, show_progress_bar=False)
    merge_live.near(merge_live.embed(scratch, scratch / "merged-of-peft"), want, 1e-5)


def reranker(scratch):
    """What save_merged_model.py makes with --type reranker: the logits of base and adapter, their head with them."""
    network = transformers.MistralForCausalLM.from_pretrained(mistral(scratch / "mean", "mean"))
    torch.manual_seed(4)
    torch.nn.init.normal_(network.lm_head.weight, 0.0, 0.1)
    base, adapter, merged = scratch / "reranker", scratch / "adapter-of-reranker", scratch / "merged-reranker"
    network.save_pretrained(base)
    for name in ("tokenizer.json", "tokenizer_config.json"):
        shutil.copy(scratch / "mean" / name, base / name)
    model = peft.get_peft_model(network, peft.LoraConfig(r=4, lora_alpha=8, target_modules=decoder_fixture.PROJECTIONS, task_type="CAUSAL_LM"))
    for name, p in model.named_parameters():
        if "lora_" in name:
            torch.nn.init.normal_(p.data, 0.0, 0.1)
    model.save_pretrained(adapter)
    report.quarry("merge", "--base_model_path", base, "--lora_path", adapter, "--output_dir", merged, "--type", "reranker")
    ids = torch.tensor([[1, *range(300, 340)]])
    alone = transformers.AutoModelForCausalLM.from_pretrained(base)(input_ids=ids).logits
    want = model.merge_and_unload()(input_ids=ids).logits
    got = transformers.AutoModelForCausalLM.from_pretrained(merged)(input_ids=ids).logits
    assert (want - alone).abs().max() > 1e-2, "the adapter changes nothing"
    assert (got - want).abs().max() <= 1e-4 * want.abs().max(), f"logits differ by {(got - want).abs().max():.2g} of {want.abs().max():.2g}"
    assert not (merged / "modules.json").exists() and not (merged / "quarry.json").exists(), "the files of an embedder"


def in_shards(scratch, tokenizer, family, settings, tied):
    """A base of bf16 in shards, an adapter of PEFT on its ForCausalLM, and what `quarry merge --shard-size` makes of both."""
    base, adapter, merged = scratch / "base", scratch / "adapter", scratch / "merged"
    torch.manual_seed(9)
    network = getattr(transformers, f"{family}ForCausalLM")(getattr(transformers, f"{family}Config")(**SIZES | settings)).bfloat16().eval()
    network.save_pretrained(base, max_shard_size="20KB")
    network = type(network).from_pretrained(base).eval()  # with its rotary table in f32: bfloat16() rounds that as well
    assert network.dtype == torch.bfloat16, network.dtype
    for name in ("tokenizer.json", "tokenizer_config.json"):
        shutil.copy(tokenizer / name, base / name)
    assert len(shards(base)) > 2, f"a base in {len(shards(base))} shards"
    assert any("lm_head" in name for name in tensors(base)) != tied, "the head is not as it should be"
    model = peft.get_peft_model(network, peft.LoraConfig(r=4, lora_alpha=8, target_modules=decoder_fixture.PROJECTIONS, task_type="CAUSAL_LM"))
    for name, p in model.named_parameters():
        if "lora_" in name:
            torch.nn.init.normal_(p.data, 0.0, 0.1)
    model.save_pretrained(adapter)
    report.quarry("merge", "--base", base, "--adapter", adapter, "--output", merged, "--shard-size", "20kB", "--pooling", "mean", "--normalize")
    assert len(shards(merged)) > 2, f"a result in {len(shards(merged))} shards"

    old, got = tensors(base), tensors(merged)
    assert got.keys() == old.keys(), f"on one side only: {sorted(got.keys() ^ old.keys())[:4]}"
    assert {t.dtype for t in got.values()} == {torch.bfloat16}, {t.dtype for t in got.values()}
    want = model.merge_and_unload().state_dict()
    differing = total = 0
    for name, tensor in got.items():
        a, b = tensor.float(), want[name].float()
        # Both add in f32 and round once: where their sums lie on two sides of a middle, the results are neighbours.
        assert ((a - b).abs() <= b.abs() * 2**-7 + 1e-30).all(), f"{name} is off by more than a rounding"
        differing, total = differing + int((a != b).sum()), total + a.numel()
        projected = any(part in name for part in decoder_fixture.PROJECTIONS) and name.endswith("weight")
        assert torch.equal(tensor, old[name]) != projected, f"{name} is {'as it was' if projected else 'changed'}"
    assert differing <= total / 1000, f"{differing} of {total} weights differ from PEFT's merge"

    ids = torch.tensor([[1, *range(300, 340)]])
    headed = transformers.AutoModelForCausalLM.from_pretrained(merged)
    assert type(headed).__name__ == f"{family}ForCausalLM" and headed.dtype == torch.bfloat16, f"{type(headed)} of {headed.dtype}"
    assert (headed.lm_head.weight.data_ptr() == headed.get_input_embeddings().weight.data_ptr()) == tied
    near(headed.float()(input_ids=ids).logits, network.float()(input_ids=ids).logits)
    alone = transformers.AutoModel.from_pretrained(merged)
    assert alone.dtype == torch.bfloat16, alone.dtype
    mine = merge_live.embed(scratch, merged)
    merge_live.near(merge_live.vectors_of(alone.float().eval(), transformers.AutoTokenizer.from_pretrained(tokenizer), None), mine, 1e-4)


def shards(folder):
    index = json.loads((folder / "model.safetensors.index.json").read_text())
    names = set(index["weight_map"].values())
    assert not (folder / "model.safetensors").exists() and all((folder / name).exists() for name in names), names
    return names


def tensors(folder):
    return {k: v for name in shards(folder) for k, v in load_file(folder / name).items()}


def near(got, want):
    """Within a rounding of bf16: some weights are neighbours."""
    worst = (got - want).abs().max() / want.abs().max()
    assert worst <= 2**-8, f"logits differ by {worst:.2g} of the largest"


if __name__ == "__main__":
    main()
