"""Writes what model/tokenizer takes from Hugging Face tokenizers: its Unicode tables and its test fixtures.

    python parity/tokenizer_fixture.py                  # writes the files
    python parity/tokenizer_fixture.py --output FOLDER  # writes them below FOLDER, to compare

Files, under model/tokenizer:
  unicode_tables.go            classes of code points, found by asking the library about every one of them
  testdata/small/tokenizer.json  a WordPiece tokenizer trained by the library on the text below; kept once it is there,
                               because the trainer breaks ties by a random hash
  testdata/cases.json          variants of it, texts and the ids that the library gives
  testdata/FAMILY/             the same for the tokenizers of tokenizer_families.py, on the same texts
  testdata/codepoints.json     digests of what each normalizer makes of every code point
"""

import copy
import hashlib
import io
import json
import pathlib
import struct
import subprocess

import tokenizers
from tokenizers import Regex, Tokenizer, decoders, models, normalizers, pre_tokenizers, processors, trainers

import fixture
import tokenizer_families

FOLDER = pathlib.Path("model", "tokenizer")
SMALL = fixture.ROOT / FOLDER / "testdata" / "small" / "tokenizer.json"

# What the small vocabulary is learned from, together with HARD.
PROSE = """
A half and a quarter make three quarters, because one half is two quarters. Many pupils add the top numbers and then
the bottom numbers, so that 1/2 + 1/4 becomes 2/6; the answer looks tidy, and it is smaller than the half they began
with. Ask them to draw the cake: nobody who has eaten half of it and then another quarter believes that a third has gone.
The order of operations is a convention, not a law of nature. In 3 + 4 x 5 the product comes first and gives 23; whoever
reads from left to right gets 35. Brackets are cheap. When we divide by a number less than one the result grows, which
feels wrong to anyone who learned that division makes things smaller. A negative times a negative is positive: turn
around twice and you face the way you started. The angle does not change when the arms are drawn longer. The mean of
2, 3 and 10 is 5, the median is 3, and neither is the mode. Rounding 2.45 to one decimal place is not the same as
rounding it twice. Parallel lines keep their distance; perpendicular lines meet at ninety degrees. Simplify 6x - 2x and
you have 4x, not 4. Squaring is not doubling: 5 squared is 25. The area of a triangle is half of base times height.
"""

