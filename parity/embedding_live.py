"""`quarry embed` at f32 against sentence-transformers at f32: the vectors of one text agree to a cosine of 0.999999."""

import json
import pathlib
import shutil
import tempfile

import numpy
import torch
from safetensors.numpy import load_file
from sentence_transformers import SentenceTransformer
from sentence_transformers.evaluation import InformationRetrievalEvaluator
from sentence_transformers.sentence_transformer.modules import Normalize, Pooling, Transformer

from sentence_transformers.util import cos_sim

import report
import texts

LEAST = 0.999999
ENCODERS = ["roberta", "xlm-roberta", "modernbert", "mpnet", "nomic", "gte"]  # of model/testdata/encoders
DENSE = report.ROOT / "model" / "testdata" / "dense"
ACTIVATIONS = ["Tanh", "", "linear.Identity", "ReLU", "GELU"]  # of a Dense, as torch.nn has them; none named is Tanh
POOLINGS = ["cls", "mean", "max", "lasttoken", "weightedmean"]


def main():
    checks = report.Checks()
    with tempfile.TemporaryDirectory() as folder:
        scratch = pathlib.Path(folder)
        peer = Remembering(str(report.minilm()), device="cpu")
        with checks.check("all-MiniLM-L6-v2: hard texts"):
            compare(scratch, peer, texts.HARD)
        with checks.check("all-MiniLM-L6-v2: an empty passage"):
            compare(scratch, peer, ["", "not empty"])
        with checks.check("all-MiniLM-L6-v2: eedi corpus"):
            compare(scratch, peer, texts.eedi("corpus.jsonl", "text"))
        with checks.check("all-MiniLM-L6-v2: eedi dev queries"):
            compare(scratch, peer, texts.eedi("dev.jsonl", "query"), "--kind", "query")
        with checks.check("all-MiniLM-L6-v2: measures of the base on eedi dev"):
            measures_equal(peer)
        with checks.check("all-MiniLM-L6-v2: query prompt with a newline"):
            queries = texts.HARD[:4]
            got = embed(scratch, queries, "--kind", "query", "--query-prompt", "task: add\\nquery: {}")
            same(got, encode(peer, [f"task: add\nquery: {q}" for q in queries]))
        with checks.check("all-MiniLM-L6-v2: --max-length 16"):
            compare(scratch, shortened(16), texts.HARD, "--max-length", 16)
        for pooling in POOLINGS:
            with checks.check(f"all-MiniLM-L6-v2: --pooling {pooling}, not normalised"):
                modules = [Transformer(str(report.minilm())), Pooling(384, pooling)]
                peer = SentenceTransformer(modules=modules, device="cpu")
                peer.max_seq_length = 256
                compare(scratch, peer, texts.HARD, "--pooling", pooling, "--normalize=false")
        with checks.check("all-MiniLM-L6-v2: token ids in place of texts"):
            token_ids_equal_texts(scratch)
        with checks.check("tiny-bert: token ids"):
            tiny_bert(scratch)
        for name in ENCODERS:
            with checks.check(f"{name}, small and random: hard texts"):
                small_encoder(scratch, report.ROOT / "model" / "testdata" / "encoders" / name)
        for activation in ACTIVATIONS:
            with checks.check(f"two Dense modules, the first with {activation or 'no activation named'}, small and random: hard texts"):
                model = with_activation(scratch / "dense", activation)
                same(embed(scratch, texts.HARD, model=model), encode(SentenceTransformer(str(model), device="cpu"), texts.HARD))
        with checks.check("two Dense modules: not normalised, by --pooling cls and --max-length 8"):
            peer = SentenceTransformer(str(DENSE), device="cpu")
            modules = [peer[0], Pooling(16, "cls"), peer[2], peer[3]]
            peer = SentenceTransformer(modules=modules, device="cpu")
            peer.max_seq_length = 8
            options = ["--pooling", "cls", "--normalize=false", "--max-length", 8]
            same(embed(scratch, texts.HARD, *options, model=DENSE), encode(peer, texts.HARD))
    checks.finish()


class Remembering(SentenceTransformer):
    """Makes the vector of a text once: the measures are of texts whose vectors were compared before."""

    def encode(self, inputs, **options):
        known = self.__dict__.setdefault("known", {})
        new = [text for text in dict.fromkeys(inputs) if text not in known]
        if new:
            known.update(zip(new, super().encode(new, convert_to_numpy=True, batch_size=32, show_progress_bar=False)))
        vectors = numpy.stack([known[text] for text in inputs])
        return torch.from_numpy(vectors) if options.get("convert_to_tensor") else vectors


def compare(scratch, peer, rows, *options):
    same(embed(scratch, rows, *options), encode(peer, rows))


