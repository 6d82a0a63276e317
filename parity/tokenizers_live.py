"""Compares token ids of Quarry with Hugging Face tokenizers: on real texts, hard cases and random strings.

    parity/run tokenizers_live.py

Quarry's ids come from model/tokenizer/internal/dump. A single difference fails a check; the message shows the first.
"""

import csv
import gzip
import json
import pathlib
import random
import shutil
import subprocess
import tempfile

import tokenizers
from tokenizers import Tokenizer

import report
import tokenizer_families
import tokenizer_fixture
from texts import lines

RANDOM_STRINGS = 6_000  # for each tokenizer of the full size
LARGE = 30_000  # wanted of a vocabulary trained on the real texts
VARIANT_STRINGS = 1_000  # for each variant of the small one
SEED = 20240917

# Text that random strings are mixed from, beside any code point.
FRAGMENTS = [
    "half", "Fraction", "the", "THE", "ing", "##ing", "word", "an", "[MASK]", "[SEP]", "[mask]", "[CLS", "<tag>", "<tag>2",
    "<l>", "<r>", "<both>", "<Tag>", "  ", " ", "\t", "\n", "\u00a0", "\u2003", "\u3000", "\u0301", "\u0323", "\u0345", "\u302e", "\U0001d165",
    "é", "É", "e\u0301", "ß", "İ", "Σ", "ς", "ﬁ", "ﬃ", "Å", "가", "각", "\u1100\u1161\u11a8", "中", "新", "月", "新 月", "豈", "の", "が", "か\u3099",
    "ا", "\u0651\u064e", "א", "\ufb2a", "न", "\u093c", "क\u093c", "1", "23", "٣", "½", "Ⅷ", ".", ",", "-", "_", "$", "\\frac{", "}", "“", "…",
    "'s", "'S", "'ſ", "'re", "'LL", "'", "▁", "<0x0A>", "</s>", "©", "\u00a9\u200d", "\u0600", "\r\n", "\r", "\n\n", "²", "a\u0301b",
    "\u0000", "\u0007", "\u007f", "\u0085", "\u200b", "\u200d", "\ufeff", "\u00ad", "\ufffd", "\ue000", "👩", "👍🏽", "\u0378", "\u0898", "a" * 50, "é" * 60,
]
BLOCKS = [(0x20, 0x7E), (0, 0x2FF), (0x300, 0x36F), (0x370, 0x7FF), (0x900, 0x11FF), (0x1E00, 0x2BFF), (0x2E80, 0x33FF), (0x4E00, 0x4F00),
          (0xA640, 0xABFF), (0xAC00, 0xAD00), (0xF900, 0xFFFF), (0x10000, 0x11FFF), (0x1D100, 0x1D1FF), (0x1F000, 0x1FFFF), (0, 0x10FFFF)]


def random_texts(seed, count):
    """Strings of up to 40 parts; the same for the same seed."""
    draw = random.Random(seed)

    def part():
        if draw.random() < 0.6:
            return draw.choice(FRAGMENTS)
        low, high = draw.choice(BLOCKS)
        code = draw.randint(low, high)
        return "" if 0xD800 <= code <= 0xDFFF else chr(code)

    return ["".join(part() for _ in range(draw.randint(1, 40))) for _ in range(count)]


def real_texts():
    """Names and texts of the data under ../shared: of eedi every string of every file, each once."""
    eedi = report.shared("eedi")
    for path in sorted(eedi.glob("*.jsonl")):
        yield f"eedi/{path.stem}", list(dict.fromkeys(strings(path)))
    for path in sorted((eedi / "raw").glob("*.csv")):
        yield f"eedi/raw/{path.stem}", cells(path)
    cranfield = report.shared("beir", "cranfield")
    corpus = cranfield / "corpus.jsonl.gz"
    yield "cranfield/corpus", list(lines(corpus, "title", "text"))
    yield "cranfield/queries", list(lines(cranfield / "queries.jsonl", "text"))


def strings(path):
    """Whatever is a string, or in a list of them, in the lines of a JSONL file."""
    with open(path, encoding="utf-8") as file:
        for line in file:
            for value in json.loads(line).values():
                yield from [one for one in (value if isinstance(value, list) else [value]) if isinstance(one, str)]


def cells(path):
    """The texts of a CSV file, names of columns and numbers among them, each once, as they are first met."""
    with open(path, encoding="utf-8-sig", newline="") as file:
        return list(dict.fromkeys(cell for row in csv.reader(file) for cell in row))


def quarry_ids(binary, directory, texts, *options):
    """Token ids of texts by Quarry."""
    given = "".join(json.dumps({"text": text}) + "\n" for text in texts)
    done = subprocess.run([binary, *options, str(directory)], input=given.encode(), capture_output=True)
    assert done.returncode == 0, done.stderr.decode()
    return [json.loads(line) for line in done.stdout.splitlines()]


