"""Compares arms of arms.py query by query and prints Markdown rows for docs/results.

    python compare.py arms.jsonl                          # the comparisons of docs/results/eedi-minilm.md, on all queries
    python compare.py arms.jsonl --pair A/1-A/0           # arm A's round 1 less arm A's round 0
    python compare.py arms.jsonl --apart train.jsonl dev.jsonl   # and on queries whose answer training has, and the others, apart
    python compare.py mining.jsonl --against default      # every arm less that one, by mining.py
    python compare.py arms.jsonl --curves                 # every epoch of every arm, seed and round

Each query's difference of average precision is first averaged over the seeds that both arms have. The interval resamples
questions, with all their queries; the test swaps the two arms question by question. So both say how far the result
depends on these dev questions; how far it depends on the training seed is in the column of single seeds only. Beside each
p value stands the one that Holm's method corrects for the number of rows in the same table.
"""

import argparse
import dataclasses
import json
import pathlib

import numpy

PAIRS = {
    "A/0-T/0": "round 0, Quarry less torch",
    "A/1-A/0": "round 1 less round 0, same budget",
    "B/1-A/1": "round 1, trained from merged less from base",
    "B/1-A/0": "round 1 trained from merged less round 0, twice its steps in all",
    "C/0-A/0": "LoRA less full, round 0",
    "C/1-A/1": "LoRA less full, round 1",
}


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("results", type=pathlib.Path, help="what arms.py wrote")
    parser.add_argument("--pair", action="append", help="ARM/ROUND-ARM/ROUND; may be repeated")
    parser.add_argument("--apart", nargs=2, type=pathlib.Path, metavar=("TRAIN", "DEV"), help="compare seen and unseen queries apart, too")
    parser.add_argument("--against", metavar="ARM", help="compare round 0 of every other arm with this one's")
    parser.add_argument("--resamples", type=int, default=10_000)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--curves", action="store_true", help="print every epoch in place of the comparisons")
    arguments = parser.parse_args()
    if arguments.curves:
        print_curves(arguments.results)
        return
    arms = read_arms(arguments.results)
    if arguments.against:
        print_against(arms, arguments)
        return
    found = {}
    for pair in arguments.pair or PAIRS:
        left, right = (tuple(name.split("/")) for name in pair.split("-"))
        if left in arms and right in arms:
            for part, queries in parts(arguments).items():
                found[pair, part] = difference(pair, only(queries, arms[left]), only(queries, arms[right]), arguments)
        elif arguments.pair:
            raise SystemExit(f"{arguments.results} has no {pair}; there are {sorted('/'.join(arm) for arm in arms)}")
    corrected = holm({key: d.p for key, d in found.items()})
    print("| comparison | seeds | MAP@25 | against | difference | 95 % interval | p | p, Holm | by seed |")
    print("|---|---|---|---|---|---|---|---|---|")
    for (pair, part), d in found.items():
        name = f"the same, {part}" if part else PAIRS.get(pair, pair)
        print(f"| {name} | {d.seeds} | {d.left:.4f} | {d.right:.4f} | {d.mean:+.4f} | {d.low:+.4f} to {d.high:+.4f} | {d.p:.4f} | {corrected[pair, part]:.4f} | {d.by_seed} |")
    print()
    print(f"Interval: bootstrap by question, {arguments.resamples:,} resamples. " + tests(len(found), arguments))


def tests(number, arguments):
    """What the columns of p values are."""
    return (
        f"p: paired randomisation by question, {arguments.resamples:,} draws; p, Holm: corrected for the {number} tests of this table. "
        "All on differences averaged over seeds: the variance between training seeds is in the column by seed only."
    )


def parts(arguments):
    """Which of dev's queries are compared, in file order, by name; None is all."""
    if not arguments.apart:
        return {"": None}
    train, dev = ([json.loads(line) for line in path.read_text().splitlines() if line.strip()] for path in arguments.apart)
    known = {row["correct_id"] for row in train}
    seen = [row["correct_id"] in known for row in dev]
    return {"": None, "seen": seen, "unseen": [not s for s in seen]}


def only(queries, arm):
    """The arm's queries that are chosen, of every seed."""
    if queries is None:
        return arm
    return {seed: [row for row, wanted in zip(rows, queries, strict=True) if wanted] for seed, rows in arm.items()}


def print_against(arms, arguments):
    """A row for each arm's round 0 less that of one of them; with --apart a table for each part of the queries."""
    base = (arguments.against, "0")
    if base not in arms:
        raise SystemExit(f"{arguments.results} has no {arguments.against}; there are {sorted(arm for arm, _ in arms)}")
    for part, queries in parts(arguments).items():
        chosen = {arm: only(queries, seeds) for (arm, index), seeds in arms.items() if index == "0"}
        own = chosen.pop(arguments.against)
        found = {arm: difference(arm, seeds, own, arguments) for arm, seeds in chosen.items()}
        corrected = holm({arm: d.p for arm, d in found.items()})
        print(f"| {part} | seeds | MAP@25 | less {arguments.against} | 95 % interval | p | p, Holm | by seed |")
        print("|---|---|---|---|---|---|---|---|")
        print(f"| {arguments.against} | {', '.join(map(str, sorted(own)))} | {numpy.mean([[q['ap@25'] for q in rows] for rows in own.values()]):.4f} | | | | | |")
        for arm, d in sorted(found.items(), key=lambda item: -item[1].mean):
            print(f"| {arm} | {d.seeds} | {d.left:.4f} | {d.mean:+.4f} | {d.low:+.4f} to {d.high:+.4f} | {d.p:.4f} | {corrected[arm]:.4f} | {d.by_seed} |")
        print()
    print(tests(len(found), arguments))


