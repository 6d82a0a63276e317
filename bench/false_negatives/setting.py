"""What all measurements share: the judgments that are hidden, the files of the work folder, and quarry."""

import gzip
import hashlib
import json
import os
import pathlib
import platform
import subprocess


class Setting:
    def __init__(self, o):
        self.quarry, self.corpus, self.model, self.seed = o.quarry.resolve(), o.corpus.resolve(), o.model.resolve(), o.seed
        self.work = o.work.resolve()
        self.work.mkdir(parents=True, exist_ok=True)
        judged = read_qrels(o.qrels)
        self.known, self.hidden = hide(judged, self.seed)
        self.passages = {row["_id"]: passage(row) for row in map(json.loads, open_(self.corpus))}
        self.texts = texts = {row["_id"]: row["text"] for row in map(json.loads, open_(o.queries))}
        self.queries = write_queries(self.work / "known.jsonl", texts, self.known)
        self.judgments = write_queries(self.work / "all.jsonl", texts, {query: judged[query] for query in self.known})
        self.others = write_queries(self.work / "others.jsonl", texts, {query: p for query, p in judged.items() if query not in self.known})

    def run(self, *command):
        """What quarry prints. What it keeps between calls, such as a teacher's scores, is kept in the work folder."""
        command = [str(self.quarry), *map(str, command)]
        done = subprocess.run(command, text=True, capture_output=True, env=os.environ | {"QUARRY_CACHE": str(self.work / "cache")})
        if done.returncode:
            raise SystemExit(f"{' '.join(command)}: {done.stderr}")
        return done.stdout

    def embed(self):
        """Makes the vectors of passages and queries, which rankings and their fusions share."""
        self.vectors = {name: self.work / f"{name}.npy" for name in ("corpus", "known", "others")}
        for name, texts in ("corpus", self.corpus), ("known", self.queries), ("others", self.others):
            if not self.vectors[name].exists():
                self.run("embed", "--model", self.model, "--kind", "passage" if name == "corpus" else "query", "--input", texts, "--output", self.vectors[name])

    def data(self):
        """The flags of the texts and of what is known."""
        return ["--corpus", self.corpus, "--queries", self.queries]

    def candidates(self, source):
        """The file of a source's candidates."""
        return self.work / f"{source}.cand"


def passage(row):
    """A passage's words as Quarry reads them."""
    return f"{row.get('title', '')} {row['text']}".strip()


def open_(path):
    return gzip.open(path, "rt") if path.suffix == ".gz" else path.open()


def lines(path):
    """The objects of a file of JSONL."""
    return [json.loads(line) for line in path.read_text().splitlines()]


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
    return path


def machine(setting):
    """What was measured with, and where; the commit is that which last changed what quarry is built from."""
    doctor = json.loads(setting.run("doctor", "--json"))
    root = pathlib.Path(__file__).resolve().parents[2]
    git = lambda *arguments: subprocess.run(["git", *arguments], cwd=root, text=True, capture_output=True, check=True).stdout.strip()
    source = "*.go", "*.s", "go.mod"
    changed = git("status", "--porcelain", "--", *source)
    return {"processor": doctor["processor"], "cores": doctor["cores"], "path": doctor["path"], "precision": doctor["precision"],
            "go": doctor["go"].removeprefix("go"), "python": platform.python_version(),
            "commit": git("log", "-1", "--format=%h", "--", *source) + (" with changes" if changed else "")}
