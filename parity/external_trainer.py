"""A torch + PEFT trainer for a round's `finetune: {external: …}`: LoRA on the mined file, one adapter an epoch.

    finetune:
      external: {command: python parity/external_trainer.py}

The command finds all it needs in its environment:
  QUARRY_TRAIN   the mined file, FlagEmbedding's format (query, pos, neg)
  QUARRY_BASE    the model directory to train from
  QUARRY_OUTPUT  where it leaves epoch-1, epoch-2, …: adapter or model directories
  QUARRY_EPOCHS  how many
  QUARRY_SEED    the seed of all its draws
An exit code other than 0 fails the round. Flags change the rest (external_trainer.py --help).
"""

import argparse
import os
import pathlib
import sys

from sentence_transformers import SentenceTransformer

ROOT = pathlib.Path(__file__).resolve().parent.parent
sys.path.insert(0, str(ROOT / "bench" / "peers"))
import torch_trainer  # noqa: E402  the loop itself: the same one that bench/ compares with


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rank", type=int, default=16)
    parser.add_argument("--alpha", type=int, default=32)
    parser.add_argument("--dropout", type=float, default=0.1)
    parser.add_argument("--targets", default="query,key,value,intermediate.dense,output.dense", help="module names, as PEFT matches them")
    parser.add_argument("--queries", type=int, default=32, help="queries a step")
    parser.add_argument("--group", type=int, default=8, help="passages a query")
    parser.add_argument("--learning-rate", type=float, default=5e-4)
    parser.add_argument("--threads", type=int, default=torch_trainer.Options.threads, help="of torch")
    arguments = parser.parse_args()
    settings = {name: required(name) for name in ("TRAIN", "BASE", "OUTPUT", "EPOCHS", "SEED")}

    options = torch_trainer.Options(
        epochs=int(settings["EPOCHS"]), seed=int(settings["SEED"]), queries=arguments.queries, group=arguments.group,
        learning_rate=arguments.learning_rate, threads=arguments.threads, mask_positives=True,
        lora_rank=arguments.rank, lora_alpha=arguments.alpha, lora_dropout=arguments.dropout, lora_targets=arguments.targets)
    model = SentenceTransformer(settings["BASE"], device="cpu")
    adapter = torch_trainer.add_adapter(model, options)
    output = pathlib.Path(settings["OUTPUT"])

    def save(epoch):
        adapter.save_pretrained(output / f"epoch-{epoch}")

    rows = torch_trainer.read_rows(pathlib.Path(settings["TRAIN"]))
    torch_trainer.train(model, rows, options, output, save)


def required(name):
    value = os.environ.get(f"QUARRY_{name}")
    if not value:
        raise SystemExit(f"QUARRY_{name} is not set; this command is started by quarry run")
    return value


if __name__ == "__main__":
    main()
