"""`quarry tokenize` against tokenizers and transformers: ids as a model reads them, special tokens included, and their pieces.

    parity/run tokenize_live.py
"""

import json
import pathlib
import shutil
import tempfile

from transformers import AutoTokenizer

import report
import tokenizer_fixture
import tokenizers_live
from texts import lines

# Longer than any model reads: nothing may be cut.
LONG = "What misconception leads to 3/4 + 1/2 = 4/6? " * 400


# As queries they keep the white space at their ends; blank ones are no queries.
HARD = [t for t in tokenizer_fixture.HARD if t.strip()]


def main():
    checks = report.Checks()
    with tempfile.TemporaryDirectory() as folder:
        scratch = pathlib.Path(folder)
        for name, directory in tokenizers_live.directories(checks, scratch):
            peer = tokenizers_live.load(directory)
            for what, texts in named_texts():
                with checks.check(f"{name}: quarry tokenize of {len(texts)} texts of {what}"):
                    encoded = peer.encode_batch(texts)
                    same(tokenize(scratch, directory, texts), [e.ids for e in encoded], texts)
                    spelt = [[peer.id_to_token(i) for i in e.ids] for e in encoded]  # e.tokens of Unigram has the text in place of <unk>
                    same(tokenize(scratch, directory, texts, "--tokens"), spelt, texts)
            with checks.check(f"{name}: quarry tokenize --no-specials"):
                same(tokenize(scratch, directory, HARD, "--no-specials"), [e.ids for e in peer.encode_batch(HARD, add_special_tokens=False)], HARD)
        with checks.check("all-MiniLM-L6-v2: transformers' ids"):
            transformers_ids(scratch, report.minilm())
        with checks.check("mistral-7b-v0.1 with add_bos_token: transformers' ids"):
            transformers_ids(scratch, mistral(scratch, bos=True, eos=False))
        # transformers 5 goes by the template of tokenizer.json alone; before it, these settings stood above it, and models
        # were trained so.
        for bos, eos in [(True, True), (False, True)]:
            with checks.check(f"mistral-7b-v0.1 with add_bos_token {bos}, add_eos_token {eos}: as transformers 4 has it"):
                directory = mistral(scratch, bos, eos)
                peer, texts = tokenizers_live.load(directory), [t for _, some in named_texts() for t in some]
                bare = [e.ids for e in peer.encode_batch(texts, add_special_tokens=False)]
                same(tokenize(scratch, directory, texts), [[1] * bos + ids + [2] * eos for ids in bare], texts)
    checks.finish()


def named_texts():
    yield "hard cases", HARD + [LONG]
    try:
        yield "eedi", [t for file in ["corpus", "dev", "hn_mine_input"] for t in lines(report.shared("eedi") / f"{file}.jsonl", "text", "query") if t.strip()][:4000]
    except report.Skip:
        return


def tokenize(scratch, directory, texts, *options):
    source = scratch / "texts.jsonl"
    source.write_text("".join(json.dumps({"query": t}) + "\n" for t in texts))
    printed = report.quarry("tokenize", "--model", directory, "--input", source, *options)
    # Not splitlines: pieces may hold what Python takes for the end of a line.
    return [json.loads(line) for line in printed.split("\n")[:-1]]


def same(got, want, texts):
    assert len(got) == len(want), f"{len(got)} lines for {len(want)} texts"
    differing = [i for i in range(len(want)) if got[i] != want[i]]
    assert not differing, f"{len(differing)} texts differ; the first is {ascii(texts[differing[0]][:80])}: Quarry {got[differing[0]][:20]}, wanted {want[differing[0]][:20]}"


def transformers_ids(scratch, directory):
    peer = AutoTokenizer.from_pretrained(directory)
    texts = [t for _, some in named_texts() for t in some]
    same(tokenize(scratch, directory, texts), [peer(t, truncation=False, padding=False)["input_ids"] for t in texts], texts)


def mistral(scratch, bos, eos):
    """The tokenizer with settings of its own, as a model's directory has it."""
    packed = scratch / "mistral-7b-v0.1"
    if not packed.exists():
        raise report.Skip("shared data absent: ../shared/data/tokenizers/mistral-7b-v0.1")
    directory = scratch / f"mistral-{bos}-{eos}"
    directory.mkdir()
    shutil.copy(packed / "tokenizer.json", directory)
    (directory / "tokenizer_config.json").write_text(json.dumps({
        "tokenizer_class": "LlamaTokenizer", "bos_token": "<s>", "eos_token": "</s>", "unk_token": "<unk>", "legacy": True,
        "add_bos_token": bos, "add_eos_token": eos, "model_max_length": 512}))
    return directory


if __name__ == "__main__":
    main()
