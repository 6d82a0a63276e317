"""Exact search: faiss' IndexFlatIP against Quarry, both on float32 vectors in memory.

The peer's index is built before the clock starts; Quarry's time holds all that it makes of the vectors, above all their
conversion. What `quarry search` takes from start to exit, reading the files and writing the run, stands beside it.
"""

import json
import os
import statistics

import numpy

import rounds
import setting as settings

DIM, DEPTH = 384, 200


def measure(setting, row):
    passages, queries = setting.size((1_000_000, 512), (2000, 16))
    files = ["--passages", vectors(setting, "passages", passages), "--queries", vectors(setting, "queries", queries)]
    found = setting.scratch / "faiss"
    blas, tried, last, whole, one = *choose(setting, files), {}, [], []

    def theirs():
        last.update(run_peer(setting, files, blas, "--output", found))
        return last["seconds"]

    def ours():
        result = run_quarry(setting, files)
        one.append(result["one_query"])
        whole.append(setting.quarry("search", "--corpus-vectors", files[1], "--query-vectors", files[3], "--depth", DEPTH,
                                    "--output", setting.file("run.trec")))
        return result["seconds"]

    result = rounds.compare("s", *rounds.alternate(setting.rounds, theirs, ours, setting.tell))
    for side in ("peer", "quarry"):
        result[side]["gflops"] = 2 * passages * queries * DIM / result[side]["median"] / 1e9
    batches = run_peer(setting, files, blas, "--batch", 64)["seconds"]
    result["peer"] |= {"choice": blas, "tried": tried, "versions": last["versions"], "libraries": last["libraries"],
                       "start_up": "not timed, nor building the index", "further": {"the same in batches of 64, s": batches}}
    result["quarry"] |= {"start_up": "not timed", "further": {
        "of this with one query alone, which is checking and converting the passages, s": statistics.median(one),
        "quarry search from start to exit, s": statistics.median(whole)}}
    return result | {"passages": passages, "queries": queries, "agreement": agree(setting.scratch / "run.trec", found, queries)}


def vectors(setting, name, rows):
    """A .npy file of random unit vectors."""
    path = setting.file(f"{name}.npy")
    draw = numpy.random.default_rng(sum(map(ord, name)))
    out = numpy.lib.format.open_memmap(path, "w+", numpy.float32, (rows, DIM))
    for first in range(0, rows, 50_000):
        block = draw.standard_normal((min(50_000, rows - first), DIM), numpy.float32)
        out[first:first + len(block)] = block / numpy.linalg.norm(block, axis=1, keepdims=True)
    out.flush()
    return path


def choose(setting, files):
    """The peer's faster OPENBLAS_* setting."""
    tried = {name: run_peer(setting, files, name)["seconds"] for name in setting.blas_settings()}
    for name, seconds in tried.items():
        setting.tell(f"tried: {name}: {seconds:.2f} s")
    return min(tried, key=tried.get), tried


def run_peer(setting, files, blas, *more):
    found, _ = setting.peer("faiss_search.py", *files, "--depth", DEPTH, "--threads", setting.threads, *more,
                            blas=setting.blas_settings()[blas])
    return found


def run_quarry(setting, files):
    path = ["--cpu", setting.cpu or os.environ.get("QUARRY_CPU", "")]
    command = [setting.go_program("./search/internal/rate"), *files, "--depth", DEPTH, "--workers", setting.threads, *path]
    return json.loads(settings.run(command, setting.environment()))


def agree(run, found, queries):
    """The share of ranks at which both put the same passage, and how far the two scores at a rank are apart at most."""
    ids, scores = (numpy.load(f"{found}-{name}.npy") for name in ("ids", "scores"))
    rank, same, apart = [0] * queries, 0, 0.0
    for line in run.read_text().splitlines():
        query, _, passage, _, score, _ = line.split()
        query = int(query)
        at, rank[query] = rank[query], rank[query] + 1
        same += int(passage) == ids[query, at]
        apart = max(apart, abs(float(score) - float(scores[query, at])))
    return {"same_ranks": same / ids.size, "score_difference": apart}
