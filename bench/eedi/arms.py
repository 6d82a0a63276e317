"""The final comparison on dev: full fine-tuning, its two ways into round 1, LoRA, and the torch trainer, seed by seed.

    python arms.py --quarry QUARRY --model DIR --corpus corpus.jsonl --train train.jsonl --dev dev.jsonl \\
        --chosen chosen.yaml --work W --out arms.jsonl [--arms A,B,C,T] [--seeds 1,2,3]

Arms:
  A  full fine-tuning, two rounds, both trained from the base; round 1 mined with round 0's model
  B  the same round 0 (A's own), round 1 trained from round 0's model
  C  LoRA, two rounds as A's, or one with --lora-rounds 1
  T  bench/peers/torch_trainer.py on A's mined file of round 0: same steps, batch, group, rate, temperature, schedule, masking

chosen.yaml, what the sweep decided, as changes to the base recipe of experiment.py; all of it may be left out:
  full: {finetune.learning_rate: 2e-4}         # arms A, B and T
  lora: {finetune.learning_rate: 1e-3}         # arm C, beside method lora with r 64, alpha 32
  round_1: {mine.window: 2-100}                # what round 1 does differently
  epoch: {full: 3, lora: 3}                    # that a round goes on with; the last without it

A line of --out is an epoch of an arm, seed and round; the chosen epoch's also holds the average precision at 25 of every
dev query. It is computed here, from a TREC run of `quarry search`, and has to agree with Quarry's own mean. That of A, B and C
is of the merged model; a merged adapter ranks a little otherwise than base and adapter, by which the epoch was scored.
"""

import argparse
import json
import pathlib
import sys

import experiment
import sweep

TRAINER = pathlib.Path(__file__).resolve().parent.parent / "peers" / "torch_trainer.py"
DEPTH = 25
SAME = 0.0005  # how far MAP@25 of one model may lie from itself, by a run file's ranks and by Quarry


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    experiment.add_arguments(parser)
    parser.add_argument("--train", required=True, type=pathlib.Path)
    parser.add_argument("--dev", required=True, type=pathlib.Path)
    parser.add_argument("--chosen", type=pathlib.Path, help="YAML file of the chosen settings (the base recipe's)")
    parser.add_argument("--arms", default="A,B,T,C")
    parser.add_argument("--seeds", default="1,2,3")
    parser.add_argument("--lora-rounds", type=int, default=2, choices=[1, 2])
    parser.add_argument("--threads", type=int, default=2, help="of the torch trainer")
    arguments = parser.parse_args()
    chosen = experiment.read_yaml(arguments.chosen) if arguments.chosen else {}
    unknown = set(chosen) - {"full", "lora", "round_1", "epoch"}
    if unknown:
        raise SystemExit(f"{arguments.chosen}: unknown keys {sorted(unknown)}")
    results = experiment.Results(arguments.out, ["arm", "seed"])
    for seed in (int(s) for s in arguments.seeds.split(",")):
        for arm in arguments.arms.split(","):
            run_arm(arguments, chosen, results, arm, seed)


def run_arm(arguments, chosen, results, arm, seed):
    if arm not in ARMS:
        raise SystemExit(f"no such arm: {arm}; there are {', '.join(ARMS)}")
    recipe = arm_recipe(arguments, chosen, arm, seed)
    if results.done(recipe, arm=arm, seed=seed):
        return
    print(f"seed {seed}, arm {arm}", flush=True)
    lines = ARMS[arm](arguments, recipe, seed)
    results.add(recipe, [{"arm": arm, "seed": seed, **line} for line in lines])