def holm(p):
    """Holm's correction: of m values the smallest times m, the next times m - 1, …, never falling and at most 1."""
    least, corrected = 0.0, {}
    for rank, name in enumerate(sorted(p, key=p.get)):
        least = max(least, min(1.0, (len(p) - rank) * p[name]))
        corrected[name] = least
    return corrected


def print_curves(path):
    """A row for each arm, round and seed, and one for the mean over seeds; measures of the chosen epoch are those of its line."""
    curves = {}
    for line in map(json.loads, path.read_text().splitlines()):
        curves.setdefault((line["arm"], line["round"]), {}).setdefault(line["seed"], []).append(line)
    print("| arm, round | seed | MAP@25 by epoch, from 0 | Recall@25/50/75/100 | MAP@25 unseen |")
    print("|---|---|---|---|---|")
    for (arm, round_index), seeds in sorted(curves.items()):
        found = [curve_values(lines) for _, lines in sorted(seeds.items())]
        names = [str(seed) for seed in sorted(seeds)]
        if len(found) > 1:
            found.append([numpy.mean(values, axis=0) for values in zip(*found)])
            names.append("mean")
        for seed, (maps, recalls, unseen) in zip(names, found):
            curve = " ".join(f"{v:.4f}" for v in maps)
            print(f"| {arm}, {round_index} | {seed} | {curve} | {'/'.join(f'{v:.4f}' for v in recalls)} | {unseen:.4f} |")


def curve_values(lines):
    """MAP@25 of each epoch, and the recalls and the unseen queries' MAP@25 of the chosen one, which has its queries beside it."""
    chosen = next(line for line in lines if "per_query" in line)
    recalls = [chosen[f"recall@{k}"] for k in (25, 50, 75, 100)]
    return [line["map@25"] for line in lines], recalls, chosen["unseen"]["map@25"]


def read_arms(path):
    """{(arm, round): {seed: the chosen epoch's line}}; an error where lines were computed with different numerics."""
    arms, identities = {}, set()
    for line in map(json.loads, path.read_text().splitlines()):
        identities.add(line["identity"])
        if "per_query" in line:
            arms.setdefault((line["arm"], str(line["round"])), {})[line["seed"]] = line["per_query"]
    if len(identities) > 1:
        raise SystemExit(f"{path}: arms of different numeric identity cannot be compared: {sorted(identities)}")
    return arms


@dataclasses.dataclass(frozen=True)
class Difference:
    """Of MAP@25 of two arms, over the seeds that both have."""

    seeds: str
    left: float
    right: float
    mean: float
    low: float  # of the interval
    high: float
    p: float
    by_seed: str


def difference(name, left, right, arguments):
    seeds = sorted(left.keys() & right.keys())
    if not seeds:
        raise SystemExit(f"{name}: no seed in common")
    a, b = (numpy.array([[q["ap@25"] for q in arm[seed]] for seed in seeds]) for arm in (left, right))  # [seeds, queries]
    questions = [q["question"] for q in left[seeds[0]]]
    differences = (a - b).mean(axis=0)
    low, high = interval(differences, questions, arguments)
    return Difference(", ".join(map(str, seeds)), a.mean(), b.mean(), differences.mean(), low, high,
                      randomisation(differences, questions, arguments), ", ".join(f"{d:+.4f}" for d in (a - b).mean(axis=1)))


def sums_by_question(differences, questions):
    """Sum of differences and count of queries, a question each."""
    _, index = numpy.unique(questions, return_inverse=True)
    return numpy.bincount(index, weights=differences), numpy.bincount(index)


def interval(differences, questions, arguments):
    """The percentile bootstrap interval of the mean; questions are drawn whole."""
    sums, counts = sums_by_question(differences, questions)
    generator = numpy.random.default_rng(arguments.seed)
    drawn = generator.integers(len(sums), size=(arguments.resamples, len(sums)))
    return numpy.percentile(sums[drawn].sum(axis=1) / counts[drawn].sum(axis=1), [2.5, 97.5])


def randomisation(differences, questions, arguments):
    """The share of random signs, one a question, whose mean is as far from 0 as the true one (which counts as a draw)."""
    sums, _ = sums_by_question(differences, questions)
    signs = numpy.random.default_rng(arguments.seed).choice([-1.0, 1.0], size=(arguments.resamples, len(sums)))
    extreme = numpy.abs(signs @ sums) >= abs(sums.sum()) - 1e-12
    return (extreme.sum() + 1) / (arguments.resamples + 1)


if __name__ == "__main__":
    main()
