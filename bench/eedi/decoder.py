"""The reference pipeline on a decoder small enough to learn here: in-context examples, LoRA, merge, and mining again.

    python decoder.py --quarry QUARRY --data data --tokenizer tokenizers/mistral-7b-v0.1 --work W [--out decoder.json]

data is what `quarry prepare eedi` wrote (corpus, train, dev, examples), the tokenizer Mistral's. A decoder of Mistral's shape,
4 layers of 256, begins with random weights and is trained in full on in-batch negatives alone, first without examples, then
with them, as bge-en-icl was: the base. The recipe of examples/eedi/bge-en-icl.yaml then takes two rounds with it: mine without examples, train LoRA
with examples drawn from the step, judge with a fixed one, merge, mine again with the merged model. --out gets the scores of
every epoch and of BM25. Whatever is finished is kept, and an interrupted run goes on.
"""

import argparse
import gzip
import json
import pathlib
import shutil

import experiment

PROMPTS = {
    "query": "<instruct>Given a multiple choice math question and a student's incorrect answer choice, identify and retrieve the specific "
    "mathematical misconception or error in the student's thinking that led to this wrong answer.\n<query>{}",
    "suffix": "\n<response>",
    "passage": "",
}
TEXTS = {"prompts": PROMPTS, "pooling": "lasttoken", "normalize": True, "lengths": {"query": 1024, "passage": 64}}
METRICS = ["map@25", "recall@25", "recall@50", "recall@75", "recall@100"]

EXAMPLES = {"mine": 0, "eval": 1, "train": 1, "query_length": 160, "response_length": 32, "tokens": 200, "leaks": "pass_over"}

WARM_UP = {
    "mine": {"source": "none"},
    "finetune": {
        "method": "full", "epochs": 6, "batch": 32, "group_size": 1, "learning_rate": 1e-3, "warmup_ratio": 0.1,
        "temperature": 0.05, "save_every": 100,
    },
    "select": {"epoch": 6, "because": "the last, fixed before the run"},
    "train_from": "merged",
    "rounds": [
        {},
        {
            "examples": EXAMPLES, "finetune": {"epochs": 3, "learning_rate": 5e-4},
            "select": {"epoch": 3, "because": "the last, fixed before the run"},
        },
    ],
}

# The reference's, but for what a small model asks: one short example, a higher rate and temperature, two epochs.
LOOP = {
    "examples": EXAMPLES,
    "mine": {"window": "2-200", "negatives": 15},
    "finetune": {
        "method": "lora",
        "lora": {
            "r": 64, "alpha": 32, "dropout": 0.1,
            "target_modules": ["q_proj", "k_proj", "v_proj", "o_proj", "gate_proj", "down_proj", "up_proj"],
        },
        "epochs": 2, "batch": 16, "group_size": 8, "drop_last": True, "learning_rate": 1e-3, "warmup_ratio": 0.1,
        "temperature": 0.05, "mask_known_positives": False, "save_every": 50,
    },
    "select": {"epoch": 2, "because": "the last, fixed before the run"},
    "mine_with": "merged",
    "train_from": "base",
    "rounds": [{}, {"mine": {"window": "2-100"}}],
}


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--quarry", required=True, type=pathlib.Path, help="the quarry binary")
    parser.add_argument("--data", required=True, type=pathlib.Path, help="folder that quarry prepare eedi wrote")
    parser.add_argument("--tokenizer", required=True, type=pathlib.Path, help="folder of Mistral's tokenizer.json or tokenizer.json.gz")
    parser.add_argument("--work", required=True, type=pathlib.Path, help="folder for models and run directories")
    parser.add_argument("--out", type=pathlib.Path, help="file of the scores, JSON (work's decoder.json)")
    parser.add_argument("--layers", type=int, default=4)
    parser.add_argument("--hidden", type=int, default=256)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--max-steps", type=int, help="cut every training short, to try the script out")
    arguments = parser.parse_args()
    model = decoder(arguments)
    warm = run(arguments, "warm-up", model, WARM_UP)
    loop = run(arguments, "loop", arguments.work / "warm-up" / "round-1" / "merged", LOOP)
    found = {"warm-up": [r["epochs"] for r in warm["rounds"]], "rounds": [r["epochs"] for r in loop["rounds"]], "bm25": bm25(arguments)}
    out = arguments.out or arguments.work / "decoder.json"
    out.write_text(json.dumps(found, indent=1) + "\n")
    print_table(found)


