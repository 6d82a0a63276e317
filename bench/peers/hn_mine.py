"""Does the work of FlagEmbedding's hn_mine.py with the FlagEmbedding package and faiss, on the processor, and prints how
long each part took as one JSON object.

    python bench/peers/hn_mine.py --model DIR --input rows.jsonl --pool pool.jsonl --output mined.jsonl

Texts of the pool are taken once, passages get no instruction, search goes in batches of 64, positives and the query's own
text are taken out of the ranks of --window, what is left is sampled, and what is missing is filled up from the pool.
--vectors saves what was embedded, queries.npy and passages.npy with passages.json, once the rest is done; `saving` says how
long that took.
"""

import argparse
import importlib.metadata
import json
import pathlib
import random
import time

import faiss
import numpy
import threadpoolctl
import torch
from FlagEmbedding import FlagModel

SEARCH_BATCH = 64


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--model", required=True)
    parser.add_argument("--input", required=True, type=pathlib.Path, help="JSONL with query, pos")
    parser.add_argument("--pool", required=True, type=pathlib.Path, help="JSONL with text")
    parser.add_argument("--output", required=True, type=pathlib.Path)
    parser.add_argument("--window", default="2-200")
    parser.add_argument("--negatives", type=int, default=15)
    parser.add_argument("--batch-size", type=int, default=256)
    parser.add_argument("--max-length", type=int, default=512)
    parser.add_argument("--pooling", default="mean")
    parser.add_argument("--instruction", required=True)
    parser.add_argument("--format", required=True, help="of instruction and query")
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument("--vectors", type=pathlib.Path)
    arguments = parser.parse_args()
    torch.set_num_threads(arguments.threads)
    faiss.omp_set_num_threads(arguments.threads)
    random.seed(42)
    clock = Clock()
    model = FlagModel(
        arguments.model, use_fp16=False, pooling_method=arguments.pooling, devices="cpu", batch_size=arguments.batch_size,
        query_max_length=arguments.max_length, passage_max_length=arguments.max_length,
        query_instruction_for_retrieval=arguments.instruction, query_instruction_format=arguments.format)
    rows = read(arguments.input)
    pool = list(dict.fromkeys(row["text"] for row in read(arguments.pool)))
    clock.end("loading")
    passages = model.encode(pool)
    queries = model.encode_queries([row["query"] for row in rows])
    clock.end("encoding")
    low, high = map(int, arguments.window.split("-"))
    ranked = search(passages, queries, high)
    clock.end("searching")
    mine(rows, [line[low:high] for line in ranked], pool, arguments.negatives)
    arguments.output.write_text("".join(json.dumps(row, ensure_ascii=False) + "\n" for row in rows))
    clock.end("sampling and writing")
    if arguments.vectors:
        numpy.save(arguments.vectors / "passages.npy", passages)
        numpy.save(arguments.vectors / "queries.npy", queries)
        (arguments.vectors / "passages.json").write_text(json.dumps(pool))
    clock.end("saving")
    print(json.dumps({
        "seconds": clock.parts, "versions": {name: importlib.metadata.version(name) for name in ("FlagEmbedding", "torch", "faiss-cpu")},
        "libraries": threadpoolctl.threadpool_info()}))


class Clock:
    """Seconds of each part."""

    def __init__(self):
        self.parts, self.last = {}, time.perf_counter()

    def end(self, part):
        now = time.perf_counter()
        self.parts[part], self.last = now - self.last, now


def read(path):
    return [json.loads(line) for line in path.read_text().splitlines()]


def search(passages, queries, depth):
    index = faiss.IndexFlatIP(passages.shape[1])
    index.add(numpy.asarray(passages, numpy.float32))
    ranked = []
    for first in range(0, len(queries), SEARCH_BATCH):
        _, ids = index.search(numpy.asarray(queries[first:first + SEARCH_BATCH], numpy.float32), depth)
        ranked += ids.tolist()
    return ranked


def mine(rows, windows, pool, count):
    """Gives every row its negatives: all draws among the ranked first, the filling afterwards."""
    for row, window in zip(rows, windows):
        left = [i for i in window if i >= 0 and pool[i] not in row["pos"] and pool[i] != row["query"]]
        row["neg"] = [pool[i] for i in (random.sample(left, count) if len(left) > count else left)]
    for row in rows:
        if missing := count - len(row["neg"]):
            drawn = random.sample(pool, missing + len(row["pos"]))
            row["neg"] += [text for text in drawn if text not in row["pos"]][:missing]


if __name__ == "__main__":
    main()
