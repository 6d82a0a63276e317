"""Writes finetune/testdata/pairs.json and pairs.safetensors: losses of cross-encoders and all their gradients, in float64.

Each case trains one of model/testdata/cross-encoders, with dropout off, on queries with a positive and some negatives:
  binary_cross_entropy  sentence-transformers' BinaryCrossEntropyLoss on the pairs, labelled 1 and 0, with its pos_weight
  cross_entropy         that of FlagEmbedding's AbsRerankerModel: the logits of a query's pairs are classes, the positive is the
                        target; CrossEntropyLoss is torch's
pairs.json has the loss and the logits, pairs.safetensors the gradients as <case>/<name>, float32.

`python parity/pairs_fixture.py`; the versions stand in the header.
"""

import json

import torch
from safetensors.torch import save_file
from sentence_transformers import CrossEncoder
from sentence_transformers.cross_encoder.losses import BinaryCrossEntropyLoss

import cross_encoder_fixture
import fixture

LONG = cross_encoder_fixture.LONG
ROWS = [
    ("the wrong answer", ["Adds the numerators and the denominators", "a half", "zero " + LONG]),
    (LONG, ["the order of the digits", "half", "the sum"]),
    ("half of zero", ["the half", LONG, "ünïcödé 漢字"]),
]
CASES = [
    ("bert", "binary_cross_entropy", 1.0), ("bert", "cross_entropy", 0.0), ("roberta", "binary_cross_entropy", 3.5),
    ("xlm-roberta", "cross_entropy", 0.0),
]


def main():
    folder = fixture.output("finetune/testdata")
    header = fixture.header("torch", "transformers", "sentence-transformers")
    cases, tensors = [], {}
    for model, loss, weight in CASES:
        name = f"{model} {loss}"
        case, gradients = train(model, loss, weight)
        cases.append({"name": name, "model": model, "loss": loss, "positive_weight": weight, **case})
        tensors |= {f"{name}/{key}": value for key, value in gradients.items()}
    rows = [{"query": query, "passages": passages} for query, passages in ROWS]
    fixture.write_json(folder / "pairs.json", {"header": header, "rows": rows, "cases": cases})
    save_file(tensors, folder / "pairs.safetensors", metadata={"header": json.dumps(header)})
    (folder / "pairs.safetensors").chmod(0o644)


def train(model, kind, weight):
    peer = CrossEncoder(str(fixture.ROOT / "model/testdata/cross-encoders" / model), device="cpu")
    peer.double().eval()  # in training it would drop out
    queries = [query for query, passages in ROWS for _ in passages]
    texts = [text for _, passages in ROWS for text in passages]
    labels = torch.tensor([float(k == 0) for _, passages in ROWS for k in range(len(passages))], dtype=torch.float64)
    logits = peer(peer.preprocess(list(zip(queries, texts))))["scores"].view(-1)
    if kind == "binary_cross_entropy":
        pos_weight = None if weight == 1 else torch.tensor(weight, dtype=torch.float64)
        criterion = BinaryCrossEntropyLoss(peer, pos_weight=pos_weight)
        criterion.bce_with_logits_loss = InDouble(criterion.bce_with_logits_loss)
        loss = criterion([queries, texts], labels)
    else:
        loss = torch.nn.CrossEntropyLoss(reduction="mean")(logits.view(len(ROWS), -1), torch.zeros(len(ROWS), dtype=torch.long))
    loss.backward()
    gradients = {clean(name): p.grad.float().contiguous() for name, p in peer.named_parameters() if p.grad is not None}
    return {"value": loss.item(), "logits": logits.tolist()}, gradients


class InDouble(torch.nn.Module):
    """The criterion takes labels to float32, which 0 and 1 survive; torch then wants logits of that type too."""

    def __init__(self, entropy):
        super().__init__()
        self.entropy = entropy

    def forward(self, logits, labels):
        return self.entropy(logits, labels.to(logits.dtype))


def clean(name):
    """A parameter's name in the model's file."""
    return name.split("model.", 1)[-1]


if __name__ == "__main__":
    main()
