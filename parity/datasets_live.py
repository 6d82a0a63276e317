"""Compares the rows that quarry convert reads of a data set's folder with load_dataset's, and lets that read what quarry wrote
and mined.

The folders are those that the hub keeps: shards called data/train-00000-of-00003.parquet, several splits, or a folder of one
configuration.
"""

import json
import pathlib
import tempfile

import datasets

import report

TRIPLETS = [{"anchor": f'query {i // 2} "ø"', "positive": f"answer {i // 2}\nin lines", "negative": f"no {i}"} for i in range(40)]
MINED = [{"query": f"query {i}", "pos": [f"answer {i}"], "neg": [f"no {i}", "never"][: 1 + i % 2], "pos_scores": [0.5 + i], "neg_scores": [0.25, -1e-07][: 1 + i % 2],
          "prompt": "find" if i % 3 else None} for i in range(17)]


def main():
    checks = report.Checks()
    with tempfile.TemporaryDirectory() as scratch:
        scratch = pathlib.Path(scratch)
        for layout, rows in [("triplet", TRIPLETS), ("flagembedding", MINED)]:
            folder = scratch / layout
            shards(folder / "data", "train", rows, 3)
            shards(folder / "data", "test", rows[:4], 1)
            shards(scratch / f"{layout}-configured" / layout, "train", rows, 2)
            for name, path, split in [("three shards", folder, "train"), ("another split", folder, "test"), ("a configuration's folder", scratch / f"{layout}-configured" / layout, "train")]:
                with checks.check(f"{layout}: {name} by quarry and load_dataset"):
                    same(scratch, path, split, layout)
            with checks.check(f"{layout}: quarry's Parquet by load_dataset"):
                by_load_dataset(scratch, folder, layout)
        with checks.check("mined rows whose first given negative comes behind load_dataset's first block"):
            mined(scratch)
    checks.finish()


def mined(scratch):
    """FlagEmbedding's trainer reads its rows by load_dataset, which takes the keys of the first ten megabytes for those of all."""
    passages = [f"passage {i} of word{i % 7} and word{i % 5}" for i in range(60)]
    (scratch / "corpus.jsonl").write_text("".join(json.dumps({"id": str(i), "text": text}) + "\n" for i, text in enumerate(passages)))
    with open(scratch / "queries.jsonl", "w") as out:
        for i in range(600):
            row = {"query": f"word{i % 7} word{i % 5} {i} " + "padding " * 4000, "pos": [passages[i % 60]]}
            out.write(json.dumps(row | ({"neg": [passages[(i + 1) % 60]]} if i > 500 else {})) + "\n")
    rows = scratch / "mined.jsonl"
    report.quarry("mine", "--source", "bm25", "--corpus", scratch / "corpus.jsonl", "--queries", scratch / "queries.jsonl", "--output", rows,
                  "--window", "0-10", "--depth", "20", "--negatives", "3", "--given", "keep")
    want = [json.loads(line) for line in rows.read_text().splitlines()]
    origins = [[n["from"] for n in row["quarry"]["negatives"]] for row in want]
    assert rows.stat().st_size > 12 << 20 and not any("given" in o for o in origins[:500]) and all("given" in o for o in origins[501:]), origins[495:505]
    got = datasets.load_dataset("json", data_files=str(rows), split="train", cache_dir=str(scratch / "cache"))
    assert [(r["query"], r["pos"], r["neg"]) for r in got] == [(r["query"], r["pos"], r["neg"]) for r in want]


def shards(folder, split, rows, count):
    """Writes rows as the hub's libraries do: equal parts in order."""
    folder.mkdir(parents=True, exist_ok=True)
    whole = datasets.Dataset.from_list(rows)
    for i in range(count):
        whole.shard(count, i, contiguous=True).to_parquet(str(folder / f"{split}-{i:05d}-of-{count:05d}.parquet"))


def load(scratch, folder, split):
    """The rows as load_dataset has them, without keys that have no value."""
    found = datasets.load_dataset(str(folder), split=split, cache_dir=str(scratch / "cache"))
    return [{k: v for k, v in row.items() if v is not None} for row in found]


def convert(*flags):
    report.quarry("convert", "--force", *flags)


def same(scratch, folder, split, layout):
    """FOLDER/SPLIT, and --split where the folder has several, are the rows of load_dataset in its order."""
    want = load(scratch, folder, split)
    for flags in [["--input", folder / split], ["--input", folder, "--split", split]]:
        convert(*flags, "--to", layout, "--out", scratch / "rows.jsonl")
        got = [json.loads(line) for line in (scratch / "rows.jsonl").read_text().splitlines()]
        assert got == want, f"{flags}: {got} is not {want}"


def by_load_dataset(scratch, folder, layout):
    """What quarry writes under a shard's name is the data set that it read."""
    out = scratch / f"{layout}-again"
    (out / "data").mkdir(parents=True)
    convert("--input", folder / "train", "--to", layout, "--out", out / "data" / "train-00000-of-00001.parquet")
    got, want = load(scratch, out, "train"), load(scratch, folder, "train")
    assert got == want, f"{got} is not {want}"


if __name__ == "__main__":
    main()
