"""What the rows of bench/run share: where things are, how many threads each side gets, and how both are started.

Every child gets the same threads and no OPENBLAS_* variable but those that are tried on purpose.
"""

import json
import os
import pathlib
import subprocess
import sys
import time

HERE = pathlib.Path(__file__).resolve().parent
ROOT = HERE.parent

LIBRARY = ("internal_api", "version", "architecture", "num_threads")  # what is kept of threadpoolctl's words


class Failed(Exception):
    """A row cannot be measured; the text says why. The other rows go on."""


class Setting:
    """One run of bench/run."""

    def __init__(self, arguments, scratch):
        self.rounds, self.threads, self.tiny, self.cpu = arguments.rounds, arguments.threads, arguments.tiny, arguments.cpu
        self.data, self.model, self.tokenizers, self.scratch = arguments.data, arguments.model, arguments.tokenizers, scratch
        self.path = None  # of the processor, once that is known
        self.kept = {}

    def tell(self, line):
        """A line of progress, to standard error."""
        print(line, file=sys.stderr, flush=True)

    def size(self, full, tiny):
        """How much work: tiny is for trying the scripts."""
        return tiny if self.tiny else full

    def once(self, name, make):
        """What several rows need is made for the first of them."""
        if name not in self.kept:
            self.kept[name] = make()
        return self.kept[name]

    def file(self, name):
        """A path in the scratch folder where nothing is: every output is fresh."""
        path = self.scratch / name
        path.unlink(missing_ok=True)
        return path

    def environment(self, **more):
        """The variables of a child. Numbers of threads are for libraries that ask no other way."""
        plain = {name: value for name, value in os.environ.items() if not name.startswith("OPENBLAS_")}
        n = str(self.threads)
        return plain | {"GOMAXPROCS": n, "OMP_NUM_THREADS": n, "RAYON_NUM_THREADS": n, "TOKENIZERS_PARALLELISM": "true"} | more

    def blas_settings(self):
        """What is tried of OPENBLAS_* for a peer, by how it is called: nothing set, and what is set where bench/run starts,
        else the core type that some machines set for the sake of old builds."""
        given = {name: value for name, value in os.environ.items() if name.startswith("OPENBLAS_")}
        given = given or {"OPENBLAS_CORETYPE": "Haswell"}
        return {"no OPENBLAS_*": {}, " ".join(f"{name}={value}" for name, value in sorted(given.items())): given}

    def python(self, name="peers"):
        """The interpreter of an environment of peers."""
        def make():
            done = subprocess.run([HERE / "environment", name], stdout=subprocess.PIPE, text=True, check=True)
            return done.stdout.strip()
        return self.once(f"python of {name}", make)

    def peer(self, script, *arguments, environment="peers", blas=None, **options):
        """Runs a script of peers/ and returns the JSON object on its last line, and the seconds from start to exit."""
        command = [self.python(environment), HERE / "peers" / script, *arguments]
        start = time.perf_counter()
        out = run(command, self.environment(**(blas or {})), **options)
        seconds = time.perf_counter() - start
        found = json.loads(out.splitlines()[-1])
        if "libraries" in found:
            found["libraries"] = [{key: library.get(key) for key in LIBRARY} for library in found["libraries"]]
        return found, seconds

    def quarry(self, *arguments):
        """Runs quarry; returns the seconds from start to exit."""
        command = self.quarry_command(*arguments)
        start = time.perf_counter()
        run(command, self.environment())
        return time.perf_counter() - start

    def quarry_command(self, *arguments):
        """The command line of a quarry command that computes."""
        path = ["--cpu", self.cpu] if self.cpu else []
        return [os.environ["QUARRY_BIN"], *arguments, "--workers", self.threads, *path]

    def go_program(self, package):
        """Builds a program of this repository and returns its path."""
        def make():
            binary = self.scratch / package.replace("/", "-").strip(".-")
            run(["go", "build", "-o", binary, package], {**os.environ, "CGO_ENABLED": "0"}, cwd=ROOT)
            return binary
        return self.once(package, make)


def run(command, environment, **options):
    """Standard output of a command; where it fails, the end of what it said."""
    command = list(map(str, command))
    done = subprocess.run(command, env=environment, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, **options)
    if done.returncode != 0:
        raise Failed(f"{' '.join(command)}: exit code {done.returncode}\n{done.stderr[-3000:]}")
    return done.stdout


def read_rows(path):
    """The objects of a JSONL file."""
    return [json.loads(line) for line in path.read_text().splitlines() if line.strip()]


def write_rows(path, rows):
    """Writes JSONL and returns the path."""
    path.write_text("".join(json.dumps(row, ensure_ascii=False) + "\n" for row in rows))
    return path
