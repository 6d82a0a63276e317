"""A case of hnmine_live.py: decoder-only-icl with an instruction, on a small decoder.

What hn_mine.py embeds is FlagEmbedding's text of a query (its instruction in its format, the query, the suffix) and a passage as it
is. These texts, put together here, are embedded by `quarry embed` without any prompt; by their ranking the negatives are drawn.
"""

import json
import random

import numpy

import decoders_live
import hnmine_live
import report
import texts

TASK = "Find the fault behind a pupil's wrong answer."
QUERY = f"<instruct>{TASK}\n<query>{{}}\n<response>"
WINDOW, WANTED, SEED = (2, 60), 7, 42


def check(scratch):
    """Every negative, and that the instruction has a part in them."""
    model = decoders_live.mistral(scratch / "decoder", "lasttoken")
    pool, rows = hnmine_live.make_data(scratch)
    passages = vectors(scratch, model, "passages", pool)
    asked = vectors(scratch, model, "asked", [QUERY.format(row["query"]) for row in rows])
    bare = vectors(scratch, model, "bare", [row["query"] for row in rows])
    want = drawn(pool, rows, asked @ passages.T)
    output = scratch / "mined.jsonl"
    report.quarry(
        "mine", "--embedder_name_or_path", model, "--embedder_model_class", "decoder-only-icl", "--pooling_method", "last_token",
        "--query_instruction_for_retrieval", TASK, "--query_instruction_format", r"<instruct>{}\n<query>{}",
        "--input_file", scratch / "rows.jsonl", "--output_file", output, "--candidate_pool", scratch / "pool.jsonl",
        "--range_for_sampling", f"{WINDOW[0]}-{WINDOW[1]}", "--negative_number", WANTED, "--use_fp16", "False",
        "--embedder_query_max_length", 256, "--embedder_passage_max_length", 256)
    got = [row["neg"] for row in map(json.loads, output.read_text().splitlines())]
    for i, (mined, wanted) in enumerate(zip(got, want, strict=True)):
        assert mined == wanted, f"row {i}: {mined}, want {wanted}"
    assert want != drawn(pool, rows, bare @ passages.T), "the instruction changes no negative"


def vectors(scratch, model, name, list_of):
    source, target = texts.write(scratch / f"{name}.jsonl", list_of), scratch / f"{name}.npy"
    report.quarry("embed", "--model", model, "--input", source, "--output", target, "--max-length", 256)
    return numpy.load(target).astype(numpy.float64)


def drawn(pool, rows, scores):
    scores = scores.astype(numpy.float32)
    order = numpy.argsort(-scores, axis=1, kind="stable")
    gaps = -numpy.diff(numpy.take_along_axis(scores, order, axis=1), axis=1)
    assert (gaps > 0).all(), "two scores are equal: the ranking is not the only one"
    return hnmine_live.draw(random.Random(SEED), pool, rows, order, WINDOW, WANTED)
