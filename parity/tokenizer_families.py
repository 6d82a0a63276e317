"""The small tokenizers of model/tokenizer/testdata beside BERT's, and how each is varied.

A family is a tokenizer that the library trains on the texts of tokenizer_fixture.py, and variants: sections that replace
its own. Fixtures are made of them (tokenizer_fixture.py), and random strings compared (tokenizers_live.py).
"""

import base64
import json
import struct

from tokenizers import Regex, Tokenizer, decoders, models, normalizers, pre_tokenizers, processors, trainers

GPT2 = r"'s|'t|'re|'ve|'m|'ll|'d| ?\p{L}+| ?\p{N}+| ?[^\s\p{L}\p{N}]+|\s+(?!\S)|\s+"
LLAMA3 = (r"(?i:'s|'t|'re|'ve|'m|'ll|'d)|[^\r\n\p{L}\p{N}]?\p{L}+|\p{N}{1,3}| ?[^\s\p{L}\p{N}]+[\r\n]*|\s*[\r\n]+"
          r"|\s+(?!\S)|\s+")
QWEN2 = LLAMA3.replace("{1,3}", "")
# GPT-4o's, which is matched by the general engine.
O200K = "|".join([
    r"[^\r\n\p{L}\p{N}]?[\p{Lu}\p{Lt}\p{Lm}\p{Lo}\p{M}]*[\p{Ll}\p{Lm}\p{Lo}\p{M}]+(?i:'s|'t|'re|'ve|'m|'ll|'d)?",
    r"[^\r\n\p{L}\p{N}]?[\p{Lu}\p{Lt}\p{Lm}\p{Lo}\p{M}]+[\p{Ll}\p{Lm}\p{Lo}\p{M}]*(?i:'s|'t|'re|'ve|'m|'ll|'d)?",
    r"\p{N}{1,3}", r" ?[^\s\p{L}\p{N}]+[\r\n/]*", r"\s*[\r\n]+", r"\s+(?!\S)", r"\s+"])

REPLACED = {"ﬁ": "fi", "½": "1/2", "e\u0301": "é", "²": "2", "\u200b": "", "\t": " ", "\u0007": "", "Å": "Å", "©": "(c)",
            "新": "xin", "a\u0301b": "never", "が": "ga", "\r": "<cr>", "\u0600": "#", "ᄒ": "h", "A": "a", "\ufffd": ""}


def charsmap(replaced):
    """A Precompiled table: a double array as darts-clone lays it out, and the texts with a NUL after each."""
    units, texts = [0] * 256, b""
    children = {}
    for key, text in replaced.items():
        at = children
        for byte in key.encode():
            at = at.setdefault(byte, {})
        at[None] = len(texts)
        texts += text.encode() + b"\0"
    taken = {0}

    def place(node, at):
        base = next(b for b in range(1, 1 << 20) if all((at ^ b ^ (label or 0)) not in taken for label in node))
        for label in node:
            taken.add(at ^ base ^ (label or 0))
        units.extend([0] * (max(at ^ base ^ (label or 0) for label in node) + 1 - len(units)))
        units[at] |= base << 10
        for label, below in node.items():
            child = at ^ base ^ (label or 0)
            if label is None:
                units[at] |= 1 << 8
                units[child] = below | 1 << 31
            else:
                units[child] = label
        for label, below in node.items():
            if label is not None:
                place(below, at ^ base ^ label)

    place(children, 0)
    return struct.pack(f"<{len(units) + 1}I", 4 * len(units), *units) + texts


def bytelevel(texts, size=600, pattern=None):
    """GPT-2's kind; with a pattern, that of the models which split by one."""
    tokenizer = Tokenizer(models.BPE(ignore_merges=pattern == LLAMA3))
    tokenizer.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
    if pattern:
        tokenizer.pre_tokenizer = pre_tokenizers.Sequence([
            pre_tokenizers.Split(Regex(pattern), "isolated"), pre_tokenizers.ByteLevel(add_prefix_space=False, use_regex=False)])
    if pattern == QWEN2:
        tokenizer.normalizer = normalizers.NFC()
    tokenizer.post_processor = processors.ByteLevel(trim_offsets=False)
    tokenizer.decoder = decoders.ByteLevel()
    trainer = trainers.BpeTrainer(vocab_size=size, special_tokens=["<|endoftext|>"], show_progress=False,
                                  initial_alphabet=sorted(pre_tokenizers.ByteLevel.alphabet()))
    tokenizer.train_from_iterator(texts, trainer)
    return json.loads(tokenizer.to_str())


def sentencepiece(texts):
    tokenizer = Tokenizer(models.BPE(unk_token="<unk>", fuse_unk=True, byte_fallback=True))
    tokenizer.pre_tokenizer = pre_tokenizers.Metaspace(prepend_scheme="first", split=False)
    tokenizer.normalizer = None
    specials = ["<unk>", "<s>", "</s>"] + [f"<0x{b:02X}>" for b in range(256)]
    trainer = trainers.BpeTrainer(vocab_size=750, special_tokens=specials, show_progress=False, limit_alphabet=120)
    tokenizer.pre_tokenizer = pre_tokenizers.Metaspace()
    tokenizer.train_from_iterator(texts, trainer)
    tokenizer.pre_tokenizer = pre_tokenizers.Metaspace(prepend_scheme="first", split=False)
    tokenizer.post_processor = processors.TemplateProcessing(single="<s> $A", pair="<s> $A <s> $B", special_tokens=[("<s>", 1)])
    made = json.loads(tokenizer.to_str())
    made["added_tokens"] = made["added_tokens"][:3]
    return made


