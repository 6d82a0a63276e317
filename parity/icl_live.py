"""Compares queries, passages and in-context examples of bge-en-icl with FlagEmbedding's: 200 queries of Eedi's dev file under
the whole Mistral tokenizer, plain, with <instruct>, <query>, <response> behind its vocabulary, and as Mistral publishes it, without
</s> behind a text, which FlagEmbedding's trainers then add.

    parity/run icl_live.py

The ids that the network would get are compared, one by one, and the text that they stand for. Quarry's come from
model/internal/read. See icl.py for what of FlagEmbedding runs.
"""

import gzip
import json
import pathlib
import random
import subprocess
import tempfile

import transformers

import fixtures_live
import fixture
import icl
import report

QUERIES = 200
SEED = 20240917
LENGTHS = dict(query_max_len=1024, passage_max_len=128, example_query_max_len=384, example_passage_max_len=128)  # the reference's
BATCH = 8


def main():
    checks = report.Checks()
    with checks.check("model/testdata/icl is what icl_fixture.py makes today"), tempfile.TemporaryDirectory() as folder:
        fixtures_live.run("icl_fixture.py", folder)
        for made in sorted(path for path in pathlib.Path(folder).rglob("*") if path.is_file()):
            fixtures_live.compare(fixture.ROOT / made.relative_to(folder), made)
    with tempfile.TemporaryDirectory() as scratch:
        scratch = pathlib.Path(scratch)
        binary = scratch / "read"
        subprocess.run(["go", "build", "-o", binary, "./model/internal/read"], cwd=report.ROOT, check=True)
        for name, added, ends in [("Mistral", False, True), ("Mistral with <instruct>, <query>, <response>", True, True), ("Mistral without </s>", False, False)]:
            with checks.check(f"{name}: inference and training"):
                compare(checks, name, prepare(scratch / name.split()[-1].strip("<>/"), added, ends), [binary] + ["-eos"] * (not ends))
        with checks.check("Mistral, <instruct>, <query>, <response> added by quarry finetune, then merged"):
            grown(checks, scratch, binary)
    checks.finish()


def grown(checks, scratch, binary):
    """One step with --additional_special_tokens and a merge: the directory that this leaves, in transformers and here, against the
    tokenizer that FlagEmbedding's trainers make of the base."""
    base, trained, merged = prepare(scratch / "base", False, True), scratch / "trained", scratch / "merged"
    rows = eedi()[:8]
    (scratch / "train.jsonl").write_text("".join(
        json.dumps({"query": q, "pos": [p], "neg": [answer for _, answer in rows if answer != p]}) + "\n" for q, p in rows))
    report.quarry(
        "finetune", "--model_name_or_path", base, "--train_data", scratch / "train.jsonl", "--output_dir", trained, "--use_lora", "True", "--lora_rank", 2,
        "--target_modules", "q_proj", "v_proj", "--additional_special_tokens", *icl.SPECIAL, "--max_steps", 1, "--num_train_epochs", 1,
        "--per_device_train_batch_size", 4, "--train_group_size", 2, "--sentence_pooling_method", "last_token", "--normalize_embeddings", "True",
        "--query_instruction_for_retrieval", icl.TASK, "--query_instruction_format", icl.FORMAT.replace("\n", "\\n"), "--retrieval_use_examples", "True",
        "--icl_suffix_str", icl.SUFFIX.replace("\n", "\\n"), "--same_dataset_within_batch", "True", "--query_max_len", 600, "--passage_max_len", 128)
    report.quarry("merge", "--base_model_path", base, "--lora_path", trained / "epoch-1", "--output_dir", merged)
    config = (base / "config.json").read_text()
    theirs = icl.load(base)
    (base / "config.json").write_text(config)
    assert theirs.add_special_tokens({"additional_special_tokens": icl.SPECIAL}) == len(icl.SPECIAL)
    with checks.check("the directory that Quarry added tokens to, in transformers: FlagEmbedding's ids"):
        ours = transformers.AutoTokenizer.from_pretrained(merged)
        network = transformers.AutoModel.from_pretrained(merged)
        assert len(ours) == len(theirs) == network.config.vocab_size == len(network.get_input_embeddings().weight) == 32003
        assert set(icl.SPECIAL) <= set(ours.all_special_tokens), ours.all_special_tokens
        template = icl.FORMAT.replace("{}", icl.TASK, 1)
        for query, passage in eedi():
            for text in (passage, template.replace("{}", query) + icl.SUFFIX):
                assert ours(text).input_ids == theirs(text).input_ids, text
    compare(checks, "the directory that Quarry added tokens to", merged, [binary], theirs)


