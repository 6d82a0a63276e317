"""`quarry mine --compat sentence-transformers` against mine_hard_negatives on Cranfield and on Eedi, several sets of parameters.

Both get the same vectors, those that the library made and cached. Given its ranking as a TREC run every row is equal, in order,
scores included. A part of it is rescored by a cross-encoder, by each side's own program. From the vectors alone scores may differ in the last bits of float32, for sums have another order; every query
without a near-tie has the same rows, and the share of those with one is printed.
"""

import json
import pathlib
import tempfile

import torch

import fixture
import minehard
import minehard_fixture
import report

TOKENS = 64  # of a text: vectors are the same for both, so that more would only take longer
NEAR = 2e-6  # scores of vectors of length 1 that differ by less may change places
CASES = [
    ("the defaults", {}),
    ("NV-Retriever's", {"relative_margin": 0.05, "num_negatives": 10}),
    ("an absolute margin, a range", {"absolute_margin": 0.1, "range_min": 10, "range_max": 60, "num_negatives": 5, "output_format": "n-tuple", "output_scores": True}),
    ("limits of scores", {"max_score": 0.6, "min_score": 0.2, "num_negatives": 8, "output_format": "labeled-list", "output_scores": True}),
    ("labelled pairs", {"range_min": 2, "num_negatives": 4, "output_format": "labeled-pair"}),
    ("drawn", {"range_min": 5, "range_max": 100, "num_negatives": 15, "sampling_strategy": "random"}),
    ("drawn of what a margin leaves", {"relative_margin": 0.2, "num_negatives": 6, "sampling_strategy": "random", "output_format": "labeled-list"}),
    ("positives included", {"include_positives": True, "num_negatives": 20, "output_scores": True}),
    ("by faiss", {"use_faiss": True, "absolute_margin": 0, "num_negatives": 5}),
]
NEAR_RESCORED = 1e-4  # of a cross-encoder's scores, logits of some units, which two programs compute
ASKED, POOL = 24, 300  # queries and passages that are rescored
RESCORED = [
    ("a relative margin", {"relative_margin": 0.05, "num_negatives": 5, "output_scores": True}),
    ("a lowest score, a range", {"min_score": -1.0, "range_min": 3, "range_max": 40, "num_negatives": 4, "output_format": "labeled-list", "output_scores": True}),
]


def main():
    from sentence_transformers import SentenceTransformer

    checks = report.Checks()
    with checks.check("the committed fixture runs anew"):
        fixture_is_today()
    model = SentenceTransformer(str(report.minilm()), device="cpu")
    model.max_seq_length = TOKENS
    for name, read in [("cranfield", cranfield), ("eedi", eedi)]:
        with tempfile.TemporaryDirectory() as scratch:
            scratch = pathlib.Path(scratch)
            try:
                rows, corpus = read()
            except report.Skip as reason:
                checks.skip(name, str(reason))
                continue
            data = Data(scratch, rows, corpus)
            for case, parameters in CASES:
                with checks.check(f"{name}: {case}"):
                    compare(data, model, parameters)
        with tempfile.TemporaryDirectory() as scratch:
            scratch = pathlib.Path(scratch)
            data = Data(scratch, *part(rows, corpus))
            made = make_cross_encoder(scratch / "cross-encoder")
            for case, parameters in RESCORED:
                with checks.check(f"{name}: rescored by a cross-encoder, {case}"):
                    compare_rescored(data, model, made, parameters)
    checks.finish()


def fixture_is_today():
    """fixtures_live.py has not the library's data sets."""
    import subprocess
    import sys

    made = pathlib.Path("cmd/quarry/testdata/mine_hard_negatives.json")
    with tempfile.TemporaryDirectory() as folder:
        subprocess.run([sys.executable, pathlib.Path(__file__).parent / "minehard_fixture.py", "--output", folder], check=True, capture_output=True)
        want, got = (json.loads((root / made).read_text()) for root in (fixture.ROOT, pathlib.Path(folder)))
    want["made_by"].pop("python"), got["made_by"].pop("python")
    for case in range(len(want["cases"])):  # scores of a cross-encoder differ by rounding
        if "cross_encoder" in want["cases"][case]:
            found = fixture.difference(want["cases"][case], got["cases"][case], minehard_fixture.SAME_SCORES)
            assert found is None, found
            want["cases"][case] = got["cases"][case] = None
    found = fixture.difference(want, got, 0)
    assert found is None, found


def cranfield():
    texts, queries, judged = report.cranfield()
    return {"query": [queries[query] for query, _ in judged], "answer": [texts[passage] for _, passage in judged]}, list(texts.values())


def eedi():
    passages = {row["id"]: row["text"] for row in map(json.loads, report.shared("eedi", "corpus.jsonl").read_text().splitlines())}
    dev = list(map(json.loads, report.shared("eedi", "dev.jsonl").read_text().splitlines()))
    return {"query": [row["query"] for row in dev], "answer": [passages[str(row["correct_id"])] for row in dev]}, list(passages.values())


