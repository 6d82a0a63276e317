"""Second opinions: what a teacher says of a ranking's candidates."""

import hashlib
import json

import rules
from setting import lines

EMBEDDER, CROSS_ENCODERS = "all-MiniLM-L6-v2", "cross-encoders"


def embedder(setting, source):
    """The model as a teacher, by name, of a source that it has no part in: the file of what it says."""
    return {EMBEDDER: ask(setting, source, rules.TOP, setting.model, "embedder")} if source == "bm25" else {}


def cross_encoders(setting, source, folds):
    """Cross-encoders of folds as a teacher, by name, of a source's first ranks: the file of what those say that do not know the query."""
    return {CROSS_ENCODERS: ask(setting, source, rules.NEAREST, folds, "cross-encoder")}


def ask(setting, source, window, teacher, kind):
    """The file of what a teacher says of a source's candidates in a window and of the known positives: that of a run's round."""
    name = f"{source}-{kind}"
    recipe = setting.work / f"{name}.yaml"
    vectors = {f"{part}_vectors": str(setting.vectors[texts]) for part, texts in (("corpus", "corpus"), ("train", "known"), ("dev", "others"))}
    recipe.write_text(json.dumps({
        "model": str(setting.model), "data": {"corpus": str(setting.corpus), "train": str(setting.queries), "dev": str(setting.others)},
        "mine": {"sources": [source if source == "bm25" else {"kind": "vectors", **vectors}], "window": window, "negatives": rules.NEGATIVES,
                 "teacher": {"model": str(teacher), "kind": kind, "margin": 0}}}))
    setting.run("mine", recipe, "--round", 0, "--dir", setting.work / name)
    return setting.work / name / "round-0" / "teacher-scores.jsonl"


def orders(setting, asked, scores):
    """How a teacher by its file of scores orders the pairs that are in the file of another: how often an answer that mining knew, and one that was
    hidden, scores above a candidate that is neither."""
    pairs, said = ({row["pair"]: row["score"] for row in lines(file)[1:]} for file in (asked, scores))
    known, hidden = [], []
    for query, positives in setting.known.items():
        of = {p: said[name] for p, text in setting.passages.items() if (name := pair(setting.texts[query], text)) in pairs}
        others = [score for p, score in of.items() if p not in positives and p not in setting.hidden[query]]
        known.append(in_order([of[p] for p in positives], others))
        hidden.append(in_order([of[p] for p in setting.hidden[query] if p in of], others))
    return {"known": mean(known), "hidden": mean(hidden)}


def in_order(answers, others):
    """The share of pairs of an answer and another candidate whose answer scores higher, ties by half; none without a pair."""
    return sum((a > o) + (a == o) / 2 for a in answers for o in others) / (len(answers) * len(others)) if answers and others else None


def mean(shares):
    """The mean of the queries that have a share."""
    there = [share for share in shares if share is not None]
    return sum(there) / len(there)


def pair(query, passage):
    """The name of a pair: docs/formats/teacher-scores.md."""
    return hashlib.sha256(len(query.encode()).to_bytes(8, "little") + query.encode() + passage.encode()).hexdigest()[:32]
