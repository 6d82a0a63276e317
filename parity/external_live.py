"""A round trained by an outside command: external_trainer.py (torch + PEFT) under `quarry run`, and on its own.

Quarry mines, hands over the mined file and the base, and judges, selects and merges what the trainer leaves. The
questions are written here: each passage answers two of them, so training has something to learn.
"""

import json
import os
import pathlib
import subprocess
import sys
import tempfile

import numpy
import peft
import yaml
from huggingface_hub import ModelCard
from sentence_transformers import SentenceTransformer
from transformers import AutoModel

import report
import texts

TRAINER = [sys.executable, str(pathlib.Path(__file__).with_name("external_trainer.py"))]
SETTINGS = ["--queries", "8", "--group", "4", "--rank", "8", "--threads", "1"]  # other scripts run beside this one
EPOCHS = 2
TOPICS = ["fractions", "decimals", "angles", "area", "ratios", "negative numbers", "place value", "averages"]
FAULTS = ["adds where it should multiply", "ignores the units", "reads the digits in reverse", "forgets the last step"]


def main():
    checks = report.Checks()
    with tempfile.TemporaryDirectory() as folder:
        scratch = pathlib.Path(folder)
        with checks.check("external_trainer.py leaves an adapter per epoch that PEFT loads"):
            trainer_alone(scratch)
        run = scratch / "run"
        with checks.check("quarry run with finetune.external goes through"):
            report.quarry("run", write_recipe(scratch), "--dir", run)
        with checks.check("quarry report shows epoch 0 and every epoch of the trainer"):
            epochs_in_report(run)
        with checks.check("the merged directory loads in sentence-transformers with quarry's vectors"):
            merged_equals_quarry(scratch, run)
        with checks.check("huggingface_hub reads the run's figures in the model's card"):
            card_has_figures(run)
    checks.finish()


def trainer_alone(scratch):
    mined = scratch / "mined.jsonl"
    mined.write_text("".join(
        json.dumps({"query": row["query"], "pos": row["pos"], "neg": [p for p in passages() if p not in row["pos"]][:5]}) + "\n"
        for row in questions()[0][:16]))
    output = scratch / "trained"
    environment = {
        **os.environ, "QUARRY_TRAIN": str(mined), "QUARRY_BASE": str(report.minilm()), "QUARRY_OUTPUT": str(output),
        "QUARRY_EPOCHS": str(EPOCHS), "QUARRY_SEED": "5"}
    done = subprocess.run(TRAINER + SETTINGS, env=environment, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr[-2000:]
    for epoch in range(1, EPOCHS + 1):
        model = peft.PeftModel.from_pretrained(AutoModel.from_pretrained(report.minilm()), str(output / f"epoch-{epoch}"))
        state = peft.get_peft_model_state_dict(model)
        assert any("lora_B" in k and v.abs().max() > 0 for k, v in state.items()), f"epoch {epoch}: every B is zero"


def write_recipe(scratch):
    """A corpus, train and dev queries, and a recipe of one round; returns the recipe's path."""
    train, dev = questions()
    texts.write(scratch / "corpus.jsonl", passages())
    for name, rows in (("train", train), ("dev", dev)):
        (scratch / f"{name}.jsonl").write_text("".join(json.dumps(row) + "\n" for row in rows))
    recipe = {
        "name": "external", "model": str(report.minilm()), "precision": "f32", "seed": 5,
        "data": {name: str(scratch / f"{name}.jsonl") for name in ("corpus", "train", "dev")},
        "mine": {"window": "0-20", "negatives": 5, "depth": 30},
        "eval": {"metrics": ["map@25", "recall@5"], "depth": 30},
        "finetune": {"epochs": EPOCHS, "external": {"command": TRAINER + SETTINGS}},
        "select": {"metric": "map@25"},
    }
    path = scratch / "recipe.yaml"
    path.write_text(yaml.safe_dump(recipe, sort_keys=False))
    return path


def passages():
    return [f"When working with {topic}, {fault}" for topic in TOPICS for fault in FAULTS]


def questions():
    """Train and dev queries, two for each passage in train and one in dev for every other."""
    train, dev = [], []
    for i, passage in enumerate(passages()):
        topic, fault = passage.removeprefix("When working with ").split(", ", 1)
        for n in range(3):
            row = {"query": f"Pupil {7 * i + n} on {topic}: question {n + 1} is wrong because the pupil {fault}", "pos": [passage]}
            if n < 2:
                train.append(row)
            elif i % 2:
                dev.append(row)
    return train, dev


def epochs_in_report(run):
    told = json.loads(report.quarry("report", run, "--json"))
    assert told["schema"] == 1, f"schema {told['schema']}"
    epochs = sorted({found["epoch"] for found in walk(told) if "epoch" in found and isinstance(found["epoch"], int)})
    assert epochs == list(range(EPOCHS + 1)), f"epochs {epochs} in the report"


def walk(value):
    """Every object inside a JSON value."""
    if isinstance(value, dict):
        yield value
        value = list(value.values())
    if isinstance(value, list):
        for item in value:
            yield from walk(item)


def merged_equals_quarry(scratch, run):
    found = [path.parent for path in run.rglob("modules.json")]
    assert len(found) == 1, f"model directories in the run: {[str(p) for p in found]}, want the merged one"
    source, target = texts.write(scratch / "texts.jsonl", texts.HARD), scratch / "vectors.npy"
    report.quarry("embed", "--model", found[0], "--input", source, "--output", target, "--precision", "f32")
    got = SentenceTransformer(str(found[0]), device="cpu").encode(texts.HARD, batch_size=4, show_progress_bar=False)
    assert abs(got - numpy.load(target)).max() <= 1e-5, f"vectors differ by {abs(got - numpy.load(target)).max():.2e}"


def card_has_figures(run):
    """The results of the card's front matter are the chosen epoch's in the report."""
    card = ModelCard.load(next(run.rglob("modules.json")).with_name("README.md"))
    told = json.loads(report.quarry("report", run, "--json"))["rounds"][0]
    chosen = next(epoch for epoch in told["epochs"] if epoch.get("chosen"))
    want = {("dev", measure): value for measure, value in chosen["dev"]["metrics"].items()}
    found = {(result.dataset_name, result.metric_type): result.metric_value for result in card.data.eval_results}
    assert found == want and len(want) == 2, (found, want)
    assert card.data.model_name == "external, round 0" and card.data.library_name == "sentence-transformers", card.data


if __name__ == "__main__":
    main()
