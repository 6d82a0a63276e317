"""Alternates sentence-transformers and `quarry embed` on one input and prints both rates and their ratio; bench/run calls it.

Quarry's time is that of the whole process, loading included; the peer's is that of encode alone. Both get the same
texts, maximum length, precision (f32) and number of threads, and their vectors are compared at the end.
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
            ours.append(result["tokens"] / run_quarry(arguments, source, scratch))
            print(f"round {turn}: sentence-transformers {peer[-1]:.0f} tok/s (batch {sizes[0]}), quarry {ours[-1]:.0f} tok/s", flush=True)
        apart = abs(numpy.load(scratch / "peer.npy") - numpy.load(scratch / "quarry.npy")).max()
    print(json.dumps({
        "schema": 1, "texts": result["texts"], "tokens": result["tokens"], "max_length": arguments.max_length,
        "threads": arguments.threads, "sentence_transformers": peer, "quarry": ours,
        "ratio_of_medians": statistics.median(ours) / statistics.median(peer), "largest_difference": float(apart),
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
               "--max-length", arguments.max_length, "--threads", arguments.threads, "--output", scratch / "peer.npy"]
    for size in sizes:
        command += ["--batch-size", size]
    environment = {**os.environ, "OMP_NUM_THREADS": str(arguments.threads)}
    done = subprocess.run(list(map(str, command)), stdout=subprocess.PIPE, text=True, check=True, env=environment)
    return json.loads(done.stdout.splitlines()[-1])


def run_quarry(arguments, source, scratch):
    """Seconds from start to exit."""
    start = time.perf_counter()
    report.quarry(
        "embed", "--model", arguments.model, "--input", source, "--output", scratch / "quarry.npy",
        "--max-length", arguments.max_length, "--precision", "f32",
        env={**os.environ, "GOMAXPROCS": str(arguments.threads)})
    return time.perf_counter() - start


if __name__ == "__main__":
    main()
