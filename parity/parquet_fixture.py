"""Parquet files as the libraries around Hugging Face write them, for format/parquet's and format/beir's tests.

The libraries are no part of requirements.txt. In a virtual environment of their own:

    pip install pyarrow==26.0.1 datasets==5.2.0 fastparquet==2026.9.0
    python parity/parquet_fixture.py

writes format/parquet/testdata/*.parquet, beside each what its rows are as JSON (to_pylist's, dates
and times as docs/formats/parquet.md has them), and format/beir/testdata/mteb.
"""

import datetime
import decimal
import json
import pathlib

import datasets
import fastparquet
import pandas
import pyarrow as pa
import pyarrow.parquet as pq

ROOT = pathlib.Path(__file__).resolve().parent.parent
OUT = ROOT / "format" / "parquet" / "testdata"

TRIPLETS = [
    {"query": 'what is "ø"?\n', "positive": "a letter <o>", "negative": "a number", "scores": [0.75, -0.125]},
    {"query": "second", "positive": "p2", "negative": None, "scores": []},
    {"query": "third", "positive": "", "negative": "n3", "scores": None},
]
PASSAGES = [
    {"query_id": "q1", "query": "one", "positive_passages": [{"docid": "d1", "title": "T", "text": "x"}],
     "negative_passages": [{"docid": "d2", "title": "", "text": "y"}, {"docid": "d3", "title": None, "text": "z"}]},
    {"query_id": "q2", "query": "two", "positive_passages": [], "negative_passages": None},
]


def plain(value):
    """What the reader makes of a value, as Python's json writes it."""
    if isinstance(value, (datetime.date, datetime.time)) and not isinstance(value, datetime.datetime):
        return value.isoformat()
    if isinstance(value, datetime.datetime):
        text = value.replace(tzinfo=None).isoformat().rstrip("0").rstrip(".") if value.microsecond else value.replace(tzinfo=None).isoformat()
        return text + ("Z" if value.tzinfo else "")
    if isinstance(value, dict):
        return {k: plain(v) for k, v in value.items()}
    if isinstance(value, (list, tuple)):
        return [plain(v) for v in value]
    return value


def save(name, rows):
    lines = [json.dumps(plain(r), ensure_ascii=False, separators=(",", ":")) for r in rows]
    (OUT / f"{name}.jsonl").write_text("\n".join(lines) + "\n", encoding="utf-8")


def write(name, table, **options):
    pq.write_table(table, OUT / f"{name}.parquet", **options)
    save(name, table.to_pylist())


def scalars():
    """Every type of column that the reader has a rule for."""
    utc = datetime.timezone.utc
    moment = datetime.datetime(2024, 5, 1, 12, 30, 15, 250000)
    return pa.table({
        "string": pa.array(["a", None]),
        "large_string": pa.array(["b", ""], pa.large_string()),
        "category": pa.array(["x", "x"]).dictionary_encode(),
        "bool": pa.array([True, None]),
        "int8": pa.array([-1, 127], pa.int8()),
        "uint32": pa.array([4294967295, 0], pa.uint32()),
        "int64": pa.array([-9007199254740993, None], pa.int64()),
        "uint64": pa.array([18446744073709551615, 1], pa.uint64()),
        "float": pa.array([0.5, 3.0], pa.float32()),
        "double": pa.array([0.1, -2.0]),
        "date": pa.array([datetime.date(1969, 12, 31), datetime.date(2024, 2, 29)]),
        "milliseconds": pa.array([moment, None], pa.timestamp("ms")),
        "microseconds": pa.array([moment.replace(tzinfo=utc), None], pa.timestamp("us", tz="UTC")),
        "time": pa.array([datetime.time(1, 2, 3), None], pa.time64("us")),
        "null": pa.nulls(2),
    })


def fastparquet_json():
    """Lists and dicts, which fastparquet writes as bytes of JSON."""
    rows = [{"query": "add", "pos": ["one"], "neg": ["two", '"x"\n'], "meta": {"a": [1, 0.5]}},
            {"query": "zero", "pos": ["none", ""], "neg": [], "meta": None}]
    fastparquet.write(str(OUT / "json.parquet"), pandas.DataFrame(rows))
    save("json", rows)


def main():
    OUT.mkdir(exist_ok=True)
    write("triplets", pa.Table.from_pylist(TRIPLETS))
    for codec in ("none", "gzip", "zstd", "lz4", "brotli"):
        pq.write_table(pa.Table.from_pylist(TRIPLETS), OUT / f"triplets-{codec}.parquet", compression=codec)
    write("passages", pa.Table.from_pylist(PASSAGES), data_page_version="2.0")
    write("scalars", scalars())
    pq.write_table(pa.table({"decimal": pa.array([decimal.Decimal("-12.50"), decimal.Decimal("0.05")])}), OUT / "decimal.parquet")
    (OUT / "decimal.jsonl").write_text('{"decimal":-12.50}\n{"decimal":0.05}\n')
    many = pa.Table.from_pylist([{"id": str(i), "text": f"text {i % 17}", "tags": ["t"] * (i % 4)} for i in range(500)])
    write("many", many, row_group_size=150, data_page_size=256)
    pandas.DataFrame({"query": ["a", "b"], "label": [1, 0], "score": [0.5, None]}).to_parquet(OUT / "pandas.parquet")
    save("pandas", [{"query": "a", "label": 1, "score": 0.5}, {"query": "b", "label": 0, "score": None}])
    fastparquet.write(str(OUT / "fastparquet.parquet"), pandas.DataFrame({"query": ["a", "b"], "label": [1, 0], "score": [0.5, -1.0]}), compression="SNAPPY")
    save("fastparquet", [{"query": "a", "label": 1, "score": 0.5}, {"query": "b", "label": 0, "score": -1.0}])
    fastparquet_json()
    datasets.Dataset.from_list(TRIPLETS).to_parquet(OUT / "datasets.parquet")
    save("datasets", TRIPLETS)
    image = pa.table({"text": ["a"], "image": pa.array([{"bytes": b"\x89PNG\xff", "path": "a.png"}])})
    pq.write_table(image, OUT / "image.parquet")
    nan = pa.table({"text": ["a", "b"], "score": pa.array([0.5, float("nan")])})
    pq.write_table(nan, OUT / "nan.parquet")
    mteb()


def mteb():
    """A retrieval task as the hub keeps it: push_to_hub writes a folder a configuration, split-00000-of-0000n.parquet."""
    base = ROOT / "format" / "beir" / "testdata" / "mteb"
    corpus = [{"_id": "1", "title": "T", "text": "x"}, {"_id": "2", "title": "", "text": ""}, {"_id": "3", "title": "", "text": "z"}]
    queries = [{"_id": "b", "text": "second"}, {"_id": "a", "text": "first"}, {"_id": "zero", "text": "no"}, {"_id": "other", "text": "of another split"}]
    qrels = [("a", "3", 2), ("a", "1", 1), ("a", "2", 0), ("b", "2", 1), ("zero", "1", 0)]
    judged = [{"query-id": q, "corpus-id": d, "score": s} for q, d, s in qrels]
    for folder, split, rows, shards in (("corpus", "corpus", corpus, 2), ("queries", "queries", queries, 1), ("data", "test", judged, 1)):
        (base / folder).mkdir(parents=True, exist_ok=True)
        whole = datasets.Dataset.from_list(rows)
        for i in range(shards):
            whole.shard(shards, i, contiguous=True).to_parquet(base / folder / f"{split}-{i:05d}-of-{shards:05d}.parquet")


if __name__ == "__main__":
    main()
