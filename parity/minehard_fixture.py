"""Writes cmd/quarry/testdata/mine_hard_negatives.json: what sentence-transformers mines from small invented vectors.

    python parity/minehard_fixture.py        # by the interpreter of parity/environment flagembedding, which has datasets

Numbers of vectors are multiples of 1/256, so that every product is exact in float32 whatever the order of its sum: scores are the
same on any processor, and by any program. No two scores of a query are equal: which of two comes first, the library leaves to
chance. `go test ./cmd/quarry` compares; minehard_live.py does so on Cranfield and Eedi.
"""

import random

import torch

import fixture
import minehard

PASSAGES, QUERIES, DIM = 24, 9, 4
CASES = [
    ("the defaults", {}),
    ("a range", {"range_min": 2, "range_max": 9, "num_negatives": 4}),
    ("a range beyond the corpus", {"range_min": 18, "range_max": 60, "num_negatives": 5}),
    ("an absolute margin of 0", {"absolute_margin": 0}),
    ("an absolute margin", {"absolute_margin": 0.3, "range_min": 1, "num_negatives": 4}),
    ("an absolute margin below 0", {"absolute_margin": -0.25}),
    ("a relative margin, with positives below 0", {"relative_margin": 0.2, "num_negatives": 5}),
    ("limits of scores", {"max_score": 0.5, "min_score": -0.4, "num_negatives": 6}),
    ("a lower limit alone leaves the range short", {"min_score": 0.1}),
    ("every limit", {"absolute_margin": 0.05, "relative_margin": 0.1, "max_score": 0.6, "min_score": -0.6, "range_min": 1, "range_max": 14, "num_negatives": 5}),
    ("drawn", {"sampling_strategy": "random", "range_max": 12}),
    ("drawn from a range", {"sampling_strategy": "random", "range_min": 3, "range_max": 20, "num_negatives": 7}),
    ("drawn where too few are left", {"sampling_strategy": "random", "absolute_margin": 0.4, "num_negatives": 6}),
    ("triplets with scores", {"output_scores": True, "relative_margin": 0.05}),
    ("tuples", {"output_format": "n-tuple", "absolute_margin": 0.3}),
    ("tuples with scores", {"output_format": "n-tuple", "output_scores": True, "absolute_margin": 0.3, "num_negatives": 2}),
    ("tuples with scores, by the old name", {"output_format": "n-tuple-scores", "num_negatives": 2}),
    ("labelled pairs", {"output_format": "labeled-pair", "absolute_margin": 0.5}),
    ("labelled pairs with scores", {"output_format": "labeled-pair", "output_scores": True, "max_score": 0.2}),
    ("labelled lists", {"output_format": "labeled-list", "absolute_margin": 0.5}),
    ("labelled lists with scores", {"output_format": "labeled-list", "output_scores": True, "absolute_margin": 0.5}),
    ("positives included", {"include_positives": True, "num_negatives": 5, "output_scores": True}),
    ("positives included and limited", {"include_positives": True, "num_negatives": 3, "absolute_margin": 0.1, "output_format": "triplet"}),
    ("faiss", {"use_faiss": True, "range_min": 1, "relative_margin": 0.05}),
    ("faiss beyond the corpus", {"use_faiss": True, "range_min": 18, "range_max": 60, "num_negatives": 5}),
    ("old names", {"as_triplets": False, "margin": 0.3}),
    ("named columns", {"anchor_column_name": "question", "positive_column_name": "answer"}),
    ("without a corpus", {"corpus": None, "num_negatives": 2}),
]

# By the scores of a cross-encoder, which differ by rounding from one processor to another; it is a committed one.
CROSS_ENCODER = "roberta"
SAME_SCORES = 1e-6
RESCORED = [
    ("an absolute margin", {"absolute_margin": 0.01}),
    ("a relative margin, scores of positives among the candidates", {"relative_margin": -0.021, "include_positives": True, "num_negatives": 4, "output_scores": True}),
    ("a highest score", {"max_score": 0.6605, "range_min": 1, "num_negatives": 4, "output_format": "labeled-list", "output_scores": True}),
    ("a lowest score alone widens the range", {"min_score": 0.6205, "num_negatives": 2, "output_format": "labeled-pair", "output_scores": True}),
    ("a range that is given", {"absolute_margin": 0.0052, "max_score": 0.6555, "range_min": 1, "range_max": 12, "num_negatives": 3, "output_format": "n-tuple", "output_scores": True}),
    ("drawn", {"relative_margin": 0.01, "sampling_strategy": "random", "range_max": 16, "output_scores": True}),
    ("a corpus smaller than the range", {"absolute_margin": 0, "range_max": 60, "num_negatives": 6, "output_scores": True}),
    ("of no effect without a limit", {"output_scores": True}),
]


