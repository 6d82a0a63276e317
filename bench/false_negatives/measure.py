"""What each rule of mining keeps out of the negatives of answers that nobody judged, and how good the queue of doubtful negatives is.

    go build -o quarry ./cmd/quarry
    python3 bench/false_negatives/measure.py --quarry ./quarry --corpus corpus.jsonl.gz --queries queries.jsonl --qrels test.tsv \\
        [--model DIR] [--teacher DIR [--teacher-kind embedder]] [--seed 1] --json results.json --table table.md

Of every query with several positives half of them, by a hash of seed, query and passage, are hidden: mining knows the others
alone. A hidden one that becomes eligible is a false negative that a rule has let through. Candidates are ranked once, by BM25
and with --model by a model too, 100 deep; every rule is then asked by `quarry mine --what-if --judgments`, which mines nothing. A teacher scores the candidates of
each source once, but for those of the model that it is itself.
Needs Python's own library alone.
"""

import argparse
import gzip
import hashlib
import json
import math
import os
import pathlib
import subprocess
import tempfile

DEPTH = 100
NEAR = 0.05  # view/queue.go: how close to the lowest positive a negative is doubted
RULES = [  # name, flags, whether scores of BM25 have a part in it that means something
    ("window 0-100 alone", [], True),
    ("window 2-100", ["--window", "2-100"], True),
    ("window 10-100", ["--window", "10-100"], True),
    ("window 30-100", ["--window", "30-100"], True),
    ("margin 0: nothing above the lowest positive", ["--margin", "0"], True),
    ("margin 0.05", ["--margin", "0.05"], False),
    ("margin 0.1", ["--margin", "0.1"], False),
    ("relative margin 0.05 (share of positive 0.95)", ["--relative-margin", "0.05"], True),
    ("relative margin 0.2", ["--relative-margin", "0.2"], True),
    ("max score 0.5", ["--max-score", "0.5"], False),
    ("max score 0.4", ["--max-score", "0.4"], False),
    ("hub limit 10", ["--hub-limit", "10"], True),
    ("near text 0.3", ["--near-text", "0.3"], True),
    ("window 10-100 and relative margin 0.05", ["--window", "10-100", "--relative-margin", "0.05"], True),
]
TEACHER_MARGINS = [0, 0.05, 0.1]
QUEUE = [25, 50, 100, 200, 400]


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    for name in ("quarry", "corpus", "queries", "qrels", "json", "table"):
        parser.add_argument("--" + name, type=pathlib.Path, required=True)
    parser.add_argument("--model", type=pathlib.Path)
    parser.add_argument("--teacher", type=pathlib.Path)
    parser.add_argument("--teacher-kind", choices=["cross-encoder", "embedder"], default="cross-encoder")
    parser.add_argument("--seed", default="1")
    o = parser.parse_args()
    with tempfile.TemporaryDirectory() as scratch:
        results = measure(o, pathlib.Path(scratch))
    o.json.write_text(json.dumps(results, indent=1) + "\n")
    o.table.write_text(table(results))


def measure(o, scratch):
    judged = read_qrels(o.qrels)
    known, hidden = hide(judged, o.seed)
    texts = {row["_id"]: row["text"] for row in map(json.loads, open_(o.queries))}
    write_queries(scratch / "known.jsonl", texts, known)
    write_queries(scratch / "all.jsonl", texts, {query: judged[query] for query in known})
    sources = ["bm25"] + (["dense"] if o.model else [])
    results = {"quarry": run(o.quarry, "--version").strip(), "seed": o.seed, "depth": DEPTH, "queries": len(known),
               "known": sum(map(len, known.values())), "hidden": sum(map(len, hidden.values())), "sources": {}}
    ranked = {source: rank(o, scratch, source) for source in sources}
    said = {}  # teacher's name: source: file of its scores
    if o.teacher:
        said[o.teacher.name] = {s: teach(o, scratch, s) for s in sources if s != "dense" or o.teacher.resolve() != o.model.resolve()}
    passages = {row["_id"]: full_text(row) for row in map(json.loads, open_(o.corpus))}
    for source in sources:
        scores = {name: files[source] for name, files in said.items() if source in files}
        results["sources"][source] = {"rules": rules(o, scratch, source, scores), "queue": queue([ranked[source]], hidden)}
        for name, file in scores.items():
            voted = by_teacher(file, ranked[source], known, texts, passages)
            results["sources"][source].setdefault("queue_with_teacher", {})[name] = {
                "agreement": queue([ranked[source]], hidden, voted), "alone": queue([voted], hidden)}
    if len(sources) > 1:
        results["queue_of_both"] = queue([ranked["dense"], ranked["bm25"]], hidden)
    return results