# Texts that tokenizers get wrong: one idea each.
HARD = [
    "", " ", "   \t\n\r ", "a", "Z", "the half", "The HALF of Fractions", "one.two,three;four!five?six",
    "What is 1/2 + 1/4? [MASK] of the cake", "[CLS] already here [SEP]", "[MASK][MASK] [mask] [ MASK ] [MASK", "[PAD][UNK]x[SEP]y",
    "x[MASK]y  [MASK]  z", "caf\u00e9 cafe\u0301 CAF\u00c9 na\u00efve \u00c5ngstr\u00f6m \u212b", "\u1e9b\u0323 \u1e69 s\u0323\u0307 s\u0307\u0323 q\u0307\u0323",
    "e\u0301\u0323\u0345 \u0345\u0301 \u0301 leading mark", "a" + "\u0301" * 40 + "b" + "\u0323\u0301" * 40, "\u0344\u0323 \u0f73\u0f71 \u0f81",
    "\u0130stanbul I\u0307 \u0131 \u0049 D\u0130YARBAKIR", "\u039f\u03b4\u03c5\u03c3\u03c3\u03b5\u03cd\u03c2 \u039f\u0394\u03a5\u03a3\u03a3\u0395\u03a5\u03a3 \u03a3 \u03a3\u03a3 \u03b1\u03a3.",
    "stra\u00dfe STRASSE STRA\u1e9eE \u1e9e", "\ufb01ne \ufb02ow e\ufb03cient \ufb05 \u0133 \u01c6 \u01c5 \u01c4", "\u210c \u2115 x\u00b2 H\u2082O \u00bd \u2167 \u2460 \uff21\uff22\uff23\uff11\uff12",
    "\u65b0\u6708 new moon \u4e2d\u6587\u5b57\u7b26", "\u65e5\u672c\u8a9e\u306e\u30c6\u30ad\u30b9\u30c8 \uff76\uff9e \u30ab\u3099", "\ud55c\uad6d\uc5b4 \u1112\u1161\u11ab \u1112\u1161 \u3131", "\uf900\ufa0e \U0002f800\U00020000\U0002a6d6\U0002b73f\U0002b81e\U0002b820\U0002ceb0\U00030000",
    "\u3400\u4dbf\u4dc0\u4e00\u9fff\ua000", "\u0645\u0631\u062d\u0628\u0627 \u0628\u0650\u0633\u0652\u0645\u0650 \u0671\u0644\u0644\u0651\u064e\u0647\u0650 \u0660\u0661\u0662", "\u05e9\u05c1\u05b8\u05dc\u05d5\u05b9\u05dd \ufb2a \u05be \u05f3",
    "\u0928\u092e\u0938\u094d\u0924\u0947 \u0958 \u0915\u093c \u0e2a\u0e27\u0e31\u0e2a\u0e14\u0e35 \u0e33", "\u1e69\u0f73 \u302e\u0301 \U0001d15e \U0001d160\u0323 \U0001d165\u0301\u0323",
    "\U0001f468\u200d\U0001f469\u200d\U0001f467\u200d\U0001f466 family", "\U0001f44d\U0001f3fd ok \u2764\ufe0f \U0001f1e9\U0001f1ea \U0001fae8 \U0001f9d1\u200d\U0001f680", "a\u200bb\u200cc\u200dd\u2060e\ufefff",
    "\u202eabc\u202c \u200fx\u200e \u2066iso\u2069", "nbsp\u00a0here\u202fthere\u3000wide\u2003em\u1680ogham\u180emongol", "line\u2028sep\u2029para\u0085next\u000bvt\u000cff", "tab\there\r\nnew",
    "nul\u0000inside \u0001\u0002\u001f\u007f\u0080\u009f bell\u0007", "\u001c\u001d\u001e\u001f separators a\u001cb", "\ufffd replaced \ufffe \uffff \ufdd0 \U0010ffff", "\ue000 private \U000f0000 \U00100000", "soft\u00adhyphen \u00ad \u0600 \u06dd \u070f \u08e2 \U000110bd \U000e0001\U000e0041",
    "\u0378 unassigned \U000e0fff \U0003fffd", "newer: \u0898\u0301\u0323 \u1dfa\u0301 \U00010efd\u0301 \U0001e4ec \u2e5d \u2e52 \u061d \U00016ac0 \u20c0 \ua7f2",
    "upper: \ua7cb \ua7cc \ua7da \ua7dc \u1c89 \U00010d50 \U00016ea0 \u10a0 \u1c90 \u13a0 \uab70 \u2c2f \ua64a \u1c88",
    "a" * 99, "a" * 100, "a" * 101, "a" * 250 + " half", "\u00e9" * 100, "\u00e9" * 101, "e\u0301" * 60, "\u4e2d" * 120, "half" * 30, "-" * 120,
    "$\\frac{1}{2} + \\sqrt[3]{x^2} \\leq \\int_0^\\infty e^{-x}\\,dx$", "\\( 4 \\times 6 \\div 3 = ? \\) \\newline \\nabla", "`code` ~tilde ^hat |pipe <tag> #hash @at $dollar +plus =eq", "3.14159, 1,000,000 and 1e-8",
    "\u2264 \u2265 \u2260 \u00d7 \u00f7 \u2212 \u221a \u03c0 \u222b \u2211 \u2208 \u211d \u00b0 \u20ac \u00a3 \u00a7 \u00b6 \u00a9", "\u201cquoted\u201d \u2018single\u2019 \u00abguillemets\u00bb \u2026 \u2013 \u2014 \u2010 \u203f \u2040 \uff3f \u00b7 \u30fb",
    "##half ##s # #a a## ##", "half## ##ing", "https://example.org/a_b?c=d&e=f#g", "don't it's o'clock rock'n'roll", "snake_case camelCase kebab-case",
    "<tag>half<tag>2 a<tag> b", "  <l>x  <l>  y <r>  z<r>", " a <both> b<both>c \u00a0<both>\u3000d", "half halfway half-way ahalf half. (half)half", "fraction FRACTION Fractions refraction", "\u00e9t\u00e9 \u00c9 e\u0301",
    "a\u2003\u2003b  c   d    ", "word words word\u0301 word\u200d \u0661word word_ _word word", "<Tag> <tag> <TAG>", "\ufb01 fi \ufb01fi FI", "\u65b0 \u6708 \u65b0  \u6708",
    ",a,,b, ,c,", "12ab34 \u0661\u0662\u00bd\u2167 5 6", "...a..b.c", "?!?a?b!", "an and banana ANtelope", "\u0391\u0301 \u0386 \u1f80 \u1fb3 \u03b1\u0345\u0301", "\u1100\u1161\u11a8\u11a8 \uac00\u11a8 \uac01\u11a8",
    "\u09c7\u09be \u0b47\u0b3e \U00011131\U00011127 \U00011935\U00011930 \u1b05\u1b35", "\u0374 \u037e \u0387 \u1fef \u2126 \u2000 \u2001",
]