def compare(binary, directory, peer, texts):
    """Fails at the first text whose ids differ; returns the number of tokens."""
    want = [e.ids for e in peer.encode_batch(texts, add_special_tokens=False)]
    got = quarry_ids(binary, directory, texts)
    assert len(got) == len(texts), f"{len(got)} results for {len(texts)} texts"
    differing = [i for i in range(len(texts)) if got[i] != want[i]]
    if differing:
        i = differing[0]
        raise AssertionError(f"{len(differing)} of {len(texts)} texts differ; the first is {ascii(texts[i])}: "
                             f"Quarry {got[i]}, tokenizers {want[i]}")
    return sum(map(len, want))


def with_specials(binary, directory, peer, texts):
    """Fails when ids with special tokens, cut to 16, differ."""
    peer.enable_truncation(16)
    want = [e.ids for e in peer.encode_batch(texts)]
    peer.no_truncation()
    assert quarry_ids(binary, directory, texts, "--specials", "16") == want, "ids differ"


def load(directory):
    """The library's tokenizer of a directory, without its padding and truncation, which Quarry does not follow."""
    peer = Tokenizer.from_file(str(directory / "tokenizer.json"))
    peer.no_padding()
    peer.no_truncation()
    return peer


def directories(checks, scratch):
    """Names and directories of the tokenizers of full size. Those that are not there count as left out."""
    for name in ["bert-base-uncased", "gpt2", "llama2", "mistral-7b-v0.1"]:
        try:
            packed = report.shared("tokenizers", name, "tokenizer.json.gz")
        except report.Skip as reason:
            checks.skip(name, str(reason))
            continue
        (scratch / name).mkdir()
        (scratch / name / "tokenizer.json").write_bytes(gzip.decompress(packed.read_bytes()))
        yield name, scratch / name
    yield from with_newer_patterns(scratch)
    yield from trained(checks, scratch)
    yield "all-MiniLM-L6-v2", report.minilm()


def with_newer_patterns(scratch):
    """GPT-2's vocabulary and merges behind the split patterns of Llama 3, Qwen2 and GPT-4o."""
    if not (scratch / "gpt2").exists():
        return
    base = json.loads((scratch / "gpt2" / "tokenizer.json").read_text())
    for name, change in [
        ("llama3", tokenizer_families.after(tokenizer_families.split(tokenizer_families.LLAMA3)) | {"model": {"ignore_merges": True}}),
        ("qwen2", tokenizer_families.after(tokenizer_families.split(tokenizer_families.QWEN2)) | {"normalizer": {"type": "NFC"}}),
        ("o200k", tokenizer_families.after(tokenizer_families.split(tokenizer_families.O200K))),
    ]:
        (scratch / name).mkdir()
        (scratch / name / "tokenizer.json").write_text(json.dumps(tokenizer_fixture.vary(base, change)))
        yield f"gpt2 with {name}'s pattern", scratch / name


def trained(checks, scratch):
    """Vocabularies of tens of thousands, trained on the real texts, of the kinds of which no published one is there."""
    try:
        texts = [text for _, texts in real_texts() for text in texts]
    except report.Skip as reason:
        checks.skip("tokenizers trained on real texts", str(reason))
        return
    for name, make in [
        ("Unigram", lambda: tokenizer_families.unigram(texts, LARGE)),
        ("BPE behind llama3's pattern", lambda: tokenizer_families.bytelevel(texts, LARGE, tokenizer_families.LLAMA3)),
        ("BPE behind qwen2's pattern", lambda: tokenizer_families.bytelevel(texts, LARGE, tokenizer_families.QWEN2)),
    ]:
        made = make()
        directory = scratch / f"trained {name}"
        directory.mkdir()
        (directory / "tokenizer.json").write_text(json.dumps(made))
        yield f"{name}, {len(made['model']['vocab'])} trained", directory


class Totals:
    texts = tokens = 0


def full_size(checks, binary, scratch):
    for name, directory in directories(checks, scratch):
        peer = load(directory)
        named = [("hard cases", tokenizer_fixture.HARD), ("random strings", random_texts(SEED, RANDOM_STRINGS))]
        try:
            # Vocabulary and merges of the newer patterns are GPT-2's, which has seen the real texts.
            named += [] if name.startswith("gpt2 with ") else real_texts()
        except report.Skip as reason:
            checks.skip(f"{name} on real texts", str(reason))
        for what, texts in named:
            with checks.check(f"{name}: ids of {len(texts)} texts of {what}"):
                Totals.tokens += compare(binary, directory, peer, texts)
                Totals.texts += len(texts)
        with checks.check(f"{name}: special tokens and truncation"):
            with_specials(binary, directory, peer, tokenizer_fixture.HARD + named[-1][1][:500])


