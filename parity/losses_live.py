"""A step of `quarry finetune` at f32 on all-MiniLM-L6-v2 against the peers' losses: the loss, and the norm of all gradients.

sentence-transformers: MatryoshkaLoss around MultipleNegativesRankingLoss, CachedGISTEmbedLoss with a guide. FlagEmbedding:
kl_div and m3_kd_loss, by its own module where it is installed, else by its equations (peer_losses.py); each check says
which. And truncate_dim: vectors, and both ways through config_sentence_transformers.json.
"""

import json
import math
import pathlib
import tempfile

import numpy
import torch
from sentence_transformers import SentenceTransformer
from sentence_transformers.sentence_transformer.losses import CachedGISTEmbedLoss, MatryoshkaLoss, MultipleNegativesRankingLoss
from sentence_transformers.sentence_transformer.modules import Normalize, Pooling, Transformer

import peer_losses
import report

TEMPERATURE = 0.05
DIMS, WEIGHTS = [384, 128, 32], [1, 0.5, 0.25]
TOPICS = ["fractions", "decimals", "angles", "area", "ratios", "place value"]
KEEP = 64


def main():
    checks = report.Checks()
    package = peer_losses.flagembedding()
    whose = "FlagEmbedding's own" if package else "FlagEmbedding's equations written out"
    if package:
        with checks.check("FlagEmbedding: its equations written out are its own losses"):
            equations_hold(package)
    with tempfile.TemporaryDirectory() as folder:
        scratch = pathlib.Path(folder)
        with checks.check("MatryoshkaLoss"):
            matryoshka(scratch)
        for mask, margin in [("absolute", 0.05), ("relative", 0.1)]:
            with checks.check(f"CachedGISTEmbedLoss, {mask} margin {margin}"):
                guided(scratch, mask, margin)
        for kind in ["kl_div", "m3_kd_loss"]:
            with checks.check(f"{kind}: {whose}"):
                distilled(scratch, kind, package)
        with checks.check("truncate_dim"):
            truncated(scratch)
    checks.finish()


def equations_hold(package):
    generator = torch.Generator().manual_seed(7)
    q, p, scores = (torch.randn(*shape, generator=generator, dtype=torch.float64) for shape in [(5, 8), (15, 8), (5, 3)])
    for kind in ["kl_div", "m3_kd_loss"]:
        own, written = (peer_losses.distilled(q, p, 3 * scores, 0.5, kind, given) for given in [package, None])
        assert math.isclose(own, written, rel_tol=1e-12), f"{kind}: {own} and {written}"


def rows(group):
    """Queries with a positive and group - 1 negatives, none of them shared, and a teacher's scores."""
    for i, topic in enumerate(TOPICS):
        negatives = [f"mixes up {topic} with {other}" for other in TOPICS if other != topic][: group - 1]
        yield {"query": f"a pupil works on {topic} and gets it wrong", "pos": [f"takes a wrong step in {topic}"], "neg": negatives,
               "pos_scores": [2.0 + i / 4], "neg_scores": [(i + k) % 4 / 2 for k in range(len(negatives))]}


def step(scratch, name, group, *options):
    """What steps.jsonl says of one step over all rows."""
    train = scratch / f"{name}.jsonl"
    train.write_text("".join(json.dumps(row) + "\n" for row in rows(group)))
    output = scratch / name
    report.quarry("finetune", "--model", report.minilm(), "--train", train, "--output", output, "--precision", "f32", "--batch", len(TOPICS),
                  "--group-size", group, "--epochs", 1, "--max-steps", 1, "--dropout=false", "--clip", 0, "--mask-known-positives=false",
                  "--temperature", TEMPERATURE, *options)
    return json.loads((output / "steps.jsonl").read_text())


def columns(group):
    """The data set's columns: queries, positives, negatives."""
    listed = list(rows(group))
    return [[row["query"] for row in listed]] + [[(row["pos"] + row["neg"])[k] for row in listed] for k in range(group)]