INVALID_UTF8 = [
    b"plain", b"\xff", b"a\xe9b", b"\xe2\x82", b"\xe2\x82x", b"\xf0\x9f\x98", b"\xf0\x9f\x98x\xf0\x9f", b"\xf0\x80\x80\x80", b"\xed\xa0\x80", b"\xc0\xaf",
    b"\xf4\x90\x80\x80", b"\x80\x80", b"\xe0\x9f\xbf", b"\xe0\xa0", b"\xf5\x80", b"\xc3\xa9\xc3", b"\xf1\x80\x80\xe1\x80\xc2",
]


def scalars():
    """Every Unicode scalar value as a string."""
    return (chr(c) for c in range(0x110000) if not 0xD800 <= c <= 0xDFFF)


def bert(**on):
    """A BertNormalizer with everything off but what is named."""
    off = dict(clean_text=False, handle_chinese_chars=False, strip_accents=False, lowercase=False)
    return normalizers.BertNormalizer(**(off | on))


def holding(count, among=None):
    """The scalar values that hold something; count tells how many of a list do. Most neighbours are alike."""
    found, waiting = set(), [list(among or scalars())]
    while waiting:
        asked = waiting.pop()
        held = count(asked) if len(asked) <= 1 << 12 else None
        if held == len(asked):
            found.update(asked)
        elif held != 0:
            half = len(asked) // 2
            waiting += [asked[:half], asked[half:]]
    return found


def members(pattern):
    """The scalar values that a class of Oniguruma's regular expressions holds."""
    outside = pre_tokenizers.Split(Regex(f"[^{pattern}]+"), "removed")
    return holding(lambda asked: sum(len(piece) for piece, _ in outside.pre_tokenize_str("".join(asked))))


def categories():
    """Letters, numbers and so on, as Oniguruma knows them. Three questions tell six classes apart."""
    either, capital, other = members(r"\p{L}\p{M}"), members(r"\p{Lu}\p{Lt}\p{M}\p{N}"), members(r"\p{Lm}\p{Lo}\p{M}\s")
    marks = either & capital & other
    return {
        "letter": either - marks, "numeral": capital - either, "blank": other - either,
        "majuscule": (either & capital) - marks, "minuscule": either - capital - other, "caseless": either & other,
    }


def clusters():
    """What joins a grapheme cluster. Precompiled looks at no cluster of six bytes or more, so those need not be told apart."""
    one = one_for_each_cluster()

    def joining(text, among=None):
        """The characters that leave fewer clusters of a text of three parts, the last of them a tab, which joins nothing."""
        return holding(lambda asked: 3 * len(asked) - len(one.normalize_str("".join(map(text, asked)))), among)

    short = [c for c in scalars() if len(c.encode()) < 4]
    return {
        "attached": joining(lambda c: "a" + c + "\t"),
        "prefixed": joining(lambda c: c + "a\t"),
        "alone": set(short) - joining(lambda c: c + "\u0301\t", short),
        "pictographic": set(scalars()) - holding(
            lambda asked: 4 * len(asked) - len(one.normalize_str("".join("\u00a9\u200d" + c + "\t" for c in asked)))),
    }


