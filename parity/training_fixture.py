"""Training data as the datasets library writes it, for format/sentencetransformers' tests.

    pip install pyarrow==26.0.1 datasets==5.2.0      # in a virtual environment of their own
    python parity/training_fixture.py

writes format/sentencetransformers/testdata: what mine_hard_negatives of sentence-transformers 6.2.0 makes of the three
queries below in each output_format, with and without scores, as JSONL, Parquet and CSV. The library itself wants a model;
the columns are those at the end of its util/hard_negatives.py.
"""

import pathlib

import datasets

OUT = pathlib.Path(__file__).resolve().parent.parent / "format" / "sentencetransformers" / "testdata"

QUERIES = [
    ('what is "ø"?', ["a letter, <o>"], ["a number\nin two lines", "x"], [0.75], [0.5, -0.125]),
    ("two answers", ["p1", "p2"], ["n1", "n2"], [1.0, 0.875], [0.25, 0.0]),
    ("last", ["p3"], ["n3", "n4"], [0.5], [0.375, 1e-05]),
]


def triplet(scores):
    for query, positives, negatives, ps, ns in QUERIES:
        for p, s in zip(positives, ps):
            for n, t in zip(negatives, ns):
                yield {"anchor": query, "positive": p, "negative": n, **({"scores": [s, t]} if scores else {})}


def n_tuple(scores):
    for query, positives, negatives, ps, ns in QUERIES:
        for p, s in zip(positives, ps):
            row = {"anchor": query, "positive": p}
            row.update({f"negative_{i}": n for i, n in enumerate(negatives, start=1)})
            yield {**row, **({"scores": [s, *ns]} if scores else {})}


def labeled_pair(scores):
    for query, positives, negatives, ps, ns in QUERIES:
        for label, texts, values in ((1, positives, ps), (0, negatives, ns)):
            for text, s in zip(texts, values):
                yield {"anchor": query, "document": text, **({"score": s} if scores else {"label": label})}


def labeled_list(scores):
    for query, positives, negatives, ps, ns in QUERIES:
        for p, s in zip(positives, ps):
            labels = {"scores": [s, *ns]} if scores else {"labels": [1] + [0] * len(negatives)}
            yield {"anchor": query, "document": [p, *negatives], **labels}


def main():
    OUT.mkdir(exist_ok=True)
    for name, rows in (("triplet", triplet), ("n-tuple", n_tuple), ("labeled-pair", labeled_pair), ("labeled-list", labeled_list)):
        for scores in (False, True):
            whole = datasets.Dataset.from_list(list(rows(scores)))
            base = str(OUT / (name + ("-scores" if scores else "")))
            whole.to_json(base + ".jsonl", force_ascii=False)
            whole.to_parquet(base + ".parquet")
            if name != "labeled-list":  # CSV has no lists
                whole.to_csv(base + ".csv")


if __name__ == "__main__":
    main()
