"""Compares quarry's BM25 with bm25s and rank_bm25 on Cranfield, by the ranks and scores that mining records.

bm25s has the same formula (method "lucene"): every score is equal and so is every rank, but where scores tie to the last
digits of float32. rank_bm25 has another idf and a factor of k1 + 1, so it is given quarry's idf; its ranking is then the same.
"""

import json
import pathlib
import tempfile

import report

DEPTH = 100
NEAR = 1e-5  # relative; scores that differ by less are a tie


def main():
    checks = report.Checks()
    for name, oracle in [("bm25s", by_bm25s), ("rank_bm25", by_rank_bm25)]:
        with checks.check(f"{name} on Cranfield"):
            texts, queries, mined = cranfield()
            compare(texts, queries, mined, oracle)
    checks.finish()


def cranfield():
    """The passages by id, the queries by id, and what quarry mines of them: the side file's rows by query."""
    texts, queries, judged = report.cranfield()
    positives = {}
    for query, passage in judged:
        positives.setdefault(query, []).append(passage)
    queries = {query: text for query, text in queries.items() if query in positives}
    corpus = report.shared("beir", "cranfield", "corpus.jsonl.gz")
    with tempfile.TemporaryDirectory() as scratch:
        scratch = pathlib.Path(scratch)
        asked = [json.dumps({"id": q, "query": text, "positive_ids": positives[q]}) for q, text in queries.items()]
        (scratch / "queries.jsonl").write_text("\n".join(asked) + "\n")
        report.quarry(
            "mine", "--source", "bm25", "--corpus", corpus, "--queries", scratch / "queries.jsonl",
            "--window", f"0-{DEPTH}", "--negatives", DEPTH, "--sampling", "top",
            "--output", scratch / "mined.jsonl", "--provenance", scratch / "side.jsonl")
        rows = [json.loads(line) for line in (scratch / "side.jsonl").read_text().splitlines()[1:]]
    return texts, queries, {row["key"]: row for row in rows}


def by_bm25s(texts, queries):
    import bm25s

    retriever = bm25s.BM25(k1=1.5, b=0.75, method="lucene", dtype="float64")
    retriever.index(bm25s.tokenize(texts, stopwords=None, return_ids=False, show_progress=False), show_progress=False)
    tokens = bm25s.tokenize(queries, stopwords=None, return_ids=False, show_progress=False)
    return [retriever.get_scores(words) for words in tokens]


def by_rank_bm25(texts, queries):
    import math

    import bm25s
    from rank_bm25 import BM25Okapi

    tokenize = lambda rows: bm25s.tokenize(rows, stopwords=None, return_ids=False, show_progress=False)
    ranker = BM25Okapi(tokenize(texts), k1=1.5, b=0.75)
    passages_with = {}
    for passage in ranker.doc_freqs:
        for word in passage:
            passages_with[word] = passages_with.get(word, 0) + 1
    for word, n in passages_with.items():
        ranker.idf[word] = math.log(1 + (len(texts) - n + 0.5) / (n + 0.5)) / (ranker.k1 + 1)
    return [ranker.get_scores(words) for words in tokenize(queries)]


def compare(texts, queries, mined, oracle):
    """Each passage that quarry ranks has the oracle's score, and as many passages above it as its rank says."""
    ids = list(texts)
    place = {p: i for i, p in enumerate(ids)}
    compared = 0
    for (query, scores) in zip(queries, oracle(list(texts.values()), list(queries.values()))):
        row = mined[query]
        ranked = [(n["id"], n["rank"], n["score"]) for n in row["negatives"]] + [(r["passage"], r["rank"], r["score"]) for r in row["ranks"]]
        assert ranked, f"query {query}: nothing ranked"
        for passage, rank, score in ranked:
            want = float(scores[place[passage]])
            assert abs(score - want) <= NEAR * max(1, want), f"query {query}, passage {passage}: score {score}, theirs {want}"
            above = int((scores > want + NEAR * max(1, want)).sum())
            ties = int((abs(scores - want) <= NEAR * max(1, want)).sum())
            assert above <= rank < above + ties, f"query {query}, passage {passage}: rank {rank}, theirs {above} with {ties} equal"
            compared += 1
    print(f"{compared} ranks of {len(queries)} queries")


if __name__ == "__main__":
    main()