def data():
    """Rows of which some queries have several positives, one of them twice; a corpus; and vectors of all texts."""
    generator = random.Random(11)
    vector = lambda: torch.tensor([generator.randint(-256, 256) / 256 for _ in range(DIM)])
    corpus = [f"p{i}" for i in range(PASSAGES - 2)] + ["\"<&>\" é", " white space stays "]
    rows = {"answer": [], "note": [], "question": []}
    for q in range(QUERIES):
        for p in generator.sample(range(PASSAGES), 1 + q % 3) + ([3] if q == 4 else []):
            rows["question"].append(f"q{q}")
            rows["answer"].append(corpus[p] if q != 7 else f"not in the corpus {p}")
            rows["note"].append("x")
    rows["question"].append("q0"), rows["answer"].append(rows["answer"][0]), rows["note"].append("twice")
    passages = {text: vector() for text in dict.fromkeys(corpus + rows["answer"])}
    queries = {text: vector() for text in dict.fromkeys(rows["question"])}
    return rows, corpus, queries, passages


def check(queries, passages):
    """No ties, and every product exact."""
    matrix = torch.stack(list(queries.values())).double() @ torch.stack(list(passages.values())).double().T
    assert (matrix == matrix.float().double()).all()
    for scores in matrix.tolist():
        assert len(set(scores)) == len(scores), "two scores of a query are equal: take another seed"


def check_rescored(cross_encoder, rows, queries, passages):
    """No two scores of a query, nor a score and a limit, so near that rounding might change them about."""
    far = 5 * SAME_SCORES
    for query in queries:
        said = dict(zip(passages, cross_encoder.predict([(query, p) for p in passages]).tolist()))
        scores = sorted(said.values())
        assert min(b - a for a, b in zip(scores, scores[1:])) > far, f"{query}: two scores are nearly equal"
        lowest = min(said[a] for q, a in zip(rows["question"], rows["answer"]) if q == query)
        for _, p in RESCORED:
            limits = [p.get("max_score"), p.get("min_score")]
            limits.append(lowest - p["absolute_margin"] if p.get("absolute_margin") else None)  # at 0 it is a candidate's own score
            limits.append(lowest - abs(lowest) * p["relative_margin"] if "relative_margin" in p else None)
            assert all(abs(s - limit) > far for s in scores for limit in limits if limit is not None), f"{query}: a score is nearly a limit"


if __name__ == "__main__":
    from sentence_transformers import CrossEncoder

    rows, corpus, queries, passages = data()
    check(queries, passages)
    in_order = {"question": rows["question"], "answer": rows["answer"], "note": rows["note"]}
    cases = []
    for name, parameters in CASES:
        pool = None if "corpus" in parameters else corpus
        columns = rows if "anchor_column_name" in parameters else in_order
        made, printed, _ = minehard.mine(columns, pool, minehard.Given(queries, passages), **{k: v for k, v in parameters.items() if k != "corpus"})
        keys = list(made[0])
        assert all(list(row) == keys for row in made)
        words = minehard.flags({k: v for k, v in parameters.items() if k != "corpus"})
        cases.append({"name": name, "flags": words, "corpus": pool is not None, "columns": list(columns), "keys": keys, "rows": [list(row.values()) for row in made],
                      "printed": printed[printed.index("Metric"):]})
    cross_encoder = CrossEncoder(str(fixture.ROOT / "model/testdata/cross-encoders" / CROSS_ENCODER), device="cpu")
    check_rescored(cross_encoder, rows, queries, passages)
    for name, parameters in RESCORED:
        made, printed, _ = minehard.mine(in_order, corpus, minehard.Given(queries, passages), cross_encoder=cross_encoder, **parameters)
        cases.append({"name": f"by a cross-encoder: {name}", "flags": minehard.flags(parameters), "corpus": True, "cross_encoder": CROSS_ENCODER, "columns": list(in_order),
                      "keys": list(made[0]), "rows": [list(row.values()) for row in made], "printed": printed[printed.index("Metric"):]})
    fixture.write_json(fixture.output("cmd/quarry/testdata/mine_hard_negatives.json"), {
        "made_by": fixture.header("sentence-transformers", "torch", "datasets", "faiss-cpu"),
        "data": rows, "corpus": corpus, "queries": [{"text": t, "vector": v.tolist()} for t, v in queries.items()],
        "passages": [{"text": t, "vector": v.tolist()} for t, v in passages.items()], "cases": cases})
