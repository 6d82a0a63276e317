"""Alternates sentence-transformers and `quarry embed` on one input and prints both rates and their ratio; bench/run calls it.

Quarry's time is that of the whole process, loading included; the peer's is that of encode alone. Both get the same
texts, maximum length, precision and number of threads. At the end both are compared with quarry's vectors at f32.
"""

import argparse
import json
import os
import pathlib
import statistics
import subprocess
import sys
import tempfile
import time

import numpy

HERE = pathlib.Path(__file__).resolve().parent
SHARED = HERE.parent.parent / "shared" / "data" / "eedi"
sys.path.insert(0, str(HERE.parent / "parity"))
import report  # noqa: E402


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--model", default=str(report.minilm()))
    parser.add_argument("--input", type=pathlib.Path, help='JSONL with "text"; default: the Eedi corpus and its dev queries')
    parser.add_argument("--max-length", type=int, default=256)
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument("--precision", default="f32", choices=["f32", "bf16"])
    parser.add_argument("--rounds", type=int, default=3, help="of both, in turn")
    arguments = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        scratch = pathlib.Path(folder)
        source = arguments.input or eedi(scratch / "texts.jsonl")
        # The first round tries the peer's batch sizes; the others keep the best.
        sizes, peer, ours = [], [], []
        for turn in range(1, arguments.rounds + 1):
            result = run_peer(arguments, source, scratch, sizes)
            sizes = [result["batch_size"]]
            peer.append(result["tokens_per_second"])
            ours.append(result["tokens"] / run_quarry(arguments, source, scratch / "quarry.npy", arguments.precision))
            print(f"round {turn}: sentence-transformers {peer[-1]:.0f} tok/s (batch {sizes[0]}), quarry {ours[-1]:.0f} tok/s", flush=True)
        run_quarry(arguments, source, scratch / "reference.npy", "f32")
        cosines = {name: least_cosine(scratch / f"{name}.npy", scratch / "reference.npy") for name in ("peer", "quarry")}
    print(json.dumps({
        "schema": 1, "texts": result["texts"], "tokens": result["tokens"], "max_length": arguments.max_length,
        "threads": arguments.threads, "precision": arguments.precision, "sentence_transformers": peer, "quarry": ours,
        "ratio_of_medians": statistics.median(ours) / statistics.median(peer), "least_cosine_to_f32": cosines,
    }))


def eedi(path):
    if not SHARED.exists():
        raise SystemExit("shared data absent: ../shared/data/eedi; give --input")
    rows = [json.loads(line)["text"] for line in (SHARED / "corpus.jsonl").read_text().splitlines()]
    rows += [json.loads(line)["query"] for line in (SHARED / "dev.jsonl").read_text().splitlines()]
    path.write_text("".join(json.dumps({"text": row}) + "\n" for row in rows))
    return path


def run_peer(arguments, source, scratch, sizes):
    command = [sys.executable, HERE / "encode_st.py", "--model", arguments.model, "--input", source,
               "--max-length", arguments.max_length, "--threads", arguments.threads, "--precision", arguments.precision,
               "--output", scratch / "peer.npy"]
    for size in sizes:
        command += ["--batch-size", size]
    environment = {**os.environ, "OMP_NUM_THREADS": str(arguments.threads)}
    done = subprocess.run(list(map(str, command)), stdout=subprocess.PIPE, text=True, check=True, env=environment)
    return json.loads(done.stdout.splitlines()[-1])


def least_cosine(path, reference):
    """The least cosine of two rows; the vectors have unit length, but for rounding."""
    a, b = (numpy.load(p).astype(numpy.float64) for p in (path, reference))
    return float(((a * b).sum(1) / numpy.linalg.norm(a, axis=1) / numpy.linalg.norm(b, axis=1)).min())


def run_quarry(arguments, source, output, precision):
    """Seconds from start to exit."""
    start = time.perf_counter()
    report.quarry(
        "embed", "--model", arguments.model, "--input", source, "--output", output,
        "--max-length", arguments.max_length, "--precision", precision,
        env={**os.environ, "GOMAXPROCS": str(arguments.threads)})
    return time.perf_counter() - start


if __name__ == "__main__":
    main()
