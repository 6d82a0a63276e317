"""What each rule of mining keeps out of the negatives of answers that nobody judged, and how good the queue of doubtful negatives is.

    go build -o quarry ./cmd/quarry
    python3 bench/false_negatives/measure.py --quarry ./quarry --model all-MiniLM-L6-v2 --corpus corpus.jsonl.gz --queries queries.jsonl \\
        --qrels test.tsv --work false-negatives [--cross-encoders] [--seed 1] --json results.json [--page page.md]

Of every query with several positives half of them, by a hash of seed, query and passage, are hidden: mining knows the others
alone. A hidden one that becomes eligible is a false negative that a rule has let through. Candidates are ranked once, by the
model, by BM25 and by both fused, 100 deep. The model is a teacher of BM25's candidates; with
--cross-encoders some are trained out of fold, and asked of the first 30 of dense and of BM25.
The work folder keeps vectors, candidates, cross-encoders and the teachers' scores for a second time: take another one for another model, set or seed.
Needs Python's own library alone.
"""

import argparse
import json
import pathlib

import crossencoders
import doubted
import page
import rules
import teachers
from setting import Setting, machine


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    for name in ("quarry", "model", "corpus", "queries", "qrels", "work", "json"):
        parser.add_argument("--" + name, type=pathlib.Path, required=True)
    parser.add_argument("--cross-encoders", action="store_true")
    parser.add_argument("--seed", default="1")
    parser.add_argument("--page", type=pathlib.Path)
    o = parser.parse_args()
    setting = Setting(o)
    results = measure(setting)
    if o.cross_encoders:
        results["cross_encoders"] = by_cross_encoders(setting)
    o.json.write_text(json.dumps(results, indent=1) + "\n")
    if o.page:
        page.write(o.page, results)


def measure(setting):
    results = {"measured": machine(setting), "seed": setting.seed, "queries": len(setting.known), "known": count(setting.known), "hidden": count(setting.hidden),
               "sources": {}, "queues": {}}
    setting.embed()
    for source in rules.SOURCES:
        rules.rank(setting, source)
        said = teachers.embedder(setting, source)
        results["sources"][source] = {"rules": rules.outcomes(setting, source, rules.RULES + rules.taught(rules.TOP, said)),
                                      "each": rules.outcomes(setting, source, rules.EACH)}
        results["queues"][source] = doubted.queue(setting, source, rules.TOP)
        results["queues"] |= by_teachers(setting, source, rules.TOP, said)
        results["queues"][f"{source}, 15 drawn of 2-100"] = doubted.queue(setting, source, "2-100", "--negatives", rules.NEGATIVES)
    return results


def by_cross_encoders(setting):
    """What cross-encoders say out of fold of the first ranks, beside what the ranking and the embedder say."""
    folds = crossencoders.train(setting)
    found = {"training": crossencoders.losses(folds), "sources": {}, "orders": {}, "queues": {}}
    for source in rules.ASKED:
        said = teachers.embedder(setting, source) | teachers.cross_encoders(setting, source, folds)
        found["sources"][source] = rules.outcomes(setting, source, rules.OWN + rules.taught(rules.NEAREST, said))
        found["orders"] |= {f"{source}, {name}": teachers.orders(setting, said[teachers.CROSS_ENCODERS], scores) for name, scores in said.items()}
        found["queues"][f"{source}, {rules.NEAREST}"] = doubted.queue(setting, source, rules.NEAREST)
        found["queues"] |= by_teachers(setting, source, rules.NEAREST, said)
    return found


def by_teachers(setting, source, window, said):
    """The queue with the voice of each teacher."""
    return {f"{source} and teacher ({name})": doubted.queue(setting, source, window, "--teacher-scores", scores) for name, scores in said.items()}


def count(answers):
    return sum(map(len, answers.values()))


if __name__ == "__main__":
    main()
