"""Encoding Eedi: sentence-transformers on torch, OpenVINO and ONNX Runtime against `quarry embed`.

Quarry is the whole process, loading and writing included; of the peer encode alone is timed.
"""

import dataclasses
import json

import numpy

import agreement
import rounds
import setting as settings

MAX_LENGTH = 256


@dataclasses.dataclass(frozen=True)
class Peer:
    """A way to run sentence-transformers."""

    backend: str = "torch"
    precision: str = "f32"
    sizes: tuple = (8, 16, 32, 64, 128)  # batch sizes that are tried


PEERS = {
    "encode-default": Peer(sizes=(32,)),
    "encode-bf16": Peer(precision="bf16"),
    "encode-openvino": Peer("openvino"),
    "encode-onnx": Peer("onnx"),
    "encode-f32": Peer(),
}


@dataclasses.dataclass(frozen=True)
class Task:
    """What is encoded by which model."""

    name: str
    model: object  # directory
    texts: object  # JSONL file
    passages: int = 0  # texts of the beginning that the others are ranked against; 0 ranks nothing


def measure(setting, row):
    return against(setting, row, PEERS[row.name], setting.once("Eedi", lambda: eedi(setting)))


def eedi(setting):
    """The corpus first, then the queries."""
    rows = [{"text": row["text"]} for row in settings.read_rows(setting.data / "eedi" / "corpus.jsonl")]
    rows = rows[:setting.size(None, 40)]
    passages = len(rows)
    for name in ("train.jsonl", "dev.jsonl"):
        queries = settings.read_rows(setting.data / "eedi" / name)
        rows += [{"text": row["query"]} for row in queries[:setting.size(None, 12)]]
    return Task("eedi", setting.model, settings.write_rows(setting.file("eedi.jsonl"), rows), passages)


def against(setting, row, peer, task):
    """The result of a row that encodes."""
    size, blas, tried = choose(setting, peer, task)
    last = {}

    def theirs():
        last.update(run_peer(setting, peer, task, task.texts, [size], blas, setting.file("peer.npy")))
        return last["tokens_per_second"]

    def ours():
        return last["tokens"] / run_quarry(setting, task, row.precision, setting.file("quarry.npy"))

    result = rounds.compare("tokens/s", *rounds.alternate(setting.rounds, theirs, ours, setting.tell))
    operations = count(task.model, last)
    for side in ("peer", "quarry"):
        result[side]["gflops"] = result[side]["median"] * operations / last["tokens"] / 1e9
    result["peer"] |= {"choice": f"batch {size}, {blas}", "tried": tried, "versions": last["versions"], "libraries": last["libraries"],
                       "start_up": "not timed"}
    result["quarry"]["start_up"] = "timed: the whole process"
    reference = reference_vectors(setting, task)
    vectors = {side: numpy.load(setting.scratch / f"{side}.npy") for side in ("peer", "quarry")}
    result["least_cosine"] = {side: agreement.least_cosine(v, reference) for side, v in vectors.items()}
    if task.passages:
        result["top25"] = {side: agreement.top(v, reference, task.passages) for side, v in vectors.items()}
    return result | {"texts": last["texts"], "tokens": last["tokens"]}


def choose(setting, peer, task):
    """The peer's fastest batch size and OPENBLAS_* setting, on every eighth text, and what was tried."""
    rows = settings.read_rows(task.texts)
    sample = settings.write_rows(setting.file("sample.jsonl"), rows[::8] if len(rows) >= 512 else rows)
    tried, best = {}, (0, None, None)
    sizes = peer.sizes
    for name in setting.blas_settings():
        found = run_peer(setting, peer, task, sample, sizes, name, repeat=2)
        tried |= {f"batch {size}, {name}": rate for size, rate in found["tried"].items()}
        best = max(best, (found["tokens_per_second"], found["batch_size"], name), key=lambda b: b[0])
        sizes = (found["batch_size"],)
    for name, rate in tried.items():
        setting.tell(f"tried on a sample: {name}: {rate:,.0f} tokens/s")
    return best[1], best[2], tried


def run_peer(setting, peer, task, texts, sizes, blas, output=None, repeat=1):
    model, environment = task.model, "peers"
    if peer.backend != "torch":
        environment = "optimum"
        model = setting.once(f"{task.name} for {peer.backend}", lambda: export(setting, peer, task))
    command = ["--model", model, "--input", texts, "--max-length", MAX_LENGTH, "--threads", setting.threads, "--repeat", repeat,
               "--backend", peer.backend, "--precision", peer.precision]
    for size in sizes:
        command += ["--batch-size", size]
    if output:
        command += ["--output", output]
    found, _ = setting.peer("encode.py", *command, environment=environment, blas=setting.blas_settings()[blas])
    return found


def export(setting, peer, task):
    """The model in the form of OpenVINO or ONNX Runtime."""
    output = setting.scratch / f"{task.name}-{peer.backend}"
    setting.peer("encode.py", "--model", task.model, "--backend", peer.backend, "--export", output, environment="optimum")
    return output


def run_quarry(setting, task, precision, output):
    return setting.quarry("embed", "--model", task.model, "--input", task.texts, "--output", output, "--max-length", MAX_LENGTH,
                          "--precision", precision)


def reference_vectors(setting, task):
    """Vectors of sentence-transformers at f32."""
    def make():
        output = setting.file(f"{task.name}-reference.npy")
        run_peer(setting, Peer(), task, task.texts, [32], next(iter(setting.blas_settings())), output)
        return numpy.load(output)
    return setting.once(f"reference of {task.name}", make)


def count(model, counted):
    """Operations of an encoder's matrix products: per token four projections and two layers of the feed-forward part, per
    pair of a text's tokens a score and a weighted sum; a multiplication and an addition each.
    """
    config = json.loads((model / "config.json").read_text())
    h, i = config["hidden_size"], config["intermediate_size"]
    return config["num_hidden_layers"] * (counted["tokens"] * (8 * h * h + 4 * h * i) + counted["squares"] * 4 * h)