def unigram(texts, size=500):
    tokenizer = Tokenizer(models.Unigram())
    tokenizer.normalizer = normalizers.NFKC()
    tokenizer.pre_tokenizer = pre_tokenizers.Metaspace()
    specials = ["<unk>", "<s>", "</s>"]
    tokenizer.train_from_iterator(texts, trainers.UnigramTrainer(
        vocab_size=size, special_tokens=specials, unk_token="<unk>", show_progress=False))
    made = json.loads(tokenizer.to_str())
    made["model"]["vocab"] = [[token, round(score, 6)] for token, score in made["model"]["vocab"]]
    return made


def byte_level(prefix=False, regex=True):
    return {"type": "ByteLevel", "add_prefix_space": prefix, "trim_offsets": True, "use_regex": regex}


def split(expression, behavior="Isolated", invert=False, kind="Regex"):
    return {"type": "Split", "pattern": {kind: expression}, "behavior": behavior, "invert": invert}


def after(*stages):
    return {"pre_tokenizer": {"type": "Sequence", "pretokenizers": [*stages, byte_level(regex=False)]}}


def metaspace(scheme, split=False):
    return {"type": "Metaspace", "replacement": "▁", "prepend_scheme": scheme, "split": split}


def sequence(*steps):
    return {"type": "Sequence", "normalizers": list(steps)}


PREPEND_REPLACE = sequence({"type": "Prepend", "prepend": "▁"}, {"type": "Replace", "pattern": {"String": " "}, "content": "▁"})
STRIP = {"type": "Strip", "strip_left": True, "strip_right": True}


def token(content, **flags):
    return dict(content=content, single_word=False, lstrip=False, rstrip=False, normalized=True, special=False) | flags


def variants():
    """Of each family: names, and the sections that are changed."""
    added = [token("<tag>", special=True, normalized=False), token("half", single_word=True), token("<l>", lstrip=True, normalized=False),
             token("<r>", rstrip=True, normalized=False), token("  ", normalized=False), token("Fraction")]
    return {
        "bytelevel": {
            "gpt2": {},
            "prefix space": {"pre_tokenizer": byte_level(prefix=True)},
            "gpt2, split": after(split(GPT2)),
            "llama3": after(split(LLAMA3)) | {"model": {"ignore_merges": True}},
            "llama3, inverted": after(split(LLAMA3, "Removed", True)),
            "qwen2": after(split(QWEN2)) | {"normalizer": {"type": "NFC"}},
            "o200k": after(split(O200K)),
            "digits": after({"type": "Digits", "individual_digits": True}, byte_level()),
            "letters removed": after(split(r"[a-f]+|\s{2,}", "Removed")),
            "joined to the next": after(split(r"\p{M}|[^\S ]|(?:th|an)e?", "MergedWithNext")),
            "joined to the one before": after(split(r"(?i:h)[a-z]*?e|\p{Ll}++\P{L}", "MergedWithPrevious", True)),
            "contiguous text": after(split("an", "Contiguous", kind="String")),
            "punctuation after bytes": {"pre_tokenizer": {"type": "Sequence", "pretokenizers": [byte_level(), {"type": "Punctuation", "behavior": "Isolated"}]}},
            "bytes as normalizer": {"normalizer": sequence({"type": "NFC"}, {"type": "ByteLevel"}), "pre_tokenizer": None},
            "added tokens": {"add": added},
        },
        "sentencepiece": {
            "first": {},
            "always, split": {"pre_tokenizer": metaspace("always", True)},
            "never": {"pre_tokenizer": metaspace("never")},
            "prepend and replace": {"normalizer": PREPEND_REPLACE, "pre_tokenizer": None},
            "first of stripped": {"normalizer": STRIP},
            "first of accents": {"normalizer": {"type": "StripAccents"}},
            "unknown, fused": {"model": {"byte_fallback": False}},
            "unknown, each": {"model": {"byte_fallback": False, "fuse_unk": False}},
            "unknown dropped": {"model": {"byte_fallback": False, "unk_token": None}},
            "affixes": {"model": {"continuing_subword_prefix": "", "end_of_word_suffix": "s"}},
            "ignore merges": {"pre_tokenizer": metaspace("always", True), "model": {"ignore_merges": True}},
            "added tokens": {"add": added},
            "gemma": {"normalizer": {"type": "Replace", "pattern": {"String": " "}, "content": "▁"},
                      "pre_tokenizer": split(" ", "MergedWithPrevious", kind="String")},
        },
        "unigram": {
            "nfkc": {},
            "xlm-roberta": {"normalizer": sequence(
                {"type": "Precompiled", "precompiled_charsmap": base64.b64encode(charsmap(REPLACED)).decode()},
                {"type": "Replace", "pattern": {"Regex": " {2,}"}, "content": " "}),
                "pre_tokenizer": {"type": "Sequence", "pretokenizers": [{"type": "WhitespaceSplit"}, metaspace("always", True)]}},
            "whole": {"normalizer": None, "pre_tokenizer": metaspace("first")},
            "nmt": {"normalizer": sequence({"type": "Nmt"}, {"type": "NFKC"}, {"type": "Lowercase"})},
            "byte fallback": {"normalizer": None, "bytes": True, "model": {"byte_fallback": True}},
            "added tokens": {"add": added},
        },
    }


def families(texts, there):
    """The base tokenizer of each family: the one that is there, else a new one. Trainers break ties by a random hash."""
    return {name: there(name) or make(texts)
            for name, make in [("bytelevel", bytelevel), ("sentencepiece", sentencepiece), ("unigram", unigram)]}
