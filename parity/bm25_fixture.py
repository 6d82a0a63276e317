"""Writes lexical/testdata/parity.json: short invented passages and what bm25s ranks for queries of their words.

    python parity/bm25_fixture.py

Oracle: bm25s, method "lucene", in float64. `go test ./lexical` compares; bm25_live.py does so on Cranfield.
"""

import random

import fixture

WORDS = ["wing", "Flow", "heat", "shock", "layer", "x_1", "mach", "lift", "a", "plate", "theory", "żółw", "10²", "drag"]


def scores(texts, queries, k1, b):
    """Every passage's score for each query."""
    import bm25s

    retriever = bm25s.BM25(k1=k1, b=b, method="lucene", dtype="float64")
    retriever.index(bm25s.tokenize(texts, stopwords=None, return_ids=False, show_progress=False), show_progress=False)
    tokens = bm25s.tokenize(queries, stopwords=None, return_ids=False, show_progress=False)
    return [[float(s) for s in retriever.get_scores(words)] for words in tokens]


def case(name, seed, k1, b):
    generator = random.Random(seed)

    def text(most):
        return " ".join(generator.choice(WORDS) + generator.choice(["", "", ",", ".", "-flow"]) for _ in range(generator.randint(1, most)))

    texts = [text(25) for _ in range(30)]
    queries = [text(6) for _ in range(8)] + ["wing wing", "words that none has"]
    return {"name": name, "k1": k1, "b": b, "texts": texts, "queries": queries, "scores": scores(texts, queries, k1, b)}


if __name__ == "__main__":
    cases = [case("the defaults", 1, 1.5, 0.75), case("lengths do not count", 2, 1.2, 0), case("occurrences do not count", 3, 0, 1)]
    fixture.write_json(fixture.output("lexical/testdata/parity.json"), {"made_by": fixture.header("bm25s", "numpy"), "cases": cases})
