"""A plain torch trainer of text embedders: fine-tuning with InfoNCE on a mined file in FlagEmbedding's format, in full or
of PEFT's adapters (--lora-rank).

The control for Quarry's own fine-tuning: the same file, steps, schedule, temperature and masking, written the
straightforward way. It leaves one sentence-transformers directory or adapter an epoch (OUTPUT/epoch-1, …) and OUTPUT/steps.jsonl.

    python bench/peers/torch_trainer.py --model DIR --train mined.jsonl --output OUT --epochs 3 --seed 1

A step: --queries queries with one positive and --group - 1 negatives each, drawn anew each epoch; every passage of the
step is a column of every query; mean cross entropy of cosine / temperature; AdamW without decay on biases and norms;
gradient norm clipped to 1; warm-up of ceil(ratio · total) steps. With --mask-positives a column that some row of the
file names as a positive of the query has no part in its row, but for the query's own target.

The sequences of a step are encoded --chunk at a time, sorted by length, so that little is spent on padding and activations
stay in the caches; it is one graph and one backward pass all the same. torch draws dropout on a CPU number after number,
a quarter of a step's time: masks come from numpy's generator instead, 16 bits an element, keyed by seed and step. Both are
more than a trainer off the shelf does: `--chunk 0 --no-fast-dropout` is one of those.
OUTPUT/state.pt keeps what the next epoch needs: the same command again goes on from it. --self-check N compares loss and gradients of N steps with those of unchunked
ones, dropout off, and trains nothing.
"""

import argparse
import collections
import contextlib
import dataclasses
import json
import math
import pathlib
import random
import time
import unittest.mock

import numpy
import torch
from sentence_transformers import SentenceTransformer
from transformers import PreTrainedModel, get_scheduler


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
    both_directions: bool = False  # also let each positive choose among the queries
    dropout: bool = True  # as the model's configuration says
    drop_last: bool = False
    max_steps: int = 0  # stop after so many, the schedule fitted to them; 0 is no limit
    chunk: int = 24  # sequences encoded at a time; 0 is all of a step's
    fast_dropout: bool = True  # masks from numpy's generator instead of torch's
    lora_rank: int = 0  # of PEFT's adapters, which are all that is trained then; 0 trains the whole model
    lora_alpha: float = 32
    lora_dropout: float = 0.1
    lora_targets: str = "all-linear"  # or module names, as PEFT matches them, with commas between
    precision: str = "f32"  # or bf16: autocast
    seed: int = 42
    threads: int = 2

    def __post_init__(self):
        if self.precision not in ("f32", "bf16"):
            raise SystemExit(f"precision {self.precision!r} is unknown; use f32 or bf16")


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--model", required=True, help="sentence-transformers directory to start from")
    parser.add_argument("--train", required=True, type=pathlib.Path, help="JSONL with query, pos, neg")
    parser.add_argument("--output", required=True, type=pathlib.Path)
    parser.add_argument("--self-check", type=int, default=0, metavar="N", help="compare N steps with unchunked ones and end")
    for field in dataclasses.fields(Options):
        flag = "--" + field.name.replace("_", "-")
        if field.type is bool:
            parser.add_argument(flag, action=argparse.BooleanOptionalAction, default=field.default)
        else:
            parser.add_argument(flag, type=field.type, default=field.default)
    arguments = vars(parser.parse_args())
    model, rows = SentenceTransformer(arguments.pop("model"), device="cpu"), read_rows(arguments.pop("train"))
    output, checked = arguments.pop("output"), arguments.pop("self_check")
    options = Options(**arguments)
    trained = add_adapter(model, options) if options.lora_rank else model
    if checked:
        return self_check(model, rows, options, checked)

    def save(epoch):
        if trained is model:
            model.save(str(output / f"epoch-{epoch}"), create_model_card=False)
        else:
            trained.save_pretrained(output / f"epoch-{epoch}")

    train(model, rows, options, output, save)


