"""`quarry mine` by hn_mine.py's flags against what that program does with the same ranking, drawn by Python's own generator.

hn_mine.py itself is run, the one of FlagEmbedding 1.2.11 (parity/environment hn_mine), the last that came in a package: its search by
faiss of the same vectors, its window, its draws. What it does behind the search is written down here, too, for the fork's shuffling,
which it has not, and to say what is compared: the window of the raw ranking, out of it the positives and the query's own text, random.sample where more are left than wanted,
in the order of the file; filling up behind all of that; and the fork's seed 42 and its shuffling. The ranking is of the vectors
that `quarry embed` gives, so that both sides have the same. Beside a made-up set there are Cranfield, whose queries have up to
dozens of positives, and Eedi's dev rows as the fork reads them. Where two of their texts score alike, faiss has an order of its own; here it is that of the
pool, which is Quarry's rule.
"""

import contextlib
import functools
import importlib.util
import io
import json
import pathlib
import random
import subprocess
import sys
import tempfile
import types

import numpy

import hnmine_icl
import report
import texts
from external_live import FAULTS, TOPICS

SEED = 42
NEAR = 2e-6  # scores of vectors of length 1 that differ by less may change places: faiss sums float32
TOKENS = 64  # of a text: vectors are the same for both, so that more would only take longer


def main():
    checks = report.Checks()
    with tempfile.TemporaryDirectory() as folder:
        scratch = pathlib.Path(folder)
        pool, rows = make_data(scratch)
        with checks.check("vectors of queries and pool"):
            ranking, scores, vectors = rank(scratch, pool, rows)
            gaps = -numpy.diff(scores, axis=1)
            assert (gaps > 0).all(), "two scores are equal: the ranking is not the only one"
        for name, window, wanted, shuffled in [
            ("drawn from a window", (2, 60), 7, False), ("a deep window", (2, 150), 15, False), ("shuffled as the fork does", (0, 100), 5, True),
            ("all that a window leaves", (0, 9), 8, False),
        ]:
            with checks.check(f"{name}: every negative"):
                compare(scratch, pool, rows, ranking, window, wanted, shuffled)
        for name, window, wanted in [("drawn from a window", (2, 60), 7), ("a deep window", (2, 150), 15), ("all that a window leaves", (0, 9), 8), ("filled up", (0, 6), 10)]:
            with checks.check(f"{name}: as hn_mine.py itself mines"):
                compare_program(scratch, pool, rows, vectors, scores, window, wanted)
        with checks.check("filled up: what the window leaves, and others as many"):
            fill(scratch, pool, rows, ranking, (0, 6), 10)
    with checks.check("decoder-only-icl with an instruction: every negative"), tempfile.TemporaryDirectory() as folder:
        hnmine_icl.check(pathlib.Path(folder))
    for name, read, cases in [
        ("cranfield", cranfield, [("the fork's window", (2, 200), 15, False), ("positives fill a short window", (0, 12), 8, False)]),
        ("eedi", eedi, [("the fork's window, shuffled", (2, 200), 15, True), ("the fork's window", (2, 200), 15, False), ("the best", (0, 50), 5, False)]),
    ]:
        with tempfile.TemporaryDirectory() as folder:
            scratch = pathlib.Path(folder)
            try:
                pool, rows = read(scratch)
            except report.Skip as reason:
                checks.skip(name, str(reason))
                continue
            with checks.check(f"{name}: vectors of queries and pool"):
                ranking, scores, vectors = rank(scratch, pool, rows)
            for case, window, wanted, shuffled in cases:
                with checks.check(f"{name}: {case}"):
                    compare(scratch, pool, rows, ranking, window, wanted, shuffled)
                if not shuffled:
                    with checks.check(f"{name}: {case}: as hn_mine.py itself mines"):
                        compare_program(scratch, pool, rows, vectors, scores, window, wanted)
    checks.finish()