def embed(scratch, rows, *options, model=None, field="text"):
    """What quarry makes of the rows."""
    source, target = texts.write(scratch / "texts.jsonl", rows, field), scratch / "vectors.npy"
    model = model or report.minilm()
    report.quarry("embed", "--model", model, "--input", source, "--output", target, "--precision", "f32", *options)
    return numpy.load(target)


def encode(peer, rows):
    with torch.inference_mode():
        return peer.encode(rows, batch_size=32, convert_to_numpy=True, show_progress_bar=False)


def measures_equal(peer):
    """`quarry eval` and sentence-transformers' InformationRetrievalEvaluator, each with its own vectors, within 0.001."""
    corpus, dev = report.shared("eedi", "corpus.jsonl"), report.shared("eedi", "dev.jsonl")
    printed = report.quarry(
        "eval", "--model", report.minilm(), "--corpus", corpus, "--queries", dev, "--precision", "f32", "--json",
        "--metrics", "map@25,recall@25,recall@100")
    got = json.loads(printed)["metrics"]
    passages = {p["id"]: p["text"] for p in map(json.loads, corpus.read_text().splitlines())}
    rows = list(map(json.loads, dev.read_text().splitlines()))
    evaluator = InformationRetrievalEvaluator(
        queries={str(i): row["query"] for i, row in enumerate(rows)}, corpus=passages,
        relevant_docs={str(i): {str(row["correct_id"])} for i, row in enumerate(rows)},
        map_at_k=[25], precision_recall_at_k=[25, 100], mrr_at_k=[10], ndcg_at_k=[10], accuracy_at_k=[1], score_functions={"cosine": cos_sim})
    with torch.inference_mode():
        want = evaluator(peer)
    for name in ("map@25", "recall@25", "recall@100"):
        wanted = want["cosine_" + name]
        assert abs(got[name] - wanted) <= 0.001, f"{name}: {got[name]}, sentence-transformers {wanted}"


def shortened(tokens):
    peer = SentenceTransformer(modules=[Transformer(str(report.minilm())), Pooling(384, "mean"), Normalize()], device="cpu")
    peer.max_seq_length = tokens
    return peer


def same(got, want):
    """Equal direction and equal length, each vector."""
    assert got.dtype == numpy.float32 and got.shape == want.shape, f"{got.dtype} {got.shape}, want {want.shape}"
    got, want = got.astype(numpy.float64), want.astype(numpy.float64)
    lengths, wanted = numpy.linalg.norm(got, axis=1), numpy.linalg.norm(want, axis=1)
    cosines = (got * want).sum(axis=1) / (lengths * wanted)
    worst = int(cosines.argmin())
    print(f"     {len(got)} texts, least cosine {cosines[worst]:.9f}, largest difference {abs(got - want).max():.2e}")
    assert cosines[worst] >= LEAST, f"text {worst}: cosine {cosines[worst]:.9f}, want at least {LEAST}"
    assert numpy.allclose(lengths, wanted, rtol=1e-5), f"lengths differ by {abs(lengths / wanted - 1).max():.2e}"


def token_ids_equal_texts(scratch):
    from transformers import AutoTokenizer

    tokenizer = AutoTokenizer.from_pretrained(report.minilm())
    rows = texts.HARD[:8]
    ids = [tokenizer(row, truncation=True, max_length=256)["input_ids"] for row in rows]
    from_ids = embed(scratch, ids, field="ids")
    assert (from_ids == embed(scratch, rows)).all(), "vectors of token ids and of texts differ"


def tiny_bert(scratch):
    folder = report.ROOT / "model" / "testdata" / "tiny-bert"
    sequences = json.loads((folder / "expected" / "inputs.json").read_text())["sequences"]
    want = load_file(folder / "expected" / "gelu.safetensors")["embeddings"]
    same(embed(scratch, sequences, model=folder, field="ids"), want)


def small_encoder(scratch, folder):
    """Texts are stripped, as Quarry strips passages: a tokenizer of bytes would see the difference."""
    peer = SentenceTransformer(str(folder), device="cpu")
    peer.max_seq_length = json.loads((folder / "expected" / "inputs.json").read_text())["max_length"]
    rows = [text.strip() for text in texts.HARD]
    same(embed(scratch, rows, model=folder), encode(peer, rows))


def with_activation(folder, activation):
    """A copy of the model with Dense modules, under another activation in the first."""
    shutil.copytree(DENSE, folder, dirs_exist_ok=True)
    path = folder / "2_Dense" / "config.json"
    config = json.loads((DENSE / "2_Dense" / "config.json").read_text())
    del config["activation_function"]
    if activation:
        config["activation_function"] = "torch.nn.modules." + (activation if "." in activation else f"activation.{activation}")
    path.write_text(json.dumps(config))
    return folder


if __name__ == "__main__":
    main()