def full_text(row):
    """A passage as Quarry reads it: the title, a space, the text."""
    return f"{row.get('title', '')} {row['text']}".strip()


def open_(path):
    return gzip.open(path, "rt") if path.suffix == ".gz" else path.open()


def read_qrels(path):
    judged = {}
    for line in path.read_text().splitlines()[1:]:
        query, passage, grade = line.split("\t")
        if int(grade) > 0:
            judged.setdefault(query, []).append(passage)
    return judged


def hide(judged, seed):
    """Of each query with several positives, the rounded-down half that a hash puts first is hidden."""
    known, hidden = {}, {}
    for query, passages in judged.items():
        if len(passages) < 2:
            continue
        order = sorted(passages, key=lambda p: hashlib.sha256(f"{seed} {query} {p}".encode()).hexdigest())
        half = len(order) // 2
        hidden[query], known[query] = order[:half], order[half:]
    return known, hidden


def write_queries(path, texts, positives):
    path.write_text("".join(json.dumps({"id": q, "query": texts[q], "positive_ids": p}) + "\n" for q, p in positives.items()))


def run(*command, **environment):
    done = subprocess.run([str(word) for word in command], text=True, capture_output=True, env=os.environ | environment)
    if done.returncode:
        raise SystemExit(f"{command}: {done.stderr}")
    return done.stdout


def rank(o, scratch, source):
    """Keeps a source's candidates, and returns where they all stand: of each query the positives' scores and (passage, score)."""
    side = scratch / f"{source}.side"
    model = ["--model", o.model] if source == "dense" else []
    run(o.quarry, "mine", "--source", source, *model, "--corpus", o.corpus, "--queries", scratch / "known.jsonl", "--window", f"0-{DEPTH}", "--negatives", DEPTH,
        "--sampling", "top", "--save-candidates", scratch / f"{source}.cand", "--output", scratch / f"{source}.jsonl", "--provenance", side)
    rows = {}
    for row in map(json.loads, side.read_text().splitlines()[1:]):
        rows[row["key"]] = (row.get("positive_score"), [(n["id"], n["score"]) for n in row["negatives"]])
    return rows


def rules(o, scratch, source, scores):
    found = []
    asked = [(name, flags) for name, flags, any_score in RULES if any_score or source != "bm25"]
    for name, file in scores.items():
        asked += [(f"teacher margin {margin} ({name})", ["--teacher-scores", file, "--teacher-margin", margin]) for margin in TEACHER_MARGINS]
    for name, flags in asked:
        window = [] if "--window" in flags else ["--window", f"0-{DEPTH}"]
        printed = json.loads(run(
            o.quarry, "mine", "--what-if", "--json", "--candidates", scratch / f"{source}.cand", "--corpus", o.corpus, "--queries", scratch / "known.jsonl",
            "--judgments", scratch / "all.jsonl", "--negatives", 15, *window, *flags))
        found.append({"rule": name, **measures(printed["settings"][0], found)})
    return found


def teach(o, scratch, source):
    """The file of what the teacher says of every candidate of a source and of the known positives."""
    cache = scratch / f"{source}.taught"
    run(o.quarry, "mine", "--candidates", scratch / f"{source}.cand", "--corpus", o.corpus, "--queries", scratch / "known.jsonl", "--window", f"0-{DEPTH}",
        "--teacher", o.teacher, "--teacher-kind", o.teacher_kind, "--teacher-margin", 0, "--output", scratch / "taught.jsonl", QUARRY_CACHE=str(cache))
    [scores] = (cache / "teacher-scores").glob("*.jsonl")
    return scores


def by_teacher(file, ranked, known, texts, passages):
    """A source's candidates as rank returns them, by a teacher's scores."""
    said = {row["pair"]: row["score"] for row in map(json.loads, file.read_text().splitlines()[1:])}
    score = lambda query, passage: said[pair(texts[query], passages[passage])]
    return {query: (min(score(query, p) for p in known[query]), [(p, score(query, p)) for p, _ in candidates]) for query, (_, candidates) in ranked.items()}