def prepare(folder, added, ends):
    """A directory with the tokenizer and, for Quarry to open, a model of almost no size."""
    packed = report.shared("tokenizers", "mistral-7b-v0.1", "tokenizer.json.gz")
    icl.write_tokenizer(folder, json.loads(gzip.decompress(packed.read_bytes())), added, ends)
    config = transformers.MistralConfig(
        vocab_size=32003 if added else 32000, hidden_size=8, intermediate_size=8, num_hidden_layers=1, num_attention_heads=2,
        num_key_value_heads=1, head_dim=4, max_position_embeddings=32768, bos_token_id=1, eos_token_id=2)
    transformers.MistralModel(config).save_pretrained(folder)
    return folder


def compare(checks, name, folder, read, tokenizer=None):
    """FlagEmbedding's ids, by a tokenizer or that of the folder, against Quarry's by the folder."""
    rows = eedi()
    if tokenizer is None:
        config = (folder / "config.json").read_text()
        tokenizer = icl.load(folder)
        (folder / "config.json").write_text(config)
    template = icl.FORMAT.replace("{}", icl.TASK, 1)
    queries, answers = [q for q, _ in rows], [p for _, p in rows]
    examples = [[q, p] for q, p in rows[-3:]]

    for count, length in [(0, 1024), (0, 256), (2, 512), (3, 128)]:
        _, want = icl.inference_queries(tokenizer, queries, [{"instruct": icl.TASK, "query": q, "response": p} for q, p in examples[:count]], length)
        asked = [dict(text=q, template=template, suffix=icl.SUFFIX, examples=examples[:count], max_length=length) for q in queries]
        with checks.check(f"{name}: {len(queries)} queries, {count} examples, {length} tokens"):
            same(tokenizer, read, folder, asked, want)
    for length in [128, 12]:
        want = icl.inference_passages(tokenizer, answers, length)
        with checks.check(f"{name}: {len(answers)} passages, {length} tokens"):
            same(tokenizer, read, folder, [dict(text=p, max_length=length) for p in answers], want)
    draw = random.Random(SEED)
    for lengths in [LENGTHS, LENGTHS | dict(query_max_len=700, example_query_max_len=60, example_passage_max_len=6, passage_max_len=10)]:
        asked_queries, asked_passages, want_queries, want_passages = [], [], [], []
        for at in range(0, len(rows), BATCH):
            batch = rows[at:at + BATCH]
            shown = [draw.sample([j for j in range(len(batch)) if j != i], draw.randint(0, 5)) for i in range(len(batch))]
            _, ids, passages = icl.training_batch(tokenizer, batch, shown, lengths)
            want_queries += ids
            want_passages += passages
            asked_queries += [dict(
                text=q, template=template, suffix=icl.SUFFIX, examples=[list(batch[j]) for j in shown[i]], max_length=lengths["query_max_len"],
                training=True, query_tokens=lengths["example_query_max_len"], response_tokens=lengths["example_passage_max_len"],
                tokens=lengths["query_max_len"] - 512) for i, (q, _) in enumerate(batch)]
            asked_passages += [dict(text=p, max_length=lengths["passage_max_len"]) for _, p in batch]
        with checks.check(f"{name}: {len(rows)} training queries with examples, {lengths['query_max_len']} tokens"):
            same(tokenizer, read, folder, asked_queries, want_queries)
        with checks.check(f"{name}: {len(rows)} training passages, {lengths['passage_max_len']} tokens"):
            same(tokenizer, read, folder, asked_passages, want_passages)


def eedi():
    """200 queries and an answer of each, spread over the dev file."""
    folder = report.shared("eedi")
    texts = {row["id"]: row["text"] for row in map(json.loads, (folder / "corpus.jsonl").open())}
    rows = [json.loads(line) for line in (folder / "dev.jsonl").open()]
    rows = [rows[i * len(rows) // QUERIES] for i in range(QUERIES)]
    return [(row["query"], texts[str(row["correct_id"])] if str(row["correct_id"]) in texts else texts[row["correct_id"]]) for row in rows]


def same(tokenizer, read, folder, asked, want):
    done = subprocess.run([*read, folder], input="".join(json.dumps(a) + "\n" for a in asked).encode(), capture_output=True)
    assert done.returncode == 0, done.stderr.decode()
    got = [json.loads(line) for line in done.stdout.splitlines()]
    assert len(got) == len(want), f"{len(got)} answers to {len(want)} questions"
    for i, (a, b) in enumerate(zip(got, want)):
        assert a == b, f"text {i}: Quarry {tokenizer.decode(a)!r} {a}, FlagEmbedding {tokenizer.decode(b)!r} {b}"


if __name__ == "__main__":
    main()
