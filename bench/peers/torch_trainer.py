"""A plain torch trainer of text embedders: full fine-tuning with InfoNCE on a mined file in FlagEmbedding's format.

The control for Quarry's own fine-tuning: the same file, steps, schedule, temperature and masking, written the
straightforward way. It leaves one sentence-transformers directory an epoch (OUTPUT/epoch-1, …) and OUTPUT/steps.jsonl.

    python bench/peers/torch_trainer.py --model DIR --train mined.jsonl --output OUT --epochs 3 --seed 1

A step: --queries queries with one positive and --group - 1 negatives each, drawn anew each epoch; every passage of the
step is a column of every query; mean cross entropy of cosine / temperature; AdamW without decay on biases and norms;
gradient norm clipped to 1; warm-up of ceil(ratio · total) steps. With --mask-positives a column that some row of the
file names as a positive of the query has no part in its row, but for the query's own target.
"""

import argparse
import collections
import dataclasses
import json
import math
import pathlib
import random
import time

import torch
from sentence_transformers import SentenceTransformer
from transformers import get_scheduler


@dataclasses.dataclass
class Options:
    """What a training run depends on, beside its model and file."""

    epochs: int = 3
    queries: int = 32  # a step
    group: int = 8  # passages a query: its positive and mined negatives
    learning_rate: float = 1e-4
    schedule: str = "linear"  # a name that transformers.get_scheduler knows
    warmup: float = 0.1  # share of all steps
    temperature: float = 0.02
    weight_decay: float = 0.0
    clip: float = 1.0
    query_max_length: int = 256
    passage_max_length: int = 256
    query_prompt: str = ""  # put before each query
    mask_positives: bool = False
    drop_last: bool = False
    precision: str = "f32"  # or bf16: autocast
    seed: int = 42
    threads: int = 2


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--model", required=True, help="sentence-transformers directory to start from")
    parser.add_argument("--train", required=True, type=pathlib.Path, help="JSONL with query, pos, neg")
    parser.add_argument("--output", required=True, type=pathlib.Path)
    for field in dataclasses.fields(Options):
        flag = "--" + field.name.replace("_", "-")
        if field.type is bool:
            parser.add_argument(flag, action="store_true")
        else:
            parser.add_argument(flag, type=field.type, default=field.default)
    arguments = vars(parser.parse_args())
    model, rows = SentenceTransformer(arguments.pop("model"), device="cpu"), read_rows(arguments.pop("train"))
    output = arguments.pop("output")

    def save(epoch):
        model.save(str(output / f"epoch-{epoch}"), create_model_card=False)

    train(model, rows, Options(**arguments), output, save)


def read_rows(path):
    """The rows of a FlagEmbedding file; a row that cannot be trained on is an error."""
    rows = [json.loads(line) for line in path.read_text().splitlines() if line.strip()]
    for number, row in enumerate(rows, 1):
        if not row.get("pos") or not row.get("neg"):
            raise SystemExit(f"{path}:{number}: a row needs at least one pos and one neg")
    return rows