def add_adapter(model, options):
    """Wraps the network inside a SentenceTransformer in PEFT's; its pooling and normalisation stay as they are."""
    import peft  # for adapters only

    torch.manual_seed(options.seed)  # before the adapter draws its A
    targets = options.lora_targets if options.lora_targets == "all-linear" else options.lora_targets.split(",")
    model[0].model = peft.get_peft_model(model[0].model, peft.LoraConfig(
        task_type="FEATURE_EXTRACTION", r=options.lora_rank, lora_alpha=options.lora_alpha, lora_dropout=options.lora_dropout,
        target_modules=targets))
    return model[0].model


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
    torch.utils.deterministic.fill_uninitialized_memory = False  # a check of torch's own, and 5 % of a step
    torch.set_num_threads(options.threads)
    for module in model.modules():
        if isinstance(module, PreTrainedModel) and options.fast_dropout:
            module.set_attn_implementation("eager")  # the others drop inside a kernel, by the slow generator
    output.mkdir(parents=True, exist_ok=True)
    total = options.epochs * len(batches(rows, options, epoch=1))
    total = min(total, options.max_steps or total)
    optimizer = torch.optim.AdamW(parameter_groups(model, options), lr=options.learning_rate, betas=(0.9, 0.999), eps=1e-8)
    warmup = math.ceil(options.warmup * total)
    scheduler = get_scheduler(options.schedule, optimizer, num_warmup_steps=warmup, num_training_steps=total)
    positives, stored_length = positives_by_query(rows), model.max_seq_length
    print(f"{len(rows)} rows, {total} steps, {warmup} of them warm-up", flush=True)

    state = State(output / "state.pt", options, model, optimizer, scheduler)
    done, step = state.load()
    keep_lines(output / "steps.jsonl", step)
    with open(output / "steps.jsonl", "a", buffering=1) as log:  # a line as its step ends: rows/finetune.py watches them
        for epoch in range(done + 1, options.epochs + 1):
            model.train(options.dropout)
            start, tokens = time.perf_counter(), 0
            for batch in batches(rows, options, epoch)[: total - step]:
                with keyed_dropout(options.seed, step) if options.fast_dropout else contextlib.nullcontext():
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
            state.save(epoch, step)
            if step == total:
                break