def arm_recipe(arguments, chosen, arm, seed):
    kind = "lora" if arm == "C" else "full"
    changes = {**(sweep.LORA if kind == "lora" else {}), **chosen.get(kind, {})}
    recipe = experiment.changed(experiment.base_recipe(arguments), {"seed": seed, **changes})
    epoch = int(chosen.get("epoch", {}).get(kind, recipe["finetune"]["epochs"]))
    if arguments.max_steps:
        epoch = 1  # all that a training cut short is sure to have
    round_1 = experiment.changed({}, chosen.get("round_1", {"mine.window": "2-100"}))
    recipe |= {
        "select": {"epoch": epoch, "because": "fixed by number before the run"},
        "mine_with": "merged",
        "train_from": "merged" if arm == "B" else "base",
        "rounds": [{}] if arm == "T" or arm == "C" and arguments.lora_rounds == 1 else [{}, round_1],
    }
    return recipe


def arm_dir(arguments, arm, seed):
    return arguments.work / f"{arm}-seed-{seed}"


def run_quarry_arm(arguments, recipe, run_dir):
    """Arms A and C, and what is left of B: every round to its end."""
    experiment.with_candidates(arguments, recipe, arguments.train, arguments.dev, run_dir)
    experiment.run_recipe(arguments, recipe, arguments.train, arguments.dev, run_dir)
    lines = []
    for index in range(len(recipe["rounds"])):
        model = run_dir / f"round-{index}" / "merged"
        precisions = average_precisions(arguments, model, run_dir / f"round-{index}.dev.trec")
        for scores in experiment.epoch_scores(arguments, run_dir, index):
            lines.append({"round": index, "identity": experiment.identity(run_dir), **scores})
            if scores["epoch"] == recipe["select"]["epoch"]:
                lines[-1] |= per_query(precisions, merged_score(run_dir / f"round-{index}"), model)
        (run_dir / f"round-{index}" / "training-state").unlink(missing_ok=True)  # large, and of no use any more
    return lines


def full(arguments, recipe, seed):
    return run_quarry_arm(arguments, recipe, arm_dir(arguments, "A", seed))


def from_merged(arguments, recipe, seed):
    run_dir = arm_dir(arguments, "B", seed)
    experiment.copy_run(finished_a(arguments, seed), run_dir, ["round-0"])
    return run_quarry_arm(arguments, recipe, run_dir)


def lora(arguments, recipe, seed):
    return run_quarry_arm(arguments, recipe, arm_dir(arguments, "C", seed))


def finished_a(arguments, seed):
    """The run directory of arm A, whose round 0 other arms begin from."""
    run_dir = arm_dir(arguments, "A", seed)
    if not (run_dir / "round-0" / "manifest.json").exists():
        raise SystemExit(f"{run_dir} has no finished round 0: run arm A of seed {seed} first")
    return run_dir


def torch(arguments, recipe, seed):
    """Arm T: trained by torch, judged by Quarry."""
    source = finished_a(arguments, seed)
    identity = experiment.identity(source)
    output = arm_dir(arguments, "T", seed)
    if not (output / "finished").exists():
        output.mkdir(parents=True, exist_ok=True)
        precision = "bf16" if "bf16" in identity else "f32"
        flags = trainer_flags(recipe, precision, arguments.threads)
        mined = source / "round-0" / "negatives.jsonl"
        experiment.run([sys.executable, TRAINER, "--model", arguments.model, "--train", mined, "--output", output, *flags], output.with_name(output.name + ".log"))
        (output / "state.pt").unlink()
        (output / "finished").touch()
    lines = []
    for epoch in range(recipe["finetune"]["epochs"] + 1):
        model = output / f"epoch-{epoch}" if epoch else arguments.model
        if not model.exists():
            break  # cut short by --max-steps
        scores = {"epoch": epoch, **evaluate(arguments, recipe, model)}
        if epoch == recipe["select"]["epoch"]:
            scores |= per_query(average_precisions(arguments, model, output / "dev.trec"), scores["map@25"], model)
        lines.append({"round": 0, "identity": identity, **scores})
    return lines