def one_for_each_cluster():
    """A Precompiled normalizer that makes an X of each grapheme cluster, or of each character of one of six bytes or more."""
    units = [0] * 1024  # a double array in which each first byte ends a key with the value 0, the text X
    units[0] = 256 << 10
    for c in range(1, 256):
        units[256 ^ c] = 512 << 10 | 1 << 8 | c
        units[256 ^ c ^ 512] = 1 << 31
    return normalizers.Precompiled(struct.pack("<1025I", 4 * len(units), *units) + b"X\0")


# The bits of a class, in the order of the constants in classes.go.
def probes():
    clean, chinese, accents = bert(clean_text=True), bert(handle_chinese_chars=True), bert(strip_accents=True)
    lower, marks = normalizers.Lowercase(), normalizers.StripAccents()
    nfd, nfkd = normalizers.NFD(), normalizers.NFKD()
    bert_split, digits = pre_tokenizers.BertPreTokenizer(), pre_tokenizers.Digits(individual_digits=True)
    words, spaces = pre_tokenizers.Whitespace(), pre_tokenizers.WhitespaceSplit()

    def parts(splitter, c):
        return len(splitter.pre_tokenize_str("a" + c + "a"))

    # U+0345 has the highest combining class there is (240), so every other non-starter moves before it.
    def nonstarter(c):
        return c == "\u0345" or nfd.normalize_str(c) == c and nfd.normalize_str("\u0345" + c) != "\u0345" + c

    known = categories() | clusters()
    assert known["blank"] == {c for c in scalars() if parts(spaces, c) == 2}, "\\s is not White_Space"
    return [
        ("space", lambda c: parts(spaces, c) == 2),
        ("control", lambda c: clean.normalize_str(c) == ""),
        ("punctuation", lambda c: parts(bert_split, c) == 3),
        ("accent", lambda c: accents.normalize_str(c) == ""),
        ("mark", lambda c: marks.normalize_str(c) == ""),
        ("number", lambda c: parts(digits, c) == 3),
        ("word", lambda c: parts(words, c) == 1),
        ("nonstarter", nonstarter),
        ("canonical", lambda c: nfd.normalize_str(c) != c),
        ("compatible", lambda c: nfkd.normalize_str(c) != c),
        ("upper", lambda c: lower.normalize_str(c) != c),
        ("chinese", lambda c: chinese.normalize_str(c) == " " + c + " "),
        ("letter", known["letter"].__contains__),
        ("numeral", known["numeral"].__contains__),
        ("majuscule", known["majuscule"].__contains__),
        ("minuscule", known["minuscule"].__contains__),
        ("caseless", known["caseless"].__contains__),
        ("attached", known["attached"].__contains__),
        ("prefixed", known["prefixed"].__contains__),
        ("alone", known["alone"].__contains__),
        ("pictographic", known["pictographic"].__contains__),
    ]


