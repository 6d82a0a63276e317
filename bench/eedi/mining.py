"""What a way of mining is worth: one round of the same training on each way's negatives, scored on dev, seed by seed.

    python mining.py --quarry QUARRY --model DIR --corpus corpus.jsonl --train train.jsonl --dev dev.jsonl \\
        --ways mining.yaml --work W --out mining.jsonl [--seeds 1,2,3] [--only margin,bm25]
    python compare.py mining.jsonl --against default

mining.yaml names the ways, each as changes to the base recipe of experiment.py by dotted key; `all` is what every way gets
beside its own, such as the number of epochs. SECOND in a value is a second embedder: the model trained without mined
negatives (`second` has the changes to the base recipe that it is trained by), made once, on the same training queries.

    all: {finetune.learning_rate: 2e-4, finetune.epochs: 2}
    second: {mine.source: none, finetune.group_size: 1, finetune.epochs: 1}
    default: {}
    margin: {mine.window: 0-200, mine.margin: 0.05}
    teacher: {mine.window: 0-200, mine.teacher.model: SECOND, mine.teacher.margin: 0}

The last epoch is the one that counts, fixed before the run. Lines of --out are those of arms.py, a way being an arm.
"""

import argparse
import pathlib
import shutil

import arms
import experiment

RESERVED = ("all", "second")


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    experiment.add_arguments(parser)
    parser.add_argument("--train", required=True, type=pathlib.Path)
    parser.add_argument("--dev", required=True, type=pathlib.Path)
    parser.add_argument("--ways", required=True, type=pathlib.Path, help="YAML file of the ways to mine")
    parser.add_argument("--only", help="comma-separated names (all)")
    parser.add_argument("--seeds", default="1,2,3")
    arguments = parser.parse_args()
    said = experiment.read_yaml(arguments.ways)
    ways = {name: changes or {} for name, changes in said.items() if name not in RESERVED}
    chosen = arguments.only.split(",") if arguments.only else list(ways)
    if unknown := set(chosen) - set(ways):
        raise SystemExit(f"{arguments.ways}: no {', '.join(sorted(unknown))}; there are {', '.join(ways)}")
    results = experiment.Results(arguments.out, ["arm", "seed"])
    for seed in (int(s) for s in arguments.seeds.split(",")):
        for name in chosen:
            measure(arguments, results, name, seed, {**(said.get("all") or {}), **ways[name]}, said.get("second") or {})


def measure(arguments, results, name, seed, changes, second):
    recipe = recipe_of(arguments, seed, changes)
    settings = recipe | ({"second": second} if uses_second(changes) else {})
    if results.done(settings, arm=name, seed=seed):
        return
    print(f"seed {seed}, {name}", flush=True)
    if uses_second(changes):
        made = str(second_embedder(arguments, second).resolve())
        recipe = recipe_of(arguments, seed, {key: made if value == "SECOND" else value for key, value in changes.items()})
    run_dir = arguments.work / f"{name}-seed-{seed}"
    lines = arms.run_quarry_arm(arguments, recipe, run_dir)
    results.add(settings, [{"arm": name, "seed": seed, **line} for line in lines])
    shutil.rmtree(run_dir / "round-0" / "epochs")  # a model each, and of no use any more


def recipe_of(arguments, seed, changes):
    recipe = experiment.changed(experiment.base_recipe(arguments), {"seed": seed, **changes})
    epoch = 1 if arguments.max_steps else int(recipe["finetune"]["epochs"])
    return recipe | {"select": {"epoch": epoch, "because": "fixed by number before the run"}}


def uses_second(changes):
    return "SECOND" in changes.values()


def second_embedder(arguments, changes):
    """The model directory of the second embedder, trained by the changes to the base recipe."""
    run_dir = arguments.work / "second"
    if not (run_dir / "round-0" / "manifest.json").exists():
        experiment.run_recipe(arguments, recipe_of(arguments, 42, changes), arguments.train, arguments.dev, run_dir)
    return run_dir / "round-0" / "merged"


if __name__ == "__main__":
    main()