@contextlib.contextmanager
def keyed_dropout(seed, step):
    """Lets torch's dropout layers draw from numpy's generator, keyed by seed and step: no state to save."""
    generator = numpy.random.SFC64(numpy.random.SeedSequence([seed, step]))

    def dropout(x, p=0.5, training=True, inplace=False):
        if not training or p == 0:
            return x
        drawn = generator.random_raw(x.numel() // 4 + 1).view(numpy.uint16)[: x.numel()]
        kept = torch.from_numpy(drawn >= round(p * 65536)).view(x.shape)
        return x * kept.to(x.dtype).div_(1 - p)

    with unittest.mock.patch("torch.nn.functional.dropout", dropout):
        yield


class State:
    """What training goes on from after an epoch, in one file."""

    def __init__(self, path, options, model, optimizer, scheduler):
        self.path, self.options = path, dataclasses.asdict(options)
        self.parts = {"model": model, "optimizer": optimizer, "scheduler": scheduler}

    def load(self):
        """Restores the last saved epoch; returns its number and its last step, or zeros where nothing is saved."""
        if not self.path.exists():
            return 0, 0
        saved = torch.load(self.path)
        if saved["options"] != self.options:
            raise SystemExit(f"{self.path} is of other options, {saved['options']}; choose another --output or remove it")
        for name, part in self.parts.items():
            part.load_state_dict(saved[name])
        torch.set_rng_state(saved["random"])
        return saved["epoch"], saved["step"]

    def save(self, epoch, step):
        parts = {name: part.state_dict() for name, part in self.parts.items()}
        unfinished = self.path.with_suffix(".unfinished")
        torch.save({"options": self.options, "epoch": epoch, "step": step, "random": torch.get_rng_state(), **parts}, unfinished)
        unfinished.replace(self.path)


def keep_lines(path, count):
    """Cuts a log back to its first lines."""
    lines = path.read_text().splitlines(keepends=True)[:count] if path.exists() else []
    if len(lines) < count:
        raise SystemExit(f"{path} has {len(lines)} of {count} steps: it does not belong to the state beside it")
    path.write_text("".join(lines))


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
    """One positive, then group - 1 negatives without replacement, and again from the start only when they are too few."""
    drawn = [generator.choice(row["pos"])]
    while len(drawn) < group:
        drawn += generator.sample(row["neg"], min(len(row["neg"]), group - len(drawn)))
    return drawn


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
    q, query_tokens = embed(model, queries, options.query_max_length, options)
    p, passage_tokens = embed(model, passages, options.passage_max_length, options)
    scores = q @ p.T / options.temperature  # [queries, queries * group]
    targets = torch.arange(len(batch)) * options.group
    if options.mask_positives:
        scores = scores.masked_fill(known_positive_columns(batch, passages, positives, targets), -torch.inf)
    loss = torch.nn.functional.cross_entropy(scores, targets)
    if options.both_directions:
        loss = (loss + torch.nn.functional.cross_entropy(scores[:, targets].T, torch.arange(len(batch)))) / 2
    return loss, query_tokens + passage_tokens


def known_positive_columns(batch, passages, positives, targets):
    mask = torch.tensor([[passage in positives[query] for passage in passages] for query, _ in batch])
    mask[torch.arange(len(batch)), targets] = False
    return mask


def embed(model, texts, max_length, options):
    """Unit vectors of texts in their order, [texts, dim] in float32, and the number of real tokens."""
    model.max_seq_length = max_length
    features = {name: value for name, value in model.preprocess(texts).items() if torch.is_tensor(value)}
    lengths = features["attention_mask"].sum(dim=1)
    order = torch.argsort(lengths, stable=True)
    vectors = []
    for part in order.split(options.chunk or len(texts)):
        longest = int(lengths[part].max())
        with torch.autocast("cpu", torch.bfloat16, enabled=options.precision == "bf16"):
            vectors.append(model({name: value[part, :longest] for name, value in features.items()})["sentence_embedding"])
    vectors = torch.cat(vectors).float()[torch.argsort(order)]
    return torch.nn.functional.normalize(vectors, dim=1), int(lengths.sum())


def parameter_groups(model, options):
    trained = [(name, p) for name, p in model.named_parameters() if p.requires_grad]
    plain = [p for name, p in trained if name.endswith("bias") or "norm" in name.lower()]
    decayed = [p for name, p in trained if not (name.endswith("bias") or "norm" in name.lower())]
    return [{"params": decayed, "weight_decay": options.weight_decay}, {"params": plain, "weight_decay": 0.0}]


def self_check(model, rows, options, steps):
    """Holds the loss and the gradient of chunked steps against unchunked ones, in f32 and without dropout."""
    torch.set_num_threads(options.threads)
    model.eval()
    positives = positives_by_query(rows)
    chunked = dataclasses.replace(options, precision="f32", dropout=False)
    for number, batch in enumerate(batches(rows, options, epoch=1)[:steps], 1):
        (loss, gradient), (whole_loss, whole) = (
            loss_and_gradient(model, batch, positives, o) for o in (chunked, dataclasses.replace(chunked, chunk=0)))
        difference = float((gradient - whole).norm() / whole.norm())
        print(f"step {number}: loss {loss:.6f} and {whole_loss:.6f}, gradients differ by {difference:.1e} of their norm")
        if abs(loss - whole_loss) > 1e-5 or difference > 1e-4:  # roundings of f32 sums in another order
            raise SystemExit("self-check failed: chunks change the step")


def loss_and_gradient(model, batch, positives, options):
    model.zero_grad()
    loss, _ = step_loss(model, batch, positives, options)
    loss.backward()
    return loss.item(), torch.cat([p.grad.flatten() for p in model.parameters() if p.grad is not None])


if __name__ == "__main__":
    main()