def make_data(scratch):
    """A pool with one text twice, and rows with one or two positives, one of them with a query that is a passage."""
    pool = [f"When working with {topic}, {fault} (case {n})" for n in range(5) for topic in TOPICS for fault in FAULTS]
    rows = []
    for i in range(48):
        topic, fault = TOPICS[i % 8], FAULTS[i % 4]
        positives = [f"When working with {topic}, {fault} (case {n})" for n in ([i % 5] if i % 3 else [i % 5, (i + 1) % 5])]
        rows.append({"query": f"Pupil {i} on {topic}: é wrong because the pupil {fault}", "pos": positives, "neg": ["an old one"], "type": "normal"})
    rows[7]["query"] = pool[11]
    (scratch / "pool.jsonl").write_text("".join(json.dumps({"text": text}) + "\n" for text in [*pool, pool[3]]))
    (scratch / "rows.jsonl").write_text("".join(json.dumps(row, ensure_ascii=False) + "\n" for row in rows))
    return pool, rows


def write_data(scratch, pool, rows):
    (scratch / "pool.jsonl").write_text("".join(json.dumps({"text": text}) + "\n" for text in pool))
    (scratch / "rows.jsonl").write_text("".join(json.dumps(row, ensure_ascii=False) + "\n" for row in rows))
    return list(dict.fromkeys(pool)), rows


def cranfield(scratch):
    passages, queries, judged = report.cranfield()
    rows = {}
    for query, passage in judged:
        rows.setdefault(query, {"query": queries[query], "pos": [], "neg": []})["pos"].append(passages[passage])
    return write_data(scratch, list(passages.values()), list(rows.values()))


def eedi(scratch):
    read = lambda name: list(map(json.loads, report.shared("eedi", name).read_text().splitlines()))
    return write_data(scratch, [row["text"] for row in read("candidate_pool.jsonl")], read("hn_mine_dev_input.jsonl"))


def rank(scratch, pool, rows):
    """Positions in the pool by score, best first, and the scores."""
    vectors = []
    for name, list_of in (("pool", pool), ("queries", [row["query"] for row in rows])):
        source, target = texts.write(scratch / f"{name}-texts.jsonl", list_of), scratch / f"{name}.npy"
        report.quarry("embed", "--model", report.minilm(), "--input", source, "--output", target, "--max-length", TOKENS)
        vectors.append(numpy.load(target).astype(numpy.float64))
    scores = (vectors[1] @ vectors[0].T).astype(numpy.float32)
    order = numpy.argsort(-scores, axis=1, kind="stable")
    return order, numpy.take_along_axis(scores, order, axis=1), vectors


@functools.cache
def mine(scratch, window, wanted, *flags):
    """Quarry's lines, mined once where they are compared twice."""
    output = scratch / "mined.jsonl"
    output.unlink(missing_ok=True)
    report.quarry(
        "mine", "--embedder_name_or_path", report.minilm(), "--embedder_model_class", "encoder-only-base", "--pooling_method", "mean",
        "--input_file", scratch / "rows.jsonl", "--output_file", output, "--candidate_pool", scratch / "pool.jsonl",
        "--range_for_sampling", f"{window[0]}-{window[1]}", "--negative_number", wanted, "--use_fp16", "False",
        "--embedder_query_max_length", TOKENS, "--embedder_passage_max_length", TOKENS, *flags)
    return output.read_text().splitlines()


def draw(generator, pool, rows, ranking, window, wanted):
    """Each row's negatives before any filling up."""
    negatives = []
    for row, ranks in zip(rows, ranking):
        left = [pool[i] for i in ranks[window[0]:window[1]] if pool[i] not in row["pos"] and pool[i] != row["query"]]
        negatives.append(generator.sample(left, wanted) if len(left) > wanted else left)
    return negatives


def compare(scratch, pool, rows, ranking, window, wanted, shuffled):
    generator = random.Random(SEED)
    want = [row | {"neg": negatives} for row, negatives in zip(rows, draw(generator, pool, rows, ranking, window, wanted))]
    short = [i for i, row in enumerate(want) if len(row["neg"]) < wanted]
    assert not short or not shuffled, f"rows {short} are filled up, which moves the generator"
    if shuffled:
        generator.shuffle(want)
    got = mine(scratch, window, wanted, *(["--shuffle_data", "True"] if shuffled else []))
    assert len(got) == len(want), f"{len(got)} rows"
    for i, (line, row) in enumerate(zip(got, want)):
        mined = json.loads(line)
        if len(row["neg"]) < wanted:
            assert len(mined["neg"]) == wanted and not set(mined["neg"]) & set(row["pos"]), f"row {i} has {mined['neg']}"
            mined["neg"] = mined["neg"][:len(row["neg"])]
        assert mined == row, f"row {i}: {mined}, want {row}"
        assert line == json.dumps(json.loads(line), ensure_ascii=shuffled), f"row {i}: {line[:60]}"  # the fork escapes what it shuffles


