"""Cuts a training file into folds by question: FOLD-I/train.jsonl and FOLD-I/dev.jsonl for each of K folds.

    python folds.py --train train.jsonl --out folds --folds 5 --seed 1

A question goes to the fold that a hash of seed and question decides, so the order of the file does not matter. Questions
that share a query's text go together: held out from one another they would be a leak, which quarry refuses.
"""

import argparse
import hashlib
import json
import pathlib


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--train", required=True, type=pathlib.Path)
    parser.add_argument("--out", required=True, type=pathlib.Path)
    parser.add_argument("--folds", type=int, default=5)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--group-field", default="question_id")
    parser.add_argument("--limit", type=int, help="take so many rows only, to try the scripts out")
    arguments = parser.parse_args()
    lines = [line for line in arguments.train.read_text().splitlines() if line.strip()][: arguments.limit]
    rows = [json.loads(line) for line in lines]

    representative = joined_questions(rows, arguments.group_field)
    fold_of = [fold(representative[row[arguments.group_field]], arguments.seed, arguments.folds) for row in rows]
    for i in range(arguments.folds):
        train = [n for n in range(len(rows)) if fold_of[n] != i]
        dev = [n for n in range(len(rows)) if fold_of[n] == i]
        if not train or not dev:
            raise SystemExit(f"fold {i} has {len(train)} train and {len(dev)} dev queries: make fewer folds")
        write(arguments.out / f"fold-{i}" / "train.jsonl", [lines[n] for n in train])
        write(arguments.out / f"fold-{i}" / "dev.jsonl", [lines[n] for n in dev])
        known = {p for n in train for p in rows[n]["pos"]}
        unseen = sum(not known & set(rows[n]["pos"]) for n in dev)
        questions = len({rows[n][arguments.group_field] for n in dev})
        print(f"fold {i}: {len(train)} train queries, {len(dev)} dev queries of {questions} questions, {unseen / len(dev):.1%} with an unseen positive")


def joined_questions(rows, field):
    """For each question, the least of those that are tied to it by a chain of equal query texts."""
    parent = {row[field]: row[field] for row in rows}

    def root(question):
        while parent[question] != question:
            question = parent[question]
        return question

    first = {}
    for row in rows:
        a, b = root(row[field]), root(first.setdefault(row["query"].strip(), row[field]))
        parent[max(a, b)] = min(a, b)
    return {question: root(question) for question in parent}


def fold(question, seed, folds):
    return int.from_bytes(hashlib.sha256(f"{seed}/{question}".encode()).digest()[:8], "big") % folds


def write(path, lines):
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text("".join(line + "\n" for line in lines))


if __name__ == "__main__":
    main()
