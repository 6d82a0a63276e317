"""Checks that the committed fixtures are what their scripts make today, so that none is edited by hand or left behind.

Those of SCRIPTS. tokenizer_fixture.py, icl_fixture.py and minehard_fixture.py are run by the live scripts of their subjects, and
measures_live.py makes new cases by measures_fixture.py. Five want libraries that this environment lacks; they are run by hand, in
the environment that each names at its head: mteb_fixture.py, parquet_fixture.py, stats_fixture.py, tensorboard_fixture.py and
training_fixture.py.

Floats may differ by rounding (another processor sums in another order); everything else is equal.
"""

import json
import multiprocessing
import os
import pathlib
import runpy
import sys
import tempfile

import peft  # noqa: F401  this and the next two for the scripts, which then need not import them anew
import sentence_transformers  # noqa: F401
import torch  # noqa: F401
from safetensors.torch import load_file

import fixture
import report

SCRIPTS = ["adamw_fixture.py", "infonce_fixture.py", "losses_fixture.py", "bert_fixture.py", "dense_fixture.py", "encoders_fixture.py", "cross_encoder_fixture.py", "pairs_fixture.py", "decoder_fixture.py", "grown_fixture.py",
           "steps_fixture.py", "lora_curve_fixture.py", "bm25_fixture.py", "adapter_fixture.py", "torch_fixture.py"]
RELATIVE = 1e-5  # torch's float32 AdamW over 50 steps is the loosest of them
TENSORS = 3e-5  # of a tensor's largest value, or of 1: float32 sums, whose order is another from processor to processor
LOOSER = {"lora_curve.json": 1e-3}  # 20 steps of a whole network in float32, where each feeds on the rounding of those before


def main():
    checks = report.Checks()
    for script in SCRIPTS:
        with tempfile.TemporaryDirectory() as folder:
            with checks.check(f"{script} runs"):
                run(script, folder)
            for made in sorted(path for path in pathlib.Path(folder).rglob("*") if path.is_file()):
                name = made.relative_to(folder)
                with checks.check(f"{name}"):
                    compare(fixture.ROOT / name, made)
    checks.finish()


def run(script, folder):
    """Runs a script in a process of its own."""
    with tempfile.TemporaryFile("w+") as said:
        process = multiprocessing.get_context("fork").Process(target=run_here, args=(script, folder, said.fileno()))
        process.start()
        process.join()
        said.seek(0)
        assert process.exitcode == 0, said.read()[-2000:]


def run_here(script, folder, said):
    os.dup2(said, sys.stdout.fileno())
    os.dup2(said, sys.stderr.fileno())
    sys.argv = [script, "--output", folder]
    runpy.run_path(str(pathlib.Path(__file__).parent / script), run_name="__main__")


def compare(committed, made):
    assert committed.exists(), "not committed"
    if made.suffix == ".json":
        found = difference_of_json(committed, made)
    elif made.suffix == ".safetensors":
        found = difference_of_tensors(committed, made)
    else:
        found = None if committed.read_bytes() == made.read_bytes() else "bytes differ"
    assert found is None, found


def difference_of_json(committed, made):
    want, got = (json.loads(path.read_text()) for path in (committed, made))
    for content in (want, got):  # the interpreter that made it is told, not compared
        if isinstance(content, dict) and "header" in content:
            content["header"].pop("python")
    return fixture.difference(want, got, LOOSER.get(committed.name, RELATIVE))


def difference_of_tensors(committed, made):
    want, got = (load_file(path) for path in (committed, made))
    if want.keys() != got.keys():
        return f"tensors {sorted(want.keys() ^ got.keys())} on one side only"
    for name in want:
        if want[name].shape != got[name].shape or want[name].dtype != got[name].dtype:
            return f"{name}: {want[name].dtype}{tuple(want[name].shape)} committed, {got[name].dtype}{tuple(got[name].shape)} now"
        if not want[name].numel():
            continue
        committed_values, made_values = want[name].double(), got[name].double()
        apart, largest = abs(committed_values - made_values).max().item(), abs(committed_values).max().item()
        if not apart <= TENSORS * max(1, largest):
            return f"{name}: differs by {apart}, the largest value being {largest}"
    return None


if __name__ == "__main__":
    main()