def trainer_flags(recipe, precision, threads):
    """The torch trainer's flags for a recipe."""
    f, lengths = recipe["finetune"], recipe["lengths"]
    same = {"epochs", "learning_rate", "schedule", "temperature", "max_steps", "weight_decay", "clip"}
    renamed = {"batch": "queries", "group_size": "group", "warmup_ratio": "warmup"}
    switches = {"mask_known_positives": "mask-positives", "both_directions": "both-directions", "dropout": "dropout", "drop_last": "drop-last"}
    flags = ["--seed", recipe["seed"], "--precision", precision, "--threads", threads]
    flags += ["--query-max-length", lengths["query"], "--passage-max-length", lengths["passage"]]
    for key, value in f.items():
        if key in same or key in renamed:
            flags += ["--" + renamed.get(key, key).replace("_", "-"), value]
        elif key in switches:
            flags.append(f"--{'' if value else 'no-'}{switches[key]}")
        elif key not in ("method", "save_every", "block_tokens"):
            raise SystemExit(f"the torch trainer knows no finetune.{key}")
    return flags


ARMS = {"A": full, "B": from_merged, "C": lora, "T": torch}


def text_flags(arguments, queries):
    lengths = experiment.BASE["lengths"]
    return [
        "--corpus", arguments.corpus, "--queries", queries, "--precision", arguments.precision,
        "--query-max-length", lengths["query"], "--passage-max-length", lengths["passage"],
        *(["--workers", arguments.workers] if arguments.workers else []),
    ]


def evaluate(arguments, recipe, model):
    """Quarry's measures of a model directory, as epoch_scores has them."""
    metrics = ",".join(recipe["eval"]["metrics"])
    command = [arguments.quarry, "eval", "--model", model, "--metrics", metrics, "--train", arguments.train, "--json"]
    scores = json.loads(experiment.output_of([*command, *text_flags(arguments, arguments.dev)]))
    return experiment.flat(scores | scores["slices"])


def average_precisions(arguments, model, run):
    """The average precision at 25 of each dev row, in file order, from a TREC run that quarry search writes."""
    rows = [json.loads(line) for line in arguments.dev.read_text().splitlines() if line.strip()]
    queries = run.with_suffix(".queries.jsonl")
    queries.write_text("".join(json.dumps({"id": str(n), "query": row["query"]}) + "\n" for n, row in enumerate(rows)))
    experiment.output_of([arguments.quarry, "search", "--model", model, "--depth", DEPTH, "--output", run, *text_flags(arguments, queries)])
    ranked = {}
    for line in run.read_text().splitlines():
        query, _, passage, rank, _, _ = line.split()
        ranked.setdefault(query, {})[passage] = int(rank)
    ids = positive_ids(arguments.corpus)
    found = []
    for n, row in enumerate(rows):
        positives = positives_of(row, ids)
        ranks = sorted(ranked[str(n)][p] for p in positives if p in ranked[str(n)])
        precision = sum((i + 1) / rank for i, rank in enumerate(ranks)) / min(DEPTH, len(positives))
        found.append({"question": str(row[arguments.group_field]), "ap@25": precision})
    return found


def positives_of(row, ids):
    """The ids of a row's positives, where ids has those of every text."""
    if "positive_ids" in row:
        return {str(p) for p in row["positive_ids"]}
    if "correct_id" in row:
        return {str(row["correct_id"])}
    return {p for text in row["pos"] for p in ids[text]}


def positive_ids(corpus):
    ids = {}
    for line in corpus.read_text().splitlines():
        passage = json.loads(line)
        ids.setdefault(passage["text"], []).append(str(passage["id"]))
    return ids


def merged_score(round_dir):
    """What the run's own check of the merge found the merged model to score."""
    return json.loads((round_dir / "merge-check.json").read_text())["merged"]


def per_query(precisions, score, model):
    """The chosen epoch's part of a result: every query's average precision, its mean held against Quarry's score."""
    mean = sum(q["ap@25"] for q in precisions) / len(precisions)
    if abs(mean - score) > SAME:
        raise SystemExit(f"{model}: MAP@25 is {mean:.6f} by its run file and {score:.6f} by Quarry")
    return {"per_query": precisions}


if __name__ == "__main__":
    main()
