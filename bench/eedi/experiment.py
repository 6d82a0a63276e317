"""What the experiments on Eedi share: the base recipe, running quarry on a changed one, reading its scores, results files.

A setting is a dict of changes to the base recipe by dotted key: {"finetune.learning_rate": 2e-4, "mine.window": "0-100"}.
A results file is JSONL; a line tells the digest of the settings that it was made with, so that another recipe's
results never pass for this one's.
"""

import copy
import hashlib
import json
import pathlib
import shutil
import signal
import subprocess
import sys

import yaml

# Every experiment changes this. depth is fixed so that another window needs no other search.
BASE = {
    "version": 1,
    "seed": 42,
    "precision": "auto",
    "lengths": {"query": 256, "passage": 256},
    "mine": {"window": "2-200", "negatives": 15, "depth": 200},
    "finetune": {
        "method": "full", "epochs": 3, "batch": 32, "group_size": 8, "learning_rate": 1e-4, "temperature": 0.02,
        "warmup_ratio": 0.1, "schedule": "linear", "mask_known_positives": True, "both_directions": False,
        "dropout": True, "save_every": 50,
    },
    "eval": {"metrics": ["map@25", "recall@25", "recall@50", "recall@75", "recall@100"]},
    "rounds": [{}],
}


def add_arguments(parser):
    """The flags of every script that runs quarry."""
    parser.add_argument("--quarry", required=True, type=pathlib.Path, help="the quarry binary")
    parser.add_argument("--model", required=True, type=pathlib.Path, help="model directory to start from")
    parser.add_argument("--corpus", required=True, type=pathlib.Path)
    parser.add_argument("--work", required=True, type=pathlib.Path, help="folder for run directories")
    parser.add_argument("--out", required=True, type=pathlib.Path, help="results file, JSONL; lines are added")
    parser.add_argument("--group-field", default="question_id", help="key of the queries that belong together (%(default)s)")
    parser.add_argument("--precision", default="auto", choices=["auto", "f32", "bf16"])
    parser.add_argument("--workers", type=int, help="processor cores to use (all)")
    parser.add_argument("--max-steps", type=int, help="cut every training short, to try the script out")
    # A quarry that is told to stop saves its state; a driver that is told to stop has to tell it.
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))


def changed(recipe, changes):
    """A copy of a recipe with changes by dotted key."""
    recipe = copy.deepcopy(recipe)
    for key, value in changes.items():
        *sections, last = key.split(".")
        section = recipe
        for name in sections:
            section = section.setdefault(name, {})
        section[last] = value
    return recipe


def base_recipe(arguments):
    """The base with what the command line says of precision and length."""
    changes = {"precision": arguments.precision}
    if arguments.max_steps:
        changes["finetune.max_steps"] = arguments.max_steps
    return changed(BASE, changes)


def read_yaml(path):
    """A YAML file; 1e-4 is a number in it, which PyYAML takes for text."""
    return numbers(yaml.safe_load(path.read_text()) or {})


def numbers(value):
    if isinstance(value, dict):
        return {key: numbers(v) for key, v in value.items()}
    if isinstance(value, list):
        return [numbers(v) for v in value]
    if isinstance(value, str):
        try:
            return float(value)
        except ValueError:
            return value
    return value


def digest(settings):
    """Identifies settings, whatever the order of their keys."""
    return hashlib.sha256(json.dumps(settings, sort_keys=True).encode()).hexdigest()[:16]


def run_recipe(arguments, recipe, train, dev, run_dir, until=None):
    """Runs a recipe on these files in a run directory; what is done there is kept. Quarry's notes go to RUN_DIR.log."""
    run_dir = run_dir.resolve()
    run_dir.parent.mkdir(parents=True, exist_ok=True)
    files = {
        "name": run_dir.name,
        "model": str(arguments.model.resolve()),
        "data": {"corpus": str(arguments.corpus.resolve()), "train": str(train.resolve()), "dev": str(dev.resolve()), "group_field": arguments.group_field},
    }
    if arguments.workers:
        files["workers"] = arguments.workers
    path = run_dir.with_name(run_dir.name + ".yaml")
    path.write_text(yaml.safe_dump({**recipe, **files}, sort_keys=False))
    stop = ["--until", until] if until else []
    run([arguments.quarry.resolve(), "run", path, "--dir", run_dir, *stop], run_dir.with_name(run_dir.name + ".log"))


