"""Adapters that the peers' own programs leave load and merge here: those of FlagEmbedding's trainers of decoders, run for two
steps by their command lines, and those that sentence-transformers saves after add_adapter.

    parity/run saved_adapters_live.py

The vectors of the merged directory are compared with those of the model that the peer has in memory or merges itself.
"""

import contextlib
import io
import pathlib
import runpy
import sys
import tempfile
import unittest.mock

import numpy
import peft
import torch
from safetensors.torch import load_file
from sentence_transformers import SentenceTransformer
from transformers import AutoModel, AutoTokenizer

import decoders_live
import merge_live
import report
import texts

TOKENS = ["<instruct>", "<query>", "<response>"]
TRAINER = dict(
    max_steps=2, per_device_train_batch_size=4, train_group_size=2, learning_rate=1e-2, lr_scheduler_type="constant", warmup_steps=0,
    query_max_len=600, passage_max_len=64, query_instruction_for_retrieval="find it", query_instruction_format="<instruct>{}\\n<query>{}",
    lora_rank=4, lora_alpha=8, lora_dropout=0.1, sentence_pooling_method="last_token", normalize_embeddings=True, temperature=0.02,
    save_strategy="no", report_to="none", use_cpu=True, disable_tqdm=True, dataloader_num_workers=0, logging_steps=1000)
TARGETS = ["q_proj", "k_proj", "v_proj", "o_proj", "gate_proj", "down_proj", "up_proj"]


def main():
    checks = report.Checks()
    with tempfile.TemporaryDirectory() as folder:
        scratch = pathlib.Path(folder)
        # Made once; without shared data a check is skipped by them.
        base = lambda: decoders_live.mistral(scratch / "base", "lasttoken")
        qwen2 = lambda: decoders_live.qwen2(scratch / "qwen2")
        train = merge_live.write_training_file(scratch / "train.jsonl")
        for name, of, module, tokens in [
            ("decoder_only.icl", base, "icl", []), ("decoder_only.icl with added tokens", base, "icl", TOKENS), ("decoder_only.base", base, "base", []),
            ("decoder_only.icl with added tokens on a Qwen2 with rows in reserve", qwen2, "icl", TOKENS),
        ]:
            with checks.check(f"FlagEmbedding's {name}: its adapter merges here, with the vectors of its own merged model"):
                of_flagembedding(scratch, of(), train, module, tokens)
        for name, config in [
            ("query, key, value", dict(r=8, lora_alpha=16, target_modules=["query", "key", "value"])),
            ("all-linear, rslora", dict(r=4, lora_alpha=4, target_modules="all-linear", use_rslora=True)),
        ]:
            for typed in [True, False]:
                with checks.check(f"sentence-transformers, add_adapter of {name}{'' if typed else ', no task type'}: saved, it merges here"):
                    of_sentence_transformers(scratch, report.minilm(), config | ({"task_type": "FEATURE_EXTRACTION"} if typed else {}))
        with checks.check("sentence-transformers, add_adapter on a decoder: saved, it merges here"):
            of_sentence_transformers(scratch, base(), dict(r=4, lora_alpha=8, target_modules=TARGETS, task_type="FEATURE_EXTRACTION"))
    checks.finish()