def unicode_tables():
    """Go source of the class of every code point, as ranges, and of what Go's older tables do not lower-case."""
    asked = probes()
    classes = {ord(c): sum(1 << i for i, (_, holds) in enumerate(asked) if holds(c)) for c in scalars()}
    ranges = []
    for point in sorted(classes):
        if classes[point] == 0:
            continue
        if ranges and ranges[-1][1] == point - 1 and ranges[-1][2] == classes[point]:
            ranges[-1][1] = point
        else:
            ranges.append([point, point, classes[point]])
    pages = [sum(1 for r in ranges if r[1] < page << 8) for page in range(0x20000 >> 8)]

    lower, moves = normalizers.Lowercase(), []
    for c in scalars():
        to = lower.normalize_str(c)
        if to == c or len(to) > 1:  # only \u0130 becomes two characters
            continue
        if moves and moves[-1][2] == ord(to) - ord(c):
            moves[-1][1] = ord(c)
        else:
            moves.append([ord(c), ord(c), ord(to) - ord(c)])

    nfc, nfd = normalizers.NFC().normalize_str, normalizers.NFD().normalize_str
    joined = sorted((ord(nfc(nfd(c)[:-1])), ord(nfd(c)[-1]), ord(c)) for c in scalars()
                    if nfc(c) == c and nfd(c) != c and not "\uac00" <= c <= "\ud7a3")

    out = io.StringIO()
    say = lambda line="": print(line, file=out)
    say(f"// Code generated by parity/tokenizer_fixture.py with tokenizers {tokenizers.__version__}. DO NOT EDIT.")
    say()
    say("package tokenizer")
    say()
    say("// asciiClasses holds the class of each ASCII character.")
    say("var asciiClasses = [128]class{")
    for row in range(0, 128, 16):
        say("\t" + " ".join(f"{classes[c]:#x}," for c in range(row, row + 16)))
    say("}")
    say()
    say("// classRanges holds every range of code points with a class other than 0, in order.")
    say("var classRanges = [...]classRange{")
    for row in range(0, len(ranges), 6):
        say("\t" + " ".join(f"{{{a:#x}, {b:#x}, {k:#x}}}," for a, b, k in ranges[row : row + 6]))
    say("}")
    say()
    say("// classPages holds, for each 256 code points below U+20000, the first of classRanges that ends in or after them.")
    say(f"var classPages = [{len(pages)}]uint16{{")
    for row in range(0, len(pages), 24):
        say("\t" + " ".join(f"{p}," for p in pages[row : row + 24]))
    say("}")
    say()
    say("// lowerMoves holds how far the lower-case form is from each upper-case character of a range, in order.")
    say("var lowerMoves = [...]lowerMove{")
    for row in range(0, len(moves), 6):
        say("\t" + " ".join(f"{{{a:#x}, {b:#x}, {d}}}," for a, b, d in moves[row : row + 6]))
    say("}")
    say()
    say("// compositions holds the pairs of characters that a normal form joins, in order, but for Korean syllables.")
    say("var compositions = [...]composition{")
    for row in range(0, len(joined), 6):
        say("\t" + " ".join(f"{{{a:#x}, {b:#x}, {c:#x}}}," for a, b, c in joined[row : row + 6]))
    say("}")
    return subprocess.run(["gofmt"], input=out.getvalue(), text=True, capture_output=True, check=True).stdout.encode()


def code_points():
    """SHA-256 over normalize(c) + NUL for every scalar value c; where characters are assigned, also among marks."""
    asked = {
        "bert_uncased": bert(clean_text=True, handle_chinese_chars=True, strip_accents=True, lowercase=True),
        "bert_cased": bert(clean_text=True, handle_chinese_chars=True),
        "Lowercase": normalizers.Lowercase(),
        "NFC": normalizers.NFC(),
        "NFD": normalizers.NFD(),
        "NFKC": normalizers.NFKC(),
        "NFKD": normalizers.NFKD(),
        "StripAccents": normalizers.StripAccents(),
        "Strip": normalizers.Strip(),
    }
    splits = {
        "BertPreTokenizer": pre_tokenizers.BertPreTokenizer(),
        "Whitespace": pre_tokenizers.Whitespace(),
        "WhitespaceSplit": pre_tokenizers.WhitespaceSplit(),
        "Punctuation": pre_tokenizers.Punctuation(),
        "Digits": pre_tokenizers.Digits(individual_digits=True),
    }
    found = {"header": fixture.header("tokenizers"), "normalizers": {}, "pre_tokenizers": {}}
    for name, normalizer in asked.items():
        digest = hashlib.sha256()
        for c in scalars():
            digest.update(normalizer.normalize_str(c).encode() + b"\0")
            if ord(c) < 0x30000 or ord(c) >> 12 == 0xE0:
                digest.update(normalizer.normalize_str("e\u0301" + c + "\u0323\u0345A").encode() + b"\0")
        found["normalizers"][name] = digest.hexdigest()
    for name, splitter in splits.items():
        digest = hashlib.sha256()
        for c in scalars():
            for word, _ in splitter.pre_tokenize_str("a" + c + "b"):
                digest.update(word.encode() + b"\0")
            digest.update(b"\n")
        found["pre_tokenizers"][name] = digest.hexdigest()
    return dump(found)