def compare_program(scratch, pool, rows, vectors, scores, window, wanted):
    """Every row is the program's, but for its fillers, whose pool is a set of Python's: by count and validity; and but for rows of which
    two neighbouring scores are nearly equal, whose places in the ranking rounding decides."""
    theirs = program(scratch, pool, rows, vectors, window, wanted)
    ours = [json.loads(line) for line in mine(scratch, window, wanted)]
    assert len(ours) == len(theirs) == len(rows)
    tied = (-numpy.diff(scores[:, :window[1] + 1], axis=1) < NEAR).any(axis=1)
    known, same, filled = set(pool), 0, 0
    for i, (a, b, row, near) in enumerate(zip(ours, theirs, rows, tied)):
        answers = set(row["pos"]) | {row["query"]}
        left = min(wanted, sum(1 for text in window_of(pool, vectors, i, window) if text not in answers))
        for negatives in (a["neg"], b["neg"]):
            assert set(negatives) <= known and not set(negatives) & set(row["pos"]), f"row {i}: {negatives}"
        assert len(a["neg"]) == wanted and len(b["neg"]) == wanted, f"row {i}: {len(a['neg'])} negatives, theirs {len(b['neg'])}"
        filled += left < wanted
        same += a["neg"][:left] == b["neg"][:left]
        assert near or a["neg"][:left] == b["neg"][:left], f"row {i}: {a['neg'][:left]}, theirs {b['neg'][:left]}"
        assert {k: v for k, v in a.items() if k != "neg"} == {k: v for k, v in b.items() if k != "neg"}, f"row {i}: {a}, theirs {b}"
    print(f"     {same} of {len(rows)} rows equal, {filled} of all filled up, {tied.sum()} with a near-tie")
    assert same > len(rows) * 3 / 4, f"only {same} of {len(rows)} rows are equal"


def window_of(pool, vectors, i, window):
    """The texts of a query's window."""
    scores = (vectors[0] @ vectors[1][i]).astype(numpy.float32)
    return [pool[p] for p in numpy.argsort(-scores, kind="stable")[window[0]:window[1]]]


def program(scratch, pool, rows, vectors, window, wanted):
    """The rows of FlagEmbedding's own find_knn_neg, by a model that returns the vectors of both."""
    path = subprocess.run([pathlib.Path(__file__).parent / "environment", "hn_mine"], check=True, capture_output=True, text=True).stdout.strip()
    spec = importlib.util.spec_from_file_location("hn_mine", path)
    module = importlib.util.module_from_spec(spec)
    sys.modules["FlagEmbedding"] = types.SimpleNamespace(FlagModel=None)  # which it imports for its command line
    spec.loader.exec_module(module)
    passages, queries = ({text: v.astype(numpy.float32) for text, v in zip(texts, of)} for texts, of in ((pool, vectors[0]), ([row["query"] for row in rows], vectors[1])))
    model = types.SimpleNamespace(
        encode=lambda texts, **_: numpy.stack([passages[text] for text in texts]), encode_queries=lambda texts, **_: numpy.stack([queries[text] for text in texts]))
    output = scratch / "theirs.jsonl"
    random.seed(SEED)
    with contextlib.redirect_stdout(io.StringIO()), contextlib.redirect_stderr(io.StringIO()):
        module.find_knn_neg(model, str(scratch / "rows.jsonl"), str(scratch / "pool.jsonl"), str(output), list(window), wanted, False)
    return list(map(json.loads, output.read_text().splitlines()))


def fill(scratch, pool, rows, ranking, window, wanted):
    left = draw(random.Random(SEED), pool, rows, ranking, window, wanted)
    got = [json.loads(line)["neg"] for line in mine(scratch, window, wanted)]
    for i, (mined, drawn, row) in enumerate(zip(got, left, rows)):
        assert len(drawn) < wanted == len(mined), f"row {i}: {len(mined)} negatives"
        assert mined[:len(drawn)] == drawn, f"row {i}: {mined}, want {drawn} first"
        assert set(mined) <= set(pool) and not set(mined) & set(row["pos"]), f"row {i}: {mined}"


if __name__ == "__main__":
    main()
