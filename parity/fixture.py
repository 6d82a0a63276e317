"""What the *_fixture.py scripts share: a header with versions, files small enough to read, and a comparison.

    python parity/adamw_fixture.py                  # writes the fixture where the Go tests read it
    python parity/adamw_fixture.py --output FOLDER  # writes it below FOLDER, to compare

A fixture is made by one library at one version and committed, so that `go test ./...` needs no Python.
"""

import argparse
import importlib.metadata
import json
import math
import pathlib
import platform
import sys

ROOT = pathlib.Path(__file__).resolve().parent.parent


def output(path):
    """The path that this run writes: path itself, below the repository or below --output."""
    parser = argparse.ArgumentParser(description=sys.modules["__main__"].__doc__.splitlines()[0])
    parser.add_argument("--output", type=pathlib.Path, default=ROOT, help="folder to write below in place of the repository")
    target = parser.parse_args().output / path
    (target.parent if target.suffix else target).mkdir(parents=True, exist_ok=True)
    return target


def header(*packages):
    """Where a fixture comes from: its command and the versions that made it."""
    versions = {name: importlib.metadata.version(name) for name in packages}
    return {"command": f"python parity/{pathlib.Path(sys.argv[0]).name}", "python": platform.python_version(), **versions}


def tidy(folder):
    """Takes out of a saved model's files what depends on the machine and not on the model."""
    import torch

    path = folder / "config_sentence_transformers.json"
    content = json.loads(path.read_text())
    content["__version__"]["pytorch"] = torch.__version__.split("+")[0]
    path.write_text(json.dumps(content, indent=2) + "\n")
    path = folder / "tokenizer_config.json"
    content = json.loads(path.read_text())
    content = {k: v for k, v in content.items() if k not in ("is_local", "local_files_only")}
    path.write_text(json.dumps(content, indent=2) + "\n")


def write_json(path, content):
    """Writes content with one entry of a list of cases a line. Numbers keep their shortest exact form."""
    path.write_text(dumps(content, depth=2) + "\n")


def dumps(value, depth):
    if depth and isinstance(value, dict):
        return "{\n" + ",\n".join(f"{json.dumps(k)}: {dumps(v, depth - 1)}" for k, v in value.items()) + "\n}"
    if depth and isinstance(value, list) and value and isinstance(value[0], dict):
        return "[\n" + ",\n".join(dumps(v, 0) for v in value) + "\n]"
    return json.dumps(value, allow_nan=False)


def single(values):
    """Nested lists of a float32 tensor, each number the shortest decimal that reads back as the same float32."""
    import numpy

    if isinstance(values, (list, tuple)):
        return [single(v) for v in values]
    array = values.detach().numpy() if hasattr(values, "detach") else numpy.asarray(values)
    return json.loads(json.dumps(array.tolist(), default=float), parse_float=lambda s: float(str(numpy.float32(s))))


def difference(want, got, relative, where=""):
    """The first place where two JSON values differ by more than relative (numbers) or at all (the rest); else None."""
    if isinstance(want, float) or isinstance(got, float):
        near = isinstance(want, (int, float)) and isinstance(got, (int, float))
        near = near and math.isclose(want, got, rel_tol=relative, abs_tol=relative)
        return None if near else f"{where}: {want} committed, {got} now"
    if type(want) is not type(got):
        return f"{where}: {type(want).__name__} committed, {type(got).__name__} now"
    if isinstance(want, dict):
        if want.keys() != got.keys():
            return f"{where}: keys {sorted(want)} committed, {sorted(got)} now"
        pairs = [(f"{where}.{key}", want[key], got[key]) for key in want]
    elif isinstance(want, list):
        if len(want) != len(got):
            return f"{where}: {len(want)} items committed, {len(got)} now"
        pairs = [(f"{where}[{i}]", w, g) for i, (w, g) in enumerate(zip(want, got))]
    else:
        return None if want == got else f"{where}: {want!r} committed, {got!r} now"
    return next((found for at, w, g in pairs if (found := difference(w, g, relative, at))), None)
