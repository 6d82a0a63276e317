"""Searches settings over folds: each changes one thing of the base, round 0 alone, every epoch scored on the fold's dev.

    python sweep.py --quarry QUARRY --model DIR --corpus corpus.jsonl --folds-dir folds --work W --out sweep.jsonl
    python sweep.py … --settings base,batch-64 --folds 0,1     # a part of it
    python sweep.py … --extra more.yaml                        # further settings, NAME: {dotted.key: value}
    python sweep.py … --table                                  # only print what there is

A finished (setting, fold) is skipped and an interrupted one goes on where it stopped. Embeddings and candidates of a fold
are made once. Models are removed when their scores are in --out, unless --keep. See folds.py for the folds.
"""

import argparse
import pathlib
import shutil

import experiment

LORA = {"finetune.method": "lora", "finetune.lora.r": 64, "finetune.lora.alpha": 32, "finetune.lora.target_modules": ["all-linear"]}

SETTINGS = {
    "base": {},
    "learning-rate-5e-5": {"finetune.learning_rate": 5e-5},
    "learning-rate-2e-4": {"finetune.learning_rate": 2e-4},
    "learning-rate-4e-4": {"finetune.learning_rate": 4e-4},
    "temperature-0.01": {"finetune.temperature": 0.01},
    "temperature-0.05": {"finetune.temperature": 0.05},
    "temperature-0.1": {"finetune.temperature": 0.1},
    "batch-16": {"finetune.batch": 16},
    "batch-64": {"finetune.batch": 64},
    "group-2": {"finetune.group_size": 2},
    "group-4": {"finetune.group_size": 4},
    "group-16": {"finetune.group_size": 16},
    "masking-off": {"finetune.mask_known_positives": False},
    "epochs-2": {"finetune.epochs": 2},
    "epochs-5": {"finetune.epochs": 5},
    "epochs-8": {"finetune.epochs": 8},
    "schedule-cosine": {"finetune.schedule": "cosine"},
    "schedule-constant": {"finetune.schedule": "constant"},  # without warm-up, as transformers' constant
    "dropout-off": {"finetune.dropout": False},
    "both-directions": {"finetune.both_directions": True},
    "window-0-100": {"mine.window": "0-100"},
    "window-10-200": {"mine.window": "10-200"},
    "lora-3e-4": {**LORA, "finetune.learning_rate": 3e-4},
    "lora-1e-3": {**LORA, "finetune.learning_rate": 1e-3},
    "lora-2e-3": {**LORA, "finetune.learning_rate": 2e-3},
}


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    experiment.add_arguments(parser)
    parser.add_argument("--folds-dir", required=True, type=pathlib.Path, help="what folds.py wrote")
    parser.add_argument("--settings", help="comma-separated names (all)")
    parser.add_argument("--folds", help="comma-separated numbers (all)")
    parser.add_argument("--seed", type=int, default=42)
    parser.add_argument("--extra", type=pathlib.Path, help="YAML file of further settings")
    parser.add_argument("--keep", action="store_true", help="keep the run directories whole")
    parser.add_argument("--table", action="store_true", help="run nothing")
    arguments = parser.parse_args()
    settings = SETTINGS | (experiment.read_yaml(arguments.extra) if arguments.extra else {})
    names = arguments.settings.split(",") if arguments.settings else list(settings)
    unknown = [name for name in names if name not in settings]
    if unknown:
        raise SystemExit(f"no such settings: {', '.join(unknown)}; there are {', '.join(settings)}")

    results = experiment.Results(arguments.out, ["setting", "fold", "seed"])
    if not arguments.table:
        # Fold by fold, so that all settings have a first fold before any has a second.
        for fold in folds(arguments):
            for name in names:
                run_setting(arguments, results, name, settings[name], fold)
    print_table(results.lines, names, arguments.seed)


def folds(arguments):
    there = sorted(int(path.name.removeprefix("fold-")) for path in arguments.folds_dir.glob("fold-*"))
    chosen = [int(fold) for fold in arguments.folds.split(",")] if arguments.folds else there
    if not chosen or not set(chosen) <= set(there):
        raise SystemExit(f"{arguments.folds_dir} has the folds {there}, not {chosen}")
    return chosen


def run_setting(arguments, results, name, changes, fold):
    base = experiment.changed(experiment.base_recipe(arguments), {"seed": arguments.seed})
    recipe = experiment.changed(base, changes)
    run = {"setting": name, "fold": fold, "seed": arguments.seed}
    if results.done(recipe, **run):
        return
    print(f"fold {fold}, {name}", flush=True)
    files = arguments.folds_dir / f"fold-{fold}"
    train, dev = files / "train.jsonl", files / "dev.jsonl"
    run_dir = arguments.work / f"fold-{fold}" / f"{name}-seed-{arguments.seed}"
    experiment.with_candidates(arguments, base, train, dev, run_dir)
    experiment.run_recipe(arguments, recipe, train, dev, run_dir, until="eval")
    scores = experiment.epoch_scores(arguments, run_dir, 0)
    results.add(recipe, [{**run, "identity": experiment.identity(run_dir), **epoch} for epoch in scores])
    if not arguments.keep:
        shutil.rmtree(run_dir)


def print_table(lines, names, seed):
    """A row a setting: means over its folds, and the difference from the base on the same folds."""
    curves = {}  # setting -> fold -> epochs, ascending
    for line in lines:
        if line["seed"] == seed:
            curves.setdefault(line["setting"], {}).setdefault(line["fold"], []).append(line)
    print("| setting | folds | MAP@25 | from base | folds better | Recall@25 | MAP@25 unseen | MAP@25 of epochs 0, 1, … |")
    print("|---|---|---|---|---|---|---|---|")
    for name in names:
        runs = curves.get(name)
        if not runs:
            continue
        last = [run[-1] for run in runs.values()]
        differences = [run[-1]["map@25"] - curves["base"][fold][-1]["map@25"] for fold, run in runs.items() if fold in curves.get("base", {})]
        against = f"{mean(differences):+.4f} | {sum(d > 0 for d in differences)}/{len(differences)}" if differences else "| "
        unseen = [line["unseen"]["map@25"] for line in last if "map@25" in line.get("unseen", {})]
        curve = " ".join(f"{mean([e['map@25'] for e in epoch]):.4f}" for epoch in zip(*runs.values()))
        print(
            f"| {name} | {len(runs)} | {mean([e['map@25'] for e in last]):.4f} | {against} | {mean([e['recall@25'] for e in last]):.4f} "
            f"| {mean(unseen) if unseen else float('nan'):.4f} | {curve} |"
        )


def mean(values):
    return sum(values) / len(values)


if __name__ == "__main__":
    main()
