"""`quarry mine` by hn_mine.py's flags against what that program does with the same ranking, drawn by Python's own generator.

hn_mine.py is no part of FlagEmbedding's package; what it does behind the search is written down here, after its description:
the window of the raw ranking, out of it the positives and the query's own text, random.sample where more are left than wanted,
in the order of the file; filling up behind all of that; and the fork's seed 42 and its shuffling. The ranking is of the vectors
that `quarry embed` gives, so that both sides have the same. Beside a made-up set there are Cranfield, whose queries have up to
dozens of positives, and Eedi's dev rows as the fork reads them. Where two of their texts score alike, faiss has an order of its own; here it is that of the
pool, which is Quarry's rule.
"""

import json
import pathlib
import random
import tempfile

import numpy

import hnmine_icl
import report
import texts
from external_live import FAULTS, TOPICS

SEED = 42
TOKENS = 64  # of a text: vectors are the same for both, so that more would only take longer


def main():
    checks = report.Checks()
    with tempfile.TemporaryDirectory() as folder:
        scratch = pathlib.Path(folder)
        pool, rows = make_data(scratch)
        with checks.check("vectors of queries and pool"):
            ranking, scores = rank(scratch, pool, rows)
            gaps = -numpy.diff(scores, axis=1)
            assert (gaps > 0).all(), "two scores are equal: the ranking is not the only one"
        for name, window, wanted, shuffled in [
            ("drawn from a window", (2, 60), 7, False), ("a deep window", (2, 150), 15, False), ("shuffled as the fork does", (0, 100), 5, True),
            ("all that a window leaves", (0, 9), 8, False),
        ]:
            with checks.check(f"{name}: every negative"):
                compare(scratch, pool, rows, ranking, window, wanted, shuffled)
        with checks.check("filled up: what the window leaves, and others as many"):
            fill(scratch, pool, rows, ranking, (0, 6), 10)
    with checks.check("decoder-only-icl with an instruction: every negative"), tempfile.TemporaryDirectory() as folder:
        hnmine_icl.check(pathlib.Path(folder))
    for name, read, cases in [
        ("cranfield", cranfield, [("the fork's window", (2, 200), 15, False), ("positives fill a short window", (0, 12), 8, False)]),
        ("eedi", eedi, [("the fork's window, shuffled", (2, 200), 15, True), ("the best", (0, 50), 5, False)]),
    ]:
        with tempfile.TemporaryDirectory() as folder:
            scratch = pathlib.Path(folder)
            try:
                pool, rows = read(scratch)
            except report.Skip as reason:
                checks.skip(name, str(reason))
                continue
            with checks.check(f"{name}: vectors of queries and pool"):
                ranking, _ = rank(scratch, pool, rows)
            for case, window, wanted, shuffled in cases:
                with checks.check(f"{name}: {case}"):
                    compare(scratch, pool, rows, ranking, window, wanted, shuffled)
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
    return order, numpy.take_along_axis(scores, order, axis=1)


def mine(scratch, window, wanted, *flags):
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


def fill(scratch, pool, rows, ranking, window, wanted):
    left = draw(random.Random(SEED), pool, rows, ranking, window, wanted)
    got = [json.loads(line)["neg"] for line in mine(scratch, window, wanted)]
    for i, (mined, drawn, row) in enumerate(zip(got, left, rows)):
        assert len(drawn) < wanted == len(mined), f"row {i}: {len(mined)} negatives"
        assert mined[:len(drawn)] == drawn, f"row {i}: {mined}, want {drawn} first"
        assert set(mined) <= set(pool) and not set(mined) & set(row["pos"]), f"row {i}: {mined}"


if __name__ == "__main__":
    main()