def small():
    """A small BERT tokenizer, trained on the text of tokenizer_texts.py."""
    tokenizer = Tokenizer(models.WordPiece(unk_token="[UNK]", max_input_chars_per_word=100))
    tokenizer.normalizer = normalizers.BertNormalizer()
    tokenizer.pre_tokenizer = pre_tokenizers.BertPreTokenizer()
    tokenizer.decoder = decoders.WordPiece()
    specials = ["[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]"]
    trainer = trainers.WordPieceTrainer(vocab_size=800, special_tokens=specials, show_progress=False,
                                        limit_alphabet=400, continuing_subword_prefix="##")
    tokenizer.train_from_iterator([PROSE] * 3 + HARD, trainer)
    # The trainer numbers tokens of equal frequency by a random hash; the alphabet keeps runs alike.
    vocabulary = specials + sorted(set(tokenizer.get_vocab()) - set(specials))
    tokenizer.model = models.WordPiece({t: i for i, t in enumerate(vocabulary)}, unk_token="[UNK]",
                                       max_input_chars_per_word=100)
    tokenizer.post_processor = processors.TemplateProcessing(
        single="[CLS] $A [SEP]", pair="[CLS] $A [SEP] $B:1 [SEP]:1", special_tokens=[("[CLS]", 2), ("[SEP]", 3)])
    return json.loads(tokenizer.to_str())


def token(content, **flags):
    return dict(content=content, single_word=False, lstrip=False, rstrip=False, normalized=True, special=False) | flags


def normalizer(kind, **fields):
    return {"normalizer": {"type": kind, **fields}}


def splitter(kind, **fields):
    return {"normalizer": None, "pre_tokenizer": {"type": kind, **fields}}


def bert_settings(clean_text=True, handle_chinese_chars=True, strip_accents=None, lowercase=True):
    return normalizer("BertNormalizer", clean_text=clean_text, handle_chinese_chars=handle_chinese_chars,
                      strip_accents=strip_accents, lowercase=lowercase)


def variants():
    """Sections that replace those of the small tokenizer; `add` lists added tokens that follow its own."""
    named = {
        "uncased": {},
        "cased": bert_settings(lowercase=False),
        "cased, accents off": bert_settings(lowercase=False, strip_accents=True),
        "uncased, accents on": bert_settings(strip_accents=False),
        "no cleaning": bert_settings(clean_text=False),
        "no chinese": bert_settings(handle_chinese_chars=False),
        "nothing": {"normalizer": None, "pre_tokenizer": None},
        "nfc": normalizer("NFC"),
        "nfkc": normalizer("NFKC"),
        "nfd, strip accents, lower": normalizer("Sequence", normalizers=[
            {"type": "NFD"}, {"type": "StripAccents"}, {"type": "Lowercase"}]),
        "nfkd, strip, replace, prepend": normalizer("Sequence", normalizers=[
            {"type": "NFKD"}, {"type": "Strip", "strip_left": True, "strip_right": False},
            {"type": "Replace", "pattern": {"String": "an"}, "content": "a n"}, {"type": "Lowercase"},
            {"type": "Prepend", "prepend": "the"}]),
        "prefix empty": {"model": {"continuing_subword_prefix": ""}},
        "five characters": {"model": {"max_input_chars_per_word": 5}},
        "words": {"model": {"type": "WordLevel"}},
        "added tokens": {"add": [
            token("<tag>", special=True, normalized=False), token("Fraction", normalized=True),
            token("half", single_word=True), token("<l>", lstrip=True, normalized=False),
            token("<r>", rstrip=True, normalized=False), token("<both>", lstrip=True, rstrip=True),
            token("<tag>2", normalized=False), token("é", normalized=False), token("ﬁ", normalized=True),
            token("新 月", normalized=True), token(" ", normalized=False, special=True) | {"content": "\u2003"},
        ]},
        "added tokens, cased": bert_settings(lowercase=False) | {"add": [
            token("<Tag>"), token("Fraction"), token("word", single_word=True, normalized=False),
            token("  ", normalized=False, rstrip=True)]},
        "whitespace": splitter("Whitespace"),
        "whitespace split": splitter("WhitespaceSplit"),
        "digits": splitter("Digits", individual_digits=True),
        "digit runs, spaces": splitter("Sequence", pretokenizers=[
            {"type": "WhitespaceSplit"}, {"type": "Digits", "individual_digits": False},
            {"type": "Punctuation", "behavior": "Contiguous"}]),
        "comma": splitter("CharDelimiterSplit", delimiter=","),
    }
    for behavior in ["Removed", "Isolated", "MergedWithPrevious", "MergedWithNext", "Contiguous"]:
        named["punctuation " + behavior] = splitter("Punctuation", behavior=behavior)
    return named


