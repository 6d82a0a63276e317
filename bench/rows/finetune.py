"""Fine-tuning: peers/torch_trainer.py against `quarry finetune`, in full with steps of 32 queries with 8 passages each, and
by LoRA on a decoder with steps of 8.

Both train one epoch on the same rows, each with one positive and seven mined negatives, so that all steps together hold
the same texts, repeated ones encoded as often as they come. Both write a line to steps.jsonl as a step ends; a step's time
is that between two lines, and start-up, the first steps and saving are in none.
"""

import dataclasses
import json
import statistics
import subprocess
import time

import rounds
import setting as settings

GROUP, MAX_LENGTH = 8, 256
SKIPPED = 2  # first steps
PROJECTIONS = "q_proj,k_proj,v_proj,o_proj,gate_proj,up_proj,down_proj"
LORA = ["--lora-rank", 64, "--lora-alpha", 32, "--lora-dropout", 0.1, "--lora-targets", PROJECTIONS]


@dataclasses.dataclass(frozen=True)
class Step:
    """What is trained, and how the peer does it."""

    precision: str  # the peer's
    queries: int = 32
    steps: int = 12
    lora: bool = False  # of the decoder, else in full of the setting's model


STEPS = {
    "finetune-f32": Step("f32"),
    "finetune-bf16": Step("bf16"),
    "lora-f32": Step("f32", queries=8, steps=6, lora=True),
    "lora-bf16": Step("bf16", queries=8, steps=6, lora=True),
}


def measure(setting, row):
    step = STEPS[row.name]
    steps = setting.size(step.steps, 3)
    rows = setting.once(f"{steps} steps of {step.queries}", lambda: training_rows(setting, steps * step.queries))
    model = setting.once("decoder", lambda: decoder(setting)) if step.lora else setting.model
    chunk, blas, tried = choose(setting, step, model, rows)
    losses = {"peer": [], "quarry": []}

    def theirs():
        seconds, loss = run_peer(setting, step, model, rows, chunk, steps, blas)
        losses["peer"].append(loss)
        return seconds

    def ours():
        seconds, loss = run_quarry(setting, step, row, model, rows)
        losses["quarry"].append(loss)
        return seconds

    result = rounds.compare("s a step", *rounds.alternate(setting.rounds, theirs, ours, setting.tell))
    result["peer"] |= {"choice": f"{chunk} sequences at a time, {blas}", "tried": tried, "start_up": "not timed", **loaded(setting, blas)}
    result["quarry"]["start_up"] = "not timed"
    return result | {"steps": steps - SKIPPED, "mean_loss": {side: statistics.mean(values) for side, values in losses.items()}}


def training_rows(setting, count):
    """Mines negatives for Eedi's train queries and keeps as many rows as the steps take."""
    eedi, mined = setting.data / "eedi", setting.file("mined.jsonl")
    queries = settings.write_rows(setting.file("train.jsonl"), settings.read_rows(eedi / "train.jsonl")[:count])
    setting.quarry("mine", "--model", setting.model, "--corpus", eedi / "corpus.jsonl", "--queries", queries, "--output", mined,
                   "--window", "2-200", "--negatives", GROUP - 1, "--max-length", MAX_LENGTH)
    rows = [{"query": r["query"], "pos": r["pos"][:1], "neg": r["neg"]} for r in settings.read_rows(mined)]
    if len(rows) != count or any(len(r["neg"]) != GROUP - 1 for r in rows):
        raise settings.Failed(f"{mined}: {len(rows)} rows, not {count} with {GROUP - 1} negatives each")
    return settings.write_rows(setting.file(f"rows-{count}.jsonl"), rows)


def decoder(setting):
    """Mistral's shape, 8 layers of 1,024 (2 of 256 in a trial)."""
    hidden, layers = setting.size((1024, 8), (256, 2))
    model = setting.scratch / "decoder"
    setting.peer("random_mistral.py", "--tokenizer", setting.tokenizers / "mistral-7b-v0.1", "--hidden", hidden, "--layers", layers,
                 "--positions", 512, "--output", model)
    return model