class Data:
    """Rows and corpus, as the library takes them and as files."""

    def __init__(self, scratch, rows, corpus):
        self.scratch, self.rows, self.corpus = scratch, rows, corpus
        self.texts = list(dict.fromkeys(corpus + rows["answer"]))
        self.queries = list(dict.fromkeys(rows["query"]))
        self.cache = scratch / "cache"
        lines = lambda rows: "".join(json.dumps(row, ensure_ascii=False) + "\n" for row in rows)
        (scratch / "data.jsonl").write_text(lines({"query": q, "answer": a} for q, a in zip(rows["query"], rows["answer"])))
        (scratch / "corpus.jsonl").write_text(lines({"text": text} for text in corpus))

    def positives(self):
        """The places of each query's positives, in the order of its rows."""
        place = {text: i for i, text in enumerate(self.texts)}
        found = {query: [] for query in self.queries}
        for query, answer in zip(self.rows["query"], self.rows["answer"]):
            if place[answer] not in found[query]:
                found[query].append(place[answer])
        return found

    def vectors(self):
        return [word for kind, flag in [("corpus", "--corpus-vectors"), ("query", "--query-vectors")]
                for word in (flag, next(self.cache.glob(f"{kind}_embeddings_*.npy")))]

    def mine(self, parameters, *source):
        """Quarry's rows."""
        output = self.scratch / "mined.jsonl"
        report.quarry("mine", "--compat", "sentence-transformers", "--dataset", self.scratch / "data.jsonl", "--corpus", self.scratch / "corpus.jsonl",
                      "--output", output, "--verbose", "False", "--seed", minehard.SEED, *minehard.flags(parameters), *source)
        return [json.loads(line) for line in output.read_text().splitlines()]


def compare(data, model, parameters):
    theirs, _, seen = minehard.mine(data.rows, data.corpus, model, cache_folder=str(data.cache), **parameters)
    if not parameters.get("use_faiss"):
        ours = data.mine(parameters, "--run", write_run(data, seen))
        given_its_ranking(data, seen, ours, theirs, parameters)
    ours = data.mine(parameters, *data.vectors())
    other = sorted(query for query in by_query(theirs) | by_query(ours) if not near(by_query(theirs).get(query), by_query(ours).get(query)))
    if parameters.get("use_faiss"):
        candidates = minehard.mine(data.rows, data.corpus, model, cache_folder=str(data.cache), **{**parameters, "use_faiss": False})[2]
    else:
        candidates = seen
    tied = near_ties(data, candidates, parameters)
    if parameters.get("sampling_strategy") == "random" and any(query in tied for query in other):
        other = [query for query in other if query in tied]  # one stream: a limit that falls otherwise shifts the draws behind it
    print(f"     {len(theirs)} rows of {len(data.queries)} queries; from the vectors {len(other)} queries differ, {100 * len(tied) / len(data.queries):.1f}% have a near-tie")
    unexplained = [query for query in other if query not in tied]
    assert not unexplained, f"{len(unexplained)} queries differ without a near-tie: {first_difference(by_query(ours).get(unexplained[0]), by_query(theirs).get(unexplained[0]))}"


def given_its_ranking(data, seen, ours, theirs, parameters):
    """Every row is equal, but of queries that have equal scores: the library sorts twice more, and leaves their order to chance.
    A positive that is a candidate too has two scores there, of a product of matrices and of a pair; a run has one."""
    a, b = by_query(ours), by_query(theirs)
    same = near if parameters.get("include_positives") else lambda one, other: one == other
    differ = [query for query in data.queries if not same(a.get(query), b.get(query))]
    ties = {query for query, candidates in zip(data.queries, seen["candidates"]) if len({s for _, s in candidates}) < len(candidates)}
    others = [query for query in differ if query not in ties]
    assert not others, f"given the library's ranking {len(others)} queries differ: {first_difference(a.get(others[0]), b.get(others[0]))}"
    assert list(a) == list(b), "given the library's ranking the queries have another order"
    if differ:
        print(f"     given the library's ranking {len(differ)} of {len(ties)} queries with equal scores differ")


def part(rows, corpus):
    """The rows of the first queries, and the first passages of the corpus."""
    asked = set(list(dict.fromkeys(rows["query"]))[:ASKED])
    kept = [i for i, query in enumerate(rows["query"]) if query in asked]
    return {column: [values[i] for i in kept] for column, values in rows.items()}, corpus[:POOL]