def vary(base, change):
    """The small tokenizer with a variant's sections; the Go test does the same."""
    varied = copy.deepcopy(base)
    for section, value in change.items():
        if section == "model":
            varied["model"].update(value)
            if value.get("type") == "WordLevel":
                del varied["model"]["continuing_subword_prefix"], varied["model"]["max_input_chars_per_word"]
        elif section == "bytes":
            varied["model"]["vocab"] += [[f"<0x{b:02X}>", -20 - b] for b in range(256)]
        elif section == "add":
            vocabulary = varied["model"]["vocab"]
            if isinstance(vocabulary, list):
                vocabulary = {token: i for i, (token, _) in enumerate(vocabulary)}
            start = len(vocabulary)
            new = [t for t in value if t["content"] not in vocabulary]
            known = [t | {"id": vocabulary[t["content"]]} for t in value if t not in new]
            varied["added_tokens"] += known + [t | {"id": start + i} for i, t in enumerate(new)]
        else:
            varied[section] = value
    return varied


def answers(base, changes):
    """Ids of every hard text under every variant."""
    found = []
    for name, change in changes.items():
        varied = vary(base, change)
        tokenizer = Tokenizer.from_str(json.dumps(varied))
        tokenizer.no_padding()
        tokenizer.no_truncation()
        entry = {"name": name, "change": change, "added_tokens": varied["added_tokens"] if "add" in change else None}
        entry["ids"] = [tokenizer.encode(text, add_special_tokens=False).ids for text in HARD]
        found.append(entry)
    return found


def family(base, changes):
    """The cases of a family of tokenizer_families.py, on the texts of cases.json."""
    return dump({"header": fixture.header("tokenizers"), "variants": answers(base, changes)}, wide={"variants"})


def cases(base):
    """Answers for BERT's family; truncated ones only for the first variant, whose template adds special tokens."""
    found = {"header": fixture.header("tokenizers"), "texts": HARD, "variants": answers(base, variants())}
    tokenizer = Tokenizer.from_str(json.dumps(base))
    found["truncated"] = []
    for length in range(2, 12):
        tokenizer.enable_truncation(length)
        found["truncated"].append({"length": length, "text": PROSE[:200], "ids": tokenizer.encode(PROSE[:200]).ids})
    found["invalid_utf8"] = [
        {"bytes": raw.hex(), "text": raw.decode("utf-8", errors="replace")} for raw in INVALID_UTF8]
    return dump(found, wide={"texts", "variants", "truncated", "invalid_utf8"})


def dump(value, wide=()):
    """JSON with one line for each entry of the lists named wide."""
    lines = []
    for key, entry in value.items():
        if key in wide:
            rows = ",\n  ".join(json.dumps(row, ensure_ascii=True) for row in entry)
            lines.append(f" {json.dumps(key)}: [\n  {rows}\n ]")
        else:
            lines.append(f" {json.dumps(key)}: {json.dumps(entry)}")
    return ("{\n" + ",\n".join(lines) + "\n}\n").encode()


def bases():
    """The small tokenizers of the families, trained where they are not there."""
    def there(name):
        path = fixture.ROOT / FOLDER / "testdata" / name / "tokenizer.json"
        return json.loads(path.read_text()) if path.exists() else None

    return tokenizer_families.families([PROSE] * 3 + HARD, there)


def files():
    """Every file by its path in the repository."""
    base = json.loads(SMALL.read_text()) if SMALL.exists() else small()
    made = {}
    for name, tokenizer in bases().items():
        folder = FOLDER / "testdata" / name
        made[folder / "tokenizer.json"] = json.dumps(tokenizer, ensure_ascii=False).encode()
        made[folder / "cases.json"] = family(tokenizer, tokenizer_families.variants()[name])
    return made | {
        FOLDER / "unicode_tables.go": unicode_tables(),
        FOLDER / "testdata" / "small" / "tokenizer.json": json.dumps(base, ensure_ascii=False).encode(),
        FOLDER / "testdata" / "cases.json": cases(base),
        FOLDER / "testdata" / "codepoints.json": code_points(),
    }


if __name__ == "__main__":
    for path, content in files().items():
        fixture.output(path).write_bytes(content)