def decoder(arguments):
    """A decoder of Mistral's shape with random weights, and its tokenizer, which closes every text with </s>."""
    model = arguments.work / "decoder"
    if model.exists():
        return model
    import torch
    import transformers

    unfinished = model.with_name("decoder.unfinished")
    shutil.rmtree(unfinished, ignore_errors=True)
    torch.manual_seed(arguments.seed)
    config = transformers.MistralConfig(
        vocab_size=32000, hidden_size=arguments.hidden, intermediate_size=arguments.hidden * 11 // 4, num_hidden_layers=arguments.layers,
        num_attention_heads=4, num_key_value_heads=2, max_position_embeddings=4096, sliding_window=None, bos_token_id=1, eos_token_id=2,
    )
    transformers.MistralModel(config).save_pretrained(unfinished)
    plain, packed = arguments.tokenizer / "tokenizer.json", arguments.tokenizer / "tokenizer.json.gz"
    (unfinished / "tokenizer.json").write_bytes(plain.read_bytes() if plain.exists() else gzip.decompress(packed.read_bytes()))
    settings = json.loads((arguments.tokenizer / "tokenizer_config.json").read_text())
    (unfinished / "tokenizer_config.json").write_text(json.dumps(settings | {"add_bos_token": True, "add_eos_token": True}, indent=1))
    unfinished.rename(model)
    return model


def run(arguments, name, model, recipe):
    """Runs a recipe to its end and returns its report."""
    changes = {"version": 1, "name": name, "seed": arguments.seed, "model": str(model.resolve()), "eval.metrics": METRICS}
    for part in ("corpus", "train", "dev", "examples"):
        changes[f"data.{part}"] = str((arguments.data / f"{part}.jsonl").resolve())
    changes["data.group_field"] = "question_id"
    if arguments.max_steps:
        changes |= {"finetune.max_steps": arguments.max_steps, "select.epoch": 1}
        recipe = {**recipe, "rounds": [{key: value for key, value in of.items() if key != "select"} for of in recipe["rounds"]]}
    run_dir = arguments.work / name
    path = arguments.work / f"{name}.yaml"
    path.write_text(experiment.yaml.safe_dump(experiment.changed({**TEXTS, **recipe}, changes), sort_keys=False))
    experiment.run([arguments.quarry.resolve(), "run", path, "--dir", run_dir], arguments.work / f"{name}.log")
    return json.loads(experiment.output_of([arguments.quarry, "report", run_dir, "--json"]))


def bm25(arguments):
    """The measures of a BM25 ranking of the plain queries."""
    ranking = arguments.work / "bm25.trec"
    files = ["--corpus", arguments.data / "corpus.jsonl", "--queries", arguments.data / "dev.jsonl"]
    experiment.output_of([arguments.quarry, "search", "--source", "bm25", *files, "--depth", 100, "--output", ranking])
    qrels = arguments.work / "dev.qrels"
    rows = [json.loads(line) for line in (arguments.data / "dev.jsonl").read_text().splitlines()]
    qrels.write_text("".join(f"{row['id']} 0 {row['correct_id']} 1\n" for row in rows))
    command = [arguments.quarry, "eval", "--run", ranking, "--qrels", qrels, "--metrics", ",".join(METRICS), "--json"]
    return json.loads(experiment.output_of(command))["metrics"]


def print_table(found):
    print("| | MAP@25 of epochs 0, 1, … | Recall@25/50/75/100 |")
    print("|---|---|---|")
    warm_up, with_examples = found["warm-up"]
    rounds = ((f"LoRA, round {i}", epochs) for i, epochs in enumerate(found["rounds"]))
    for name, epochs in [("warm-up", warm_up), ("warm-up with examples: the base", with_examples), *rounds]:
        curve = " ".join(f"{epoch['dev']['metrics']['map@25']:.4f}" for epoch in epochs)
        print(f"| {name} | {curve} | {recalls(epochs[-1]['dev']['metrics'])} |")
    print(f"| BM25 | {found['bm25']['map@25']:.4f} | {recalls(found['bm25'])} |")


def recalls(metrics):
    return "/".join(f"{metrics[name]:.4f}" for name in METRICS[1:])


if __name__ == "__main__":
    main()