def make_cross_encoder(folder):
    """MiniLM under a head that is drawn: its scores are sense or not, but those of different pairs are far apart."""
    import transformers
    from sentence_transformers import CrossEncoder

    torch.manual_seed(minehard.SEED)
    network = transformers.BertForSequenceClassification.from_pretrained(str(report.minilm()), num_labels=1)
    torch.nn.init.normal_(network.classifier.weight, std=0.5)
    tokenizer = transformers.AutoTokenizer.from_pretrained(str(report.minilm()), model_max_length=TOKENS)
    network.save_pretrained(str(folder)), tokenizer.save_pretrained(str(folder))
    CrossEncoder(str(folder), device="cpu", activation_fn=torch.nn.Identity(), max_length=TOKENS).save_pretrained(str(folder), create_model_card=False)
    return folder


def compare_rescored(data, model, folder, parameters):
    """Both rescore the same candidates, the library's. Every query is equal of which no two scores of the cross-encoder, nor a
    score and a limit, are nearly so."""
    from sentence_transformers import CrossEncoder

    cross_encoder, said = CrossEncoder(str(folder), device="cpu"), {}
    assert cross_encoder.max_seq_length == TOKENS

    class Watched:
        def predict(self, pairs, **words):
            scores = cross_encoder.predict(pairs, **words)
            for (query, passage), score in zip(pairs, scores.tolist()):
                said.setdefault(query, {})[passage] = score
            return scores

    theirs, _, seen = minehard.mine(data.rows, data.corpus, model, cache_folder=str(data.cache), cross_encoder=Watched(), **parameters)
    ours = data.mine(parameters, "--run", write_run(data, seen), "--cross_encoder", folder)
    a, b, tied = by_query(ours), by_query(theirs), set()
    for query, answers in data.positives().items():
        lowest = min(said[query][data.texts[p]] for p in answers)
        limits = [parameters.get("min_score"), lowest - abs(lowest) * parameters["relative_margin"] if "relative_margin" in parameters else None]
        scores = sorted(said[query].values())
        if any(y - x < NEAR_RESCORED for x, y in zip(scores, scores[1:])) or any(abs(s - limit) < NEAR_RESCORED for s in scores for limit in limits if limit is not None):
            tied.add(query)
    other = [query for query in data.queries if not near(a.get(query), b.get(query), NEAR_RESCORED)]
    spread = sorted(score for scores in said.values() for score in scores.values())
    print(f"     scores from {spread[0]:.2f} to {spread[-1]:.2f}, {len(theirs)} rows of {len(data.queries)} queries; {len(other)} queries differ, {100 * len(tied) / len(data.queries):.1f}% have a near-tie")
    unexplained = [query for query in other if query not in tied]
    assert not unexplained, f"{len(unexplained)} queries differ without a near-tie: {first_difference(a.get(unexplained[0]), b.get(unexplained[0]))}"
    assert len(b) > len(data.queries) / 3 and len(other) < len(b) / 10, f"little is equal: {len(b)} queries of theirs, {len(other)} differ"


def write_run(data, seen):
    """The library's ranking: candidates and positives of each query, by their places."""
    path = data.scratch / "run.txt"
    scores = iter(seen["positives"])
    with path.open("w") as out:
        for i, (query, candidates) in enumerate(zip(data.queries, seen["candidates"])):
            listed = dict(candidates)
            positive = {p: next(scores) for p in data.positives()[query]}
            for rank, (passage, score) in enumerate(candidates):
                # A positive has one score in a run. The library scores it twice; what limits are held against is the second.
                out.write(f"{i} Q0 {passage} {rank} {positive.get(passage, score)!r} theirs\n")
            for passage, score in positive.items():
                if passage not in listed:
                    out.write(f"{i} Q0 {passage} {len(candidates)} {score!r} theirs\n")
    return path


def near_ties(data, seen, parameters):
    """The queries of which two neighbouring candidates, or a candidate and a limit, are nearly equal."""
    tied = set()
    scores = iter(seen["positives"])
    positives = data.positives()
    for query, candidates in zip(data.queries, seen["candidates"]):
        lowest = min(next(scores) for _ in positives[query])
        limits = [parameters.get("max_score"), parameters.get("min_score")]
        if "absolute_margin" in parameters:
            limits.append(lowest - parameters["absolute_margin"])
        if "relative_margin" in parameters:
            limits.append(lowest - abs(lowest) * parameters["relative_margin"])
        values = [score for _, score in candidates]
        if any(a - b < NEAR for a, b in zip(values, values[1:])) or any(abs(v - limit) < NEAR for v in values for limit in limits if limit is not None):
            tied.add(query)
    return tied


def by_query(rows):
    found = {}
    for row in rows:
        found.setdefault(row["query"], []).append(row)
    return found


def near(a, b, by=NEAR):
    """Equal, scores but for their last bits."""
    return a == b or a is not None and b is not None and fixture.difference(a, b, by) is None


def first_difference(ours, theirs):
    if ours is None or theirs is None or len(ours) != len(theirs):
        return f"{len(ours or [])} rows, theirs {len(theirs or [])}"
    return next(f"row {i}: {str(a)[-300:]}, theirs {str(b)[-300:]}" for i, (a, b) in enumerate(zip(ours, theirs)) if a != b)


if __name__ == "__main__":
    main()