def train(model, rows, options, output, save):
    """Trains model (a SentenceTransformer) in place; save(epoch) is called after each epoch, the first being 1."""
    torch.manual_seed(options.seed)
    torch.use_deterministic_algorithms(True)
    torch.set_num_threads(options.threads)
    output.mkdir(parents=True, exist_ok=True)
    total = options.epochs * len(batches(rows, options, epoch=1))
    optimizer = torch.optim.AdamW(parameter_groups(model, options), lr=options.learning_rate, betas=(0.9, 0.999), eps=1e-8)
    warmup = math.ceil(options.warmup * total)
    scheduler = get_scheduler(options.schedule, optimizer, num_warmup_steps=warmup, num_training_steps=total)
    positives, stored_length = positives_by_query(rows), model.max_seq_length
    print(f"{len(rows)} rows, {total} steps, {warmup} of them warm-up", flush=True)

    step = 0
    with open(output / "steps.jsonl", "w") as log:
        for epoch in range(1, options.epochs + 1):
            model.train()
            start, tokens = time.perf_counter(), 0
            for batch in batches(rows, options, epoch):
                loss, counted = step_loss(model, batch, positives, options)
                loss.backward()
                norm = torch.nn.utils.clip_grad_norm_(model.parameters(), options.clip)
                rate = optimizer.param_groups[0]["lr"]
                optimizer.step()
                scheduler.step()
                optimizer.zero_grad()
                step, tokens = step + 1, tokens + counted
                line = {"step": step, "epoch": epoch, "loss": loss.item(), "lr": rate, "gradient_norm": norm.item()}
                log.write(json.dumps(line) + "\n")
            seconds = time.perf_counter() - start
            print(f"epoch {epoch}: {seconds:.1f} s, {tokens / seconds:.0f} tok/s, last loss {loss.item():.4f}", flush=True)
            model.eval()
            model.max_seq_length = stored_length  # a training length is no property of the model
            save(epoch)


def batches(rows, options, epoch):
    """The steps of one epoch: lists of (query, [positive, negatives …]), in an order and with draws of the epoch's own."""
    generator = random.Random(f"{options.seed}/{epoch}")
    order = generator.sample(rows, len(rows))
    drawn = [(row["query"], draw_group(row, options.group, generator)) for row in order]
    steps = [drawn[i : i + options.queries] for i in range(0, len(drawn), options.queries)]
    if options.drop_last and len(steps[-1]) < options.queries:
        steps.pop()
    return steps


def draw_group(row, group, generator):
    """One positive, then group - 1 negatives without replacement; the list is repeated only when it is too short."""
    negatives = row["neg"] * math.ceil((group - 1) / len(row["neg"]))
    return [generator.choice(row["pos"]), *generator.sample(negatives, group - 1)]


def positives_by_query(rows):
    """The union of the positives of all rows that ask the same."""
    known = collections.defaultdict(set)
    for row in rows:
        known[row["query"]].update(row["pos"])
    return known


def step_loss(model, batch, positives, options):
    """InfoNCE of one step over all its passages, and the number of real tokens that went in."""
    queries = [options.query_prompt + query for query, _ in batch]
    passages = [passage for _, group in batch for passage in group]
    with torch.autocast("cpu", torch.bfloat16, enabled=options.precision == "bf16"):
        q, query_tokens = embed(model, queries, options.query_max_length)
        p, passage_tokens = embed(model, passages, options.passage_max_length)
    scores = q.float() @ p.float().T / options.temperature  # [queries, queries * group]
    targets = torch.arange(len(batch)) * options.group
    if options.mask_positives:
        scores = scores.masked_fill(known_positive_columns(batch, passages, positives, targets), -torch.inf)
    return torch.nn.functional.cross_entropy(scores, targets), query_tokens + passage_tokens


def known_positive_columns(batch, passages, positives, targets):
    mask = torch.tensor([[passage in positives[query] for passage in passages] for query, _ in batch])
    mask[torch.arange(len(batch)), targets] = False
    return mask


def embed(model, texts, max_length):
    model.max_seq_length = max_length
    features = model.preprocess(texts)
    tokens = int(features["attention_mask"].sum())
    return torch.nn.functional.normalize(model(features)["sentence_embedding"], dim=1), tokens


def parameter_groups(model, options):
    trained = [(name, p) for name, p in model.named_parameters() if p.requires_grad]
    plain = [p for name, p in trained if name.endswith("bias") or "norm" in name.lower()]
    decayed = [p for name, p in trained if not (name.endswith("bias") or "norm" in name.lower())]
    return [{"params": decayed, "weight_decay": options.weight_decay}, {"params": plain, "weight_decay": 0.0}]


if __name__ == "__main__":
    main()
