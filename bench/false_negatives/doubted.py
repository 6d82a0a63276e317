"""How many of the negatives that Quarry's queue puts first are hidden answers: `quarry audit --queue` of what was mined."""

import collections
import random

from setting import lines

LENGTHS = [25, 50, 100, 200, 400]
RESAMPLED = 1000


def queue(setting, source, window, *flags):
    """The queue of what is mined of a source's candidates, each of a window or with flags that draw some."""
    every = [] if "--negatives" in flags else ["--negatives", window.split("-")[1], "--sampling", "top"]
    rows, side, asked = (setting.work / name for name in ("queued.jsonl", "queued.side.jsonl", "queue.jsonl"))
    setting.run("mine", "--candidates", setting.candidates(source), *setting.data(), "--window", window, *every, *flags, "--output", rows, "--provenance", side)
    setting.run("audit", "--rows", rows, "--provenance", side, "--queue", asked)
    right = [(row["query"], row["passage"] in setting.hidden[row["query"]]) for row in lines(asked)]
    mined = [(row["quarry"]["key"], n["id"]) for row in lines(rows) for n in row["quarry"]["negatives"]]
    return {"negatives": len(mined), "hidden_negatives": sum(p in setting.hidden[q] for q, p in mined), "length": len(right), "hidden": sum(r for _, r in right),
            "at": {str(n): {"precision": precision(right, n), "interval": interval(right, n, sorted(setting.known), setting.seed)} for n in LENGTHS if n <= len(right)}}


def precision(right, n, times=None):
    """The share of answers among the first n of a queue; with times, in which each query counts so often."""
    left, found = n, 0
    for query, answer in right:
        taken = min(left, 1 if times is None else times[query])
        left, found = left - taken, found + taken * answer
        if left == 0:
            break
    return found / max(1, n - left)


def interval(right, n, queries, seed):
    """The 95% interval of that precision, queries drawn with replacement."""
    draws = random.Random(f"{seed} {n}")
    found = sorted(precision(right, n, collections.Counter(draws.choices(queries, k=len(queries)))) for _ in range(RESAMPLED))
    return [found[RESAMPLED * 25 // 1000], found[RESAMPLED * 975 // 1000 - 1]]