def of_flagembedding(scratch, base, train, module, tokens):
    """Two steps of a trainer, as its command line runs them, and what is in the directory that it leaves."""
    folder = pathlib.Path(tempfile.mkdtemp(dir=scratch))
    trained = folder / "trained"
    flags = dict(model_name_or_path=base, train_data=train, output_dir=trained, save_merged_lora_model=True) | TRAINER
    lists = {"target_modules": TARGETS, "additional_special_tokens": tokens}
    if module == "icl":
        flags |= dict(same_dataset_within_batch=True, retrieval_use_examples=True, icl_suffix_str="\n<response>")
    torch.manual_seed(5)
    run(f"FlagEmbedding.finetune.embedder.decoder_only.{module}",
        [part for key, value in flags.items() for part in (f"--{key}", str(value))]
        + [part for key, values in lists.items() if values for part in (f"--{key}", *values)])
    assert (trained / "adapter_config.json").exists(), f"no adapter among {sorted(p.name for p in trained.iterdir())}"
    assert (trained / "embedding" / "emb.pth").exists() == bool(tokens)
    assert any(name.endswith("embed_tokens.weight") for name in load_file(trained / "adapter_model.safetensors")) == bool(tokens)
    report.quarry("merge", "--base", base, "--adapter", trained, "--output", folder / "merged")
    asked = texts.HARD + ["<instruct>find it\n<query>1/2 + 1/3\n<response>", "<response>"]
    # The trainers load the tokenizer with add_eos_token alone, by which transformers 5 takes <s> away, and save it so: both sides are
    # asked with the base's, which keeps it.
    tokenizer = AutoTokenizer.from_pretrained(base)
    own = len(tokenizer)
    tokenizer.add_special_tokens({"additional_special_tokens": tokens})
    assert tokenizer.get_vocab() == AutoTokenizer.from_pretrained(trained).get_vocab() and len(tokenizer) == own + len(tokens)
    want = vectors(AutoModel.from_pretrained(trained / "merged_model").float().eval(), tokenizer, asked)
    got = merge_live.embed(scratch, folder / "merged", asked)
    merge_live.near(got, want, 1e-5)
    if tokens:
        assert AutoTokenizer.from_pretrained(folder / "merged").convert_tokens_to_ids(tokens) == [own, own + 1, own + 2]
    else:
        merge_live.differ(got, merge_live.embed(scratch, base, asked))


def run(module, arguments):
    """python -m module, in this process, which has imported what takes long. torch.load reads the pickles that FlagEmbedding
    writes, which torch no longer does unasked."""
    load = torch.load
    with unittest.mock.patch.object(sys, "argv", [module, *arguments]), \
            unittest.mock.patch.object(torch, "load", lambda *a, **k: load(*a, **k | {"weights_only": False})), \
            contextlib.redirect_stdout(io.StringIO()):
        runpy.run_module(f"{module}.__main__", run_name="__main__")


def vectors(model, tokenizer, asked):
    """Last token's states, length 1. What a tokenizer with <s> appends is the base's </s>."""
    rows = []
    with torch.inference_mode():
        for text in asked:
            inputs = tokenizer(text.strip(), truncation=True, max_length=256, return_tensors="pt")
            assert inputs["input_ids"][0, -1] == 2 or tokenizer.bos_token is None, "no </s>"
            rows.append(torch.nn.functional.normalize(model(**inputs).last_hidden_state[:, -1], dim=1)[0].numpy())
    return numpy.stack(rows)


def of_sentence_transformers(scratch, base, config):
    folder = pathlib.Path(tempfile.mkdtemp(dir=scratch))
    peer = SentenceTransformer(str(base), device="cpu")
    asked = [text.strip() for text in texts.HARD]
    alone = peer.encode(asked, batch_size=4, show_progress_bar=False)
    peer.add_adapter(peft.LoraConfig(**config))
    torch.manual_seed(6)
    for name, p in peer.named_parameters():
        if "lora_" in name:
            torch.nn.init.normal_(p.data, 0.0, 0.1)
    want = peer.eval().encode(asked, batch_size=4, show_progress_bar=False)
    merge_live.differ(want, alone)
    peer.save(str(folder / "saved"))
    assert (folder / "saved" / "adapter_model.safetensors").exists(), sorted(p.name for p in (folder / "saved").iterdir())
    report.quarry("merge", "--base", base, "--adapter", folder / "saved", "--output", folder / "merged")
    merge_live.near(merge_live.embed(scratch, folder / "merged", asked), want, 1e-5)


if __name__ == "__main__":
    main()