def same(took, model, loss):
    """The loss and the norm of the gradients that it left in the model."""
    norm = math.sqrt(sum(float((w.grad.double() ** 2).sum()) for w in model.parameters() if w.grad is not None))
    assert math.isclose(took["loss"], float(loss), rel_tol=1e-4), f"loss {took['loss']}, the peer's {float(loss)}"
    assert math.isclose(took["gradient_norm"], norm, rel_tol=1e-3), f"gradient norm {took['gradient_norm']}, the peer's {norm}"


def peer():
    return SentenceTransformer(str(report.minilm()), device="cpu").eval()


def matryoshka(scratch):
    took = step(scratch, "matryoshka", 3, "--matryoshka", ",".join(map(str, DIMS)), "--matryoshka-weights", ",".join(map(str, WEIGHTS)))
    model = peer()
    loss = MatryoshkaLoss(model, MultipleNegativesRankingLoss(model, scale=1 / TEMPERATURE), DIMS, WEIGHTS)
    value = loss([model.preprocess(column) for column in columns(3)], None)
    value.backward()
    same(took, model, value)


def guided(scratch, mask, margin):
    guide = scratch / f"guide-{mask}"
    other = SentenceTransformer(modules=[Transformer(str(report.minilm())), Pooling(384, "cls"), Normalize()], device="cpu").eval()
    other.max_seq_length = 256
    other.save(str(guide))
    took = step(scratch, f"guided-{mask}", 2, "--guide", guide, "--guide-mask", mask, "--guide-margin", margin)
    assert took["guide_masked"] > 0, "the guide masks nothing, which shows nothing"
    model = peer()
    loss = CachedGISTEmbedLoss(model, other, temperature=TEMPERATURE, mini_batch_size=2, margin_strategy=mask, margin=margin,
                               contrast_anchors=False, contrast_positives=False)
    value = loss([model.preprocess(column) for column in columns(2)], None)
    value.backward()
    same(took, model, value)


def distilled(scratch, kind, package):
    group = 2 if kind == "m3_kd_loss" else 3  # it depends on the order of the negatives, which both trainers draw
    took = step(scratch, kind, group, "--distill", kind)
    model = peer()
    listed = list(rows(group))
    texts = [row["query"] for row in listed] + [text for row in listed for text in row["pos"] + row["neg"]]
    vectors = model(model.preprocess(texts))["sentence_embedding"].double()
    scores = torch.tensor([row["pos_scores"] + row["neg_scores"] for row in listed], dtype=torch.float64)
    value = peer_losses.distilled(vectors[: len(listed)], vectors[len(listed):], scores, TEMPERATURE, kind, package)
    value.backward()
    same(took, model, value)
    whole = took["distillation_loss"] + (took["contrastive_loss"] if kind == "kl_div" else 0)
    assert math.isclose(took["loss"], whole, rel_tol=1e-12), f"{took} does not add up"


def truncated(scratch):
    texts = columns(2)[0]
    want = SentenceTransformer(str(report.minilm()), device="cpu", truncate_dim=KEEP).encode(texts)
    near(embed(scratch, report.minilm(), texts, "--truncate-dim", KEEP), want, "the flag")
    saved = scratch / "truncated"
    SentenceTransformer(str(report.minilm()), device="cpu", truncate_dim=KEEP).save(str(saved))
    near(embed(scratch, saved, texts), want, "a model that sentence-transformers saved")
    step(scratch, "kept", 2, "--truncate-dim", KEEP)
    written = scratch / "kept" / "epoch-1"
    loaded = SentenceTransformer(str(written), device="cpu")
    assert loaded.truncate_dim == KEEP, f"truncate_dim {loaded.truncate_dim} was read from a checkpoint"
    near(embed(scratch, written, texts), loaded.encode(texts), "a checkpoint")


def embed(scratch, model, texts, *options):
    source, output = scratch / "texts.jsonl", scratch / "vectors.npy"
    source.write_text("".join(json.dumps({"text": text}) + "\n" for text in texts))
    report.quarry("embed", "--model", model, "--input", source, "--output", output, "--precision", "f32", *options)
    return numpy.load(output)


def near(got, want, what):
    assert got.shape == want.shape, f"{what}: {got.shape}, the peer's {want.shape}"
    assert abs(got - want).max() < 1e-5, f"{what}: differs by {abs(got - want).max()}"


if __name__ == "__main__":
    main()