def variants(checks, binary, scratch):
    """Every normalizer, splitter and kind of added token, with a small vocabulary."""
    base = json.loads(tokenizer_fixture.SMALL.read_text())
    for number, (name, change) in enumerate(tokenizer_fixture.variants().items()):
        with checks.check(f"small tokenizer, {name}: {VARIANT_STRINGS} random strings"):
            directory = scratch / f"variant-{number}"
            directory.mkdir()
            (directory / "tokenizer.json").write_text(json.dumps(tokenizer_fixture.vary(base, change)))
            texts = random_texts(SEED + 1 + number, VARIANT_STRINGS)
            Totals.tokens += compare(binary, directory, load(directory), texts)
            Totals.texts += len(texts)


def families(checks, binary, scratch):
    """The same for byte-level BPE, SentencePiece's BPE and Unigram."""
    for family, base in tokenizer_fixture.bases().items():
        for number, (name, change) in enumerate(tokenizer_families.variants()[family].items()):
            with checks.check(f"{family}, {name}: {VARIANT_STRINGS} random strings"):
                directory = scratch / f"{family}-{number}"
                directory.mkdir()
                (directory / "tokenizer.json").write_text(json.dumps(tokenizer_fixture.vary(base, change)))
                texts = random_texts(SEED + 200 + number, VARIANT_STRINGS)
                Totals.tokens += compare(binary, directory, load(directory), texts)
                Totals.texts += len(texts)


def vocab_text(checks, binary, scratch):
    """vocab.txt with tokenizer_config.json against transformers' BertTokenizer."""
    from transformers import AutoTokenizer

    texts = tokenizer_fixture.HARD + random_texts(SEED + 100, VARIANT_STRINGS)
    for number, settings in enumerate([{}, {"do_lower_case": False}, {"strip_accents": False}, {"tokenize_chinese_chars": False},
                                       {"do_lower_case": False, "strip_accents": True}]):
        with checks.check(f"vocab.txt with {settings or 'its own settings'}: {len(texts)} texts"):
            directory = scratch / f"vocab-text-{number}"
            directory.mkdir()
            for file in ["vocab.txt", "config.json", "special_tokens_map.json"]:
                shutil.copy(report.minilm() / file, directory)
            config = json.loads((report.minilm() / "tokenizer_config.json").read_text()) | settings
            (directory / "tokenizer_config.json").write_text(json.dumps(config))
            peer = AutoTokenizer.from_pretrained(directory).backend_tokenizer
            Totals.tokens += compare(binary, directory, peer, texts)
            Totals.texts += len(texts)


def learned(checks, binary, scratch):
    """A vocabulary that Quarry learned, read by the library and by transformers."""
    from transformers import AutoTokenizer

    with checks.check("a learned vocabulary, read by tokenizers and transformers"):
        directory = scratch / "learned"
        directory.mkdir()
        texts = [tokenizer_fixture.PROSE] + tokenizer_fixture.HARD
        assert quarry_ids(binary, directory, texts, "--learn", "1500") == []
        (directory / "config.json").write_text('{"model_type": "bert"}')
        for peer in [load(directory), AutoTokenizer.from_pretrained(directory).backend_tokenizer]:
            Totals.tokens += compare(binary, directory, peer, texts)
        vocabulary = (directory / "vocab.txt").read_text().splitlines()
        assert load(directory).get_vocab() == {token: i for i, token in enumerate(vocabulary)}, "vocab.txt differs"


def committed(checks):
    """The tables and fixtures are what the library says today."""
    for path, content in tokenizer_fixture.files().items():
        with checks.check(f"{path} is what tokenizer_fixture.py makes"):
            there = (report.ROOT / path).read_bytes()
            if path.suffix == ".json" and b'"header"' in content:
                there, content = ({k: v for k, v in json.loads(c).items() if k != "header"} for c in (there, content))
            assert there == content, "differs"


def main():
    checks = report.Checks()
    committed(checks)
    with tempfile.TemporaryDirectory() as folder:
        scratch = pathlib.Path(folder)
        binary = scratch / "dump"
        subprocess.run(["go", "build", "-o", binary, "./model/tokenizer/internal/dump"], cwd=report.ROOT, check=True)
        full_size(checks, binary, scratch)
        variants(checks, binary, scratch)
        families(checks, binary, scratch)
        vocab_text(checks, binary, scratch)
        learned(checks, binary, scratch)
    print(f"{Totals.texts} texts, {Totals.tokens} tokens, tokenizers {tokenizers.__version__}")
    checks.finish()


if __name__ == "__main__":
    main()