def choose(setting, step, model, rows):
    """The peer's fastest chunk of sequences encoded at a time and OPENBLAS_* setting, of few steps each. A run with dropout
    masks that are not torch's own is shown beside them."""
    chunks = (16, 32, 64) if step.lora else (16, 32, 64, step.queries * GROUP)
    tried = {}
    for blas in setting.blas_settings():
        for chunk in chunks:
            tried[chunk, blas] = run_peer(setting, step, model, rows, chunk, SKIPPED + 1, blas)[0]
        chunks = (min(tried, key=tried.get)[0],)  # the other settings are tried with the best chunk
    best, blas = min(tried, key=tried.get)
    shown = {f"{chunk} sequences at a time, {name}": seconds for (chunk, name), seconds in tried.items()}
    shown[f"{best} sequences at a time, {blas}, masks from numpy"] = run_peer(
        setting, step, model, rows, best, SKIPPED + 1, blas, "--fast-dropout")[0]
    for what, seconds in shown.items():
        setting.tell(f"tried: {what}: {seconds:.2f} s a step")
    return best, blas, shown


def run_peer(setting, step, model, rows, chunk, steps, blas, dropout="--no-fast-dropout"):
    output = fresh(setting, "peer-training")
    return watch([setting.python(), settings.HERE / "peers" / "torch_trainer.py", "--model", model, "--train", rows, "--output", output,
                  *shared(), "--queries", step.queries, "--group", GROUP, "--mask-positives", "--max-steps", steps, "--chunk", chunk, dropout,
                  "--query-max-length", MAX_LENGTH, "--passage-max-length", MAX_LENGTH, *(LORA if step.lora else []),
                  "--precision", step.precision, "--threads", setting.threads], setting.environment(**setting.blas_settings()[blas]),
                 output / "steps.jsonl")


def run_quarry(setting, step, row, model, rows):
    output = fresh(setting, "quarry-training")
    return watch(setting.quarry_command(
        "finetune", "--model", model, "--train", rows, "--output", output, *shared(), "--batch", step.queries, "--group-size", GROUP,
        "--mask-known-positives", "--max-length", MAX_LENGTH, *(["--method", "lora", *LORA] if step.lora else []),
        "--precision", row.precision, "--save-every", 1000), setting.environment(), output / "steps.jsonl")


def shared():
    """Flags that both trainers have, with values that are not the default of both."""
    return ["--epochs", 1, "--learning-rate", 1e-4, "--temperature", 0.02, "--weight-decay", 0, "--clip", 1, "--schedule", "linear", "--seed", 1]


def fresh(setting, name):
    """A directory's path that no training has been in."""
    number = setting.kept[name] = setting.kept.get(name, 0) + 1
    return setting.scratch / f"{name}-{number}"


def watch(command, environment, log):
    """Runs a training and returns the mean seconds of a step after the first ones, and the mean loss of all steps. Looking
    every few milliseconds costs next to nothing beside a step.
    """
    with open(log.parent.with_suffix(".err"), "w+") as said:
        process = subprocess.Popen(list(map(str, command)), env=environment, stdout=subprocess.DEVNULL, stderr=said)
        ends = []
        while process.poll() is None:
            time.sleep(0.005)
            seen = log.read_bytes().count(b"\n") if log.exists() else 0
            ends += [time.perf_counter()] * (seen - len(ends))
        if process.returncode != 0:
            said.seek(0)
            raise settings.Failed(f"{' '.join(map(str, command))}: exit code {process.returncode}\n{said.read()[-3000:]}")
    losses = [json.loads(line)["loss"] for line in log.read_text().splitlines()]
    if len(ends) != len(losses):
        raise settings.Failed(f"{' '.join(map(str, command))}: ended before its last step was seen")
    return (ends[-1] - ends[SKIPPED - 1]) / (len(ends) - SKIPPED), statistics.mean(losses)


def loaded(setting, blas):
    """Versions of what the peer trains with, and the libraries that it computes with."""
    return setting.peer("loaded.py", "--threads", setting.threads, blas=setting.blas_settings()[blas])[0]