def pair(query, passage):
    """The name of a pair in a file of a teacher's scores: docs/formats/teacher-scores.md."""
    return hashlib.sha256(len(query.encode()).to_bytes(8, "little") + query.encode() + passage.encode()).hexdigest()[:32]


def measures(outcome, before):
    """Of the hidden answers among the candidates, those that the rules take out; and what else they take out."""
    judged, eligible = outcome["judged"], round(outcome["survivors"] * outcome["queries"])
    here = {"candidates": judged["candidates"], "hidden_left": judged["eligible"], "others_left": eligible - judged["eligible"],
            "false_negatives": outcome["false_negatives"], "short": outcome["short"], "dropped": {k: v for k, v in judged["dropped"].items() if v}}
    first = before[0] if before else here
    out = first["hidden_left"] - here["hidden_left"]
    others = first["others_left"] - here["others_left"]
    here["kept_out"] = out / first["hidden_left"]
    here["others_out"] = others / first["others_left"]
    here["precision"] = out / (out + others) if out + others else None
    return here


def queue(sources, hidden, teacher=None):
    """The queue as quarry view orders it: candidates that score above the lowest positive or within 5% below it, or by a teacher no lower than it,
    by the number of sources and teachers that agree, then by how far above the first source puts it; what it does not doubt comes last."""
    doubted = []
    for query in sources[0]:
        found = {}
        for first, source in enumerate(sources):
            positive, candidates = source[query]
            if positive is None:
                continue
            for passage, score in candidates:
                over = score - positive
                if over >= -NEAR * abs(positive):
                    agree, most = found.get(passage, (0, -math.inf if first else over))
                    found[passage] = (agree + 1, most)
        positive, candidates = teacher[query] if teacher else (None, [])
        for passage, score in candidates:
            if score >= positive:
                agree, most = found.get(passage, (0, -math.inf))
                found[passage] = (agree + 1, most)
        doubted += [(-agree, -most, query, passage) for passage, (agree, most) in found.items()]
    doubted.sort()
    right = [passage in hidden[query] for _, _, query, passage in doubted]
    candidates = {(query, passage) for source in sources for query, (_, ranked) in source.items() for passage, _ in ranked}
    known = sum(passage in hidden[query] for query, passage in candidates)
    return {"length": len(right), "hidden": sum(right), "of": known, "at": {str(n): sum(right[:n]) / n for n in QUEUE if n <= len(right)}}


def table(results):
    lines = []
    for source, found in results["sources"].items():
        first = found["rules"][0]
        lines += [f"{source}: {first['hidden_left']} hidden answers among {first['hidden_left'] + first['others_left']} candidates", "",
                  "| rule | hidden answers kept out | other candidates dropped | precision | judged positive of 15 drawn | queries short |", "|---|---|---|---|---|---|"]
        for row in found["rules"]:
            precision = "" if row["precision"] is None else f"{100 * row['precision']:.1f}%"
            lines.append(f"| {row['rule']} | {100 * row['kept_out']:.1f}% | {100 * row['others_out']:.1f}% | {precision} | {100 * row['false_negatives']:.2f}% | {row['short']} |")
        lines.append("")
    queues = []
    for source, found in results["sources"].items():
        queues.append((source, found["queue"]))
        for name, with_teacher in found.get("queue_with_teacher", {}).items():
            queues += [(f"{source} and teacher ({name}), agreement first", with_teacher["agreement"]), (f"{source}, by the teacher alone ({name})", with_teacher["alone"])]
    if "queue_of_both" in results:
        queues.append(("both, agreement first", results["queue_of_both"]))
    lines += ["| queue by | " + " | ".join(f"first {n}" for n in QUEUE) + " | all of it | hidden answers in it |", "|---|" + "---|" * (len(QUEUE) + 2)]
    for name, q in queues:
        cells = [f"{100 * q['at'][str(n)]:.1f}%" if str(n) in q["at"] else "" for n in QUEUE]
        lines.append(f"| {name} | " + " | ".join(cells) + f" | {100 * q['hidden'] / q['length']:.1f}% of {q['length']} | {q['hidden']} of {q['of']} |")
    return "\n".join(lines) + "\n"


if __name__ == "__main__":
    main()
