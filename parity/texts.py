"""Texts that scripts compare on: hard ones written here, and those of the data folder beside the repository."""

import gzip
import json

import report

HARD = [
    "a",
    "   spaces   and\ttabs\nand lines  ",
    "Adds numerators and denominators: \\( \\frac{1}{2}+\\frac{1}{3}=\\frac{2}{5} \\), \\nabla",
    "ﬁne ﬂour, ① ½ ™ Ⅳ ｆｕｌｌ ｗｉｄｔｈ",
    "café cafe\u0301 Ångström A\u030angström İstanbul ß ẞ",
    "日本語のテキスト 中文 한국어 हिन्दी עברית العربية ไทย",
    "👩‍🔬🧮🇩🇪 zero\u200bwidth\u200djoiner soft\u00adhyphen nbsp\u00a0here \ufeffbom",
    "[CLS] [SEP] [MASK] [PAD] [UNK] ##ing",
    "control \u0001\u0007 characters \u2028 line separator \ufffd replacement",
    "x" * 150,
    "supercalifragilisticexpialidocious " * 120,
    "3x² − 4·5 ≤ √2 ≈ 1.41421356, 10⁶ km/h @ 25 °C #1 100% $5.00 a_b-c/d",
]


def eedi(name, field):
    """The texts of one field of a file of ../shared/data/eedi; raises report.Skip where it is absent."""
    return [json.loads(line)[field] for line in report.shared("eedi", name).read_text().splitlines() if line.strip()]


def lines(path, *keys):
    """The texts under keys of each line of a JSONL file, gzipped or not."""
    open_ = gzip.open if path.suffix == ".gz" else open
    with open_(path, "rt", encoding="utf-8") as file:
        for line in file:
            row = json.loads(line)
            for key in keys:
                value = row.get(key)
                yield from [value] if isinstance(value, str) else value or []


def write(path, rows, field="text"):
    """Writes JSONL: {field: row} for each row."""
    path.write_text("".join(json.dumps({field: row}, ensure_ascii=False) + "\n" for row in rows))
    return path
