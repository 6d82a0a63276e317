"""Compares the tables that quarry convert reads and writes with pandas', Parquet by fastparquet, in both directions.

What pyarrow and datasets write stands in committed fixtures (parquet_fixture.py, training_fixture.py), for they are no part
of the environment.
"""

import json
import pathlib
import tempfile

import pandas

import report

ROWS = [
    {"query": 'what is "ø"?', "pos": ["a letter, <o>", "vowel"], "neg": ["a number\nin two lines", "x"], "pos_scores": [0.75, 0.5], "neg_scores": [0.25, -1e-07]},
    {"query": "second", "pos": ["x"], "neg": ["vowel", "z"], "pos_scores": [1.0], "neg_scores": [0.125, 2.0]},
]
LAYOUTS = ["triplet", "n-tuple", "labeled-pair", "labeled-list", "flagembedding"]


def main():
    checks = report.Checks()
    with tempfile.TemporaryDirectory() as scratch:
        scratch = pathlib.Path(scratch)
        rows = scratch / "rows.jsonl"
        rows.write_text("".join(json.dumps(r) + "\n" for r in ROWS))
        for layout in LAYOUTS:
            with checks.check(f"{layout}: quarry's Parquet, CSV and JSON lines by pandas"):
                written_by_quarry(scratch, rows, layout)
            with checks.check(f"{layout}: pandas' files by quarry"):
                written_by_pandas(scratch, layout)
        with checks.check("a task of MTEB as Parquet by pandas"):
            task(scratch, rows)
    checks.finish()


def convert(*flags):
    report.quarry("convert", "--force", *flags)


def written_by_quarry(scratch, rows, layout):
    """All kinds of file hold the same table."""
    convert("--input", rows, "--to", layout, "--out", scratch / f"{layout}.jsonl")
    want = pandas.read_json(scratch / f"{layout}.jsonl", lines=True, dtype=False).to_dict("records")
    convert("--input", rows, "--to", layout, "--out", scratch / f"{layout}.parquet")
    got = plain(pandas.read_parquet(scratch / f"{layout}.parquet", engine="fastparquet"))
    assert got == want, f"Parquet: {got} is not {want}"
    if layout in ("labeled-list", "flagembedding"):
        return
    convert("--input", rows, "--to", layout, "--out", scratch / f"{layout}.csv.gz")
    table = pandas.read_csv(scratch / f"{layout}.csv.gz", keep_default_na=False)
    if "scores" in table:
        table["scores"] = table["scores"].map(json.loads)
    got = plain(table)
    assert got == want, f"CSV: {got} is not {want}"


def written_by_pandas(scratch, layout):
    """Each kind of file becomes the rows that quarry's own file of that layout becomes."""
    own = scratch / f"{layout}.jsonl"
    convert("--input", own, "--from", layout, "--to", "flagembedding", "--out", scratch / "own.jsonl")
    want = (scratch / "own.jsonl").read_text()
    table = pandas.read_json(own, lines=True, dtype=False)
    files = [scratch / f"{layout}-pandas.jsonl.gz"]
    table.to_json(files[0], orient="records", lines=True, compression="gzip")
    if layout not in ("labeled-list", "flagembedding"):
        files += [scratch / f"{layout}-pandas.csv", scratch / f"{layout}-pandas.tsv"]
        table.to_csv(files[1], index=False)
        table.to_csv(files[2], index=False, sep="\t")
    if not any(isinstance(v, list) for v in table.iloc[0]):  # fastparquet writes lists as JSON bytes, not as lists
        files.append(scratch / f"{layout}-pandas.parquet")
        table.to_parquet(files[-1], engine="fastparquet", index=False)
    for file in files:
        convert("--input", file, "--from", layout, "--to", "flagembedding", "--out", scratch / "theirs.jsonl")
        got = (scratch / "theirs.jsonl").read_text()
        assert got == want, f"{file.name}: {got} is not {want}"


def task(scratch, rows):
    """The three tables hold what BEIR's files hold."""
    convert("--input", rows, "--to", "mteb", "--out", scratch / "mteb")
    convert("--input", rows, "--to", "mteb-parquet", "--out", scratch / "parquet")
    for lines, table in [("corpus.jsonl", "corpus/corpus"), ("queries.jsonl", "queries/queries"), ("qrels/test.jsonl", "data/test")]:
        want = [json.loads(line) for line in (scratch / "mteb" / lines).read_text().splitlines()]
        got = plain(pandas.read_parquet(scratch / "parquet" / f"{table}-00000-of-00001.parquet", engine="fastparquet"))
        assert got == want, f"{table}: {got} is not {want}"


def plain(table):
    """Rows as JSON has them: lists for arrays."""
    return [{k: v.tolist() if hasattr(v, "tolist") else v for k, v in row.items()} for row in table.to_dict("records")]


if __name__ == "__main__":
    main()
