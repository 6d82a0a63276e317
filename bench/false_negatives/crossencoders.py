"""Cross-encoders that are fine-tuned out of fold, on what is mined by the known positives alone."""

import json

from setting import lines

MINED = 3  # negatives of a row
TRAINED = ["--kind", "cross-encoder", "--folds", 2, "--epochs", 3, "--batch", 8, "--group-size", MINED + 1, "--learning-rate", 1e-4, "--max-length", 96]


def train(setting):
    """The directory of the folds. The hidden answers have no part, and what they say of it chooses nothing."""
    folds = setting.work / "cross-encoders"
    setting.run("finetune", "--model", setting.model, "--train", mined(setting), *TRAINED, "--output", folds)
    return folds


def mined(setting):
    """A row for each known positive, with negatives behind the first ranks of both rankings fused."""
    drawn, rows = setting.work / "drawn.jsonl", setting.work / "trained.jsonl"
    setting.run("mine", "--candidates", setting.candidates("rrf"), *setting.data(), "--reference", "each", "--window", "10-100", "--negatives", MINED, "--output", drawn)
    rows.write_text("".join(json.dumps(row) + "\n" for row in map(worded, lines(drawn)) if row["pos"] and row["neg"]))
    return rows


def worded(row):
    """A mined row without passages that have no words, which no training takes: Cranfield judges one of them an answer."""
    return {"query": row["query"]} | {side: [text for text in row[side] if text.strip()] for side in ("pos", "neg")}


def losses(folds):
    """Of each fold's training the rows, the loss of its last epoch, and that over the fold that was left out, before the training and after each epoch."""
    trained = json.loads((folds / "folds.json").read_text())["folds"]
    epochs = [json.loads((folds / f"fold-{n}" / "epochs.json").read_text())["epochs"] for n in range(len(trained))]
    return [{"trained": fold["trained"], "held_out": fold["held_out"], "loss": fold["loss"], "eval_losses": [epoch["eval_loss"] for epoch in each]}
            for fold, each in zip(trained, epochs)]