def run(command, log):
    """Runs a program to its end, its output added to a log; an interruption waits until it has saved what it has."""
    with open(log, "ab") as sink:
        process = subprocess.Popen([str(part) for part in command], stdout=sink, stderr=subprocess.STDOUT)
        try:
            code = process.wait()
        except BaseException:
            process.terminate()
            process.wait()
            raise
    if code != 0:
        tail = "\n".join(log.read_text(errors="replace").splitlines()[-15:])
        raise SystemExit(f"{' '.join(map(str, command))}: exit code {code}; the end of {log}:\n{tail}")


def output_of(command):
    done = subprocess.run([str(part) for part in command], text=True, capture_output=True)
    if done.returncode != 0:
        raise SystemExit(f"{' '.join(map(str, command))}: exit code {done.returncode}: {done.stderr.strip()[-2000:]}")
    return done.stdout


def copy_run(source, target, parts):
    """Begins a run directory with finished stages of another: quarry keeps those whose stamps agree with its own recipe."""
    if target.exists():
        return
    unfinished = target.with_name(target.name + ".unfinished")
    shutil.rmtree(unfinished, ignore_errors=True)
    unfinished.mkdir(parents=True)
    for part in ("quarry.json", *parts):
        if (source / part).is_dir():
            shutil.copytree(source / part, unfinished / part, ignore=shutil.ignore_patterns("training-state"))
        else:
            (unfinished / part).parent.mkdir(parents=True, exist_ok=True)
            shutil.copy2(source / part, unfinished / part)
    unfinished.rename(target)


CANDIDATES = ("round-0/vectors", "round-0/candidates", "round-0/stamps/embed.json", "round-0/stamps/search.json")


def with_candidates(arguments, recipe, train, dev, run_dir):
    """Begins a run directory with the base's candidates, which all settings share: made once beside it."""
    shared = run_dir.parent / "candidates"
    if not all((shared / part).exists() for part in CANDIDATES):
        run_recipe(arguments, recipe, train, dev, shared, until="search")
    copy_run(shared, run_dir, CANDIDATES)


def identity(run_dir):
    """The numeric identity that a run was computed with."""
    return json.loads((run_dir / "quarry.json").read_text())["identity"]


def epoch_scores(arguments, run_dir, round_index):
    """One flat dict an epoch of a round: epoch, eval_loss, measures, and the same measures of seen and unseen queries."""
    report = json.loads(output_of([arguments.quarry, "report", run_dir, "--json"]))
    return [
        {"epoch": e["epoch"], "eval_loss": e["eval_loss"], **flat(e["dev"])} for e in report["rounds"][round_index]["epochs"]
    ]


def flat(scores):
    """Quarry's {queries, metrics, seen: …, unseen: …} with measures beside the count."""
    slices = {name: flat(scores[name]) for name in ("seen", "unseen") if scores.get(name)}
    return {"queries": scores["queries"], **(scores.get("metrics") or {}), **slices}


class Results:
    """A results file: what is in it, and whole runs added to it."""

    def __init__(self, path, key):
        self.path, self.key, self.lines = path, key, []
        if path.exists():
            self.lines = [json.loads(line) for line in path.read_text().splitlines() if line.strip()]

    def done(self, settings, **run):
        """Whether a run has its lines; an error when they were made with other settings."""
        found = [line for line in self.lines if all(line[k] == run[k] for k in self.key)]
        for line in found:
            if line["settings"] != digest(settings):
                raise SystemExit(f"{self.path}: {run} is there with other settings; choose another --out")
        return bool(found)

    def add(self, settings, lines):
        """Adds the lines of one run in one write, so that an interruption leaves none of them or all."""
        lines = [{**line, "settings": digest(settings)} for line in lines]
        self.path.parent.mkdir(parents=True, exist_ok=True)
        with open(self.path, "a") as out:
            out.write("".join(json.dumps(line) + "\n" for line in lines))
        self.lines += lines
