"""The peers' losses on given vectors: sentence-transformers' by its own classes, FlagEmbedding's by its own where it is installed.

Vectors are rows of a matrix that a real model looks up: a text "t7" is row 7, so that the gradient of a row is that of
its vector. Quarry's columns are grouped by query, the peers' by column of the data set; they are the same columns.

FlagEmbedding's module of losses is read without the rest of the package, which imports more than the environment has. An
interpreter without the package (QUARRY_PYTHON) gets its equations, written out in `distance`.
"""

import importlib.machinery
import importlib.util
import pathlib
import sys

import numpy
import tokenizers
import torch
import transformers
from sentence_transformers import SentenceTransformer
from sentence_transformers.sentence_transformer.losses import (
    CachedGISTEmbedLoss, GISTEmbedLoss, MatryoshkaLoss, MultipleNegativesRankingLoss)
from sentence_transformers.sentence_transformer.modules import StaticEmbedding


class Lookup(SentenceTransformer):
    """GIST's losses want a tokenizer of transformers, to compare the guide's with the model's."""

    @property
    def tokenizer(self):
        return transformers.PreTrainedTokenizerFast(tokenizer_object=self[0].tokenizer)


def lookup(rows):
    """A model whose vector of "t7" is rows[7], in float64."""
    words = {f"t{i}": i for i in range(len(rows))}
    tokenizer = tokenizers.Tokenizer(tokenizers.models.WordLevel(words, unk_token="t0"))
    tokenizer.pre_tokenizer = tokenizers.pre_tokenizers.Whitespace()
    module = StaticEmbedding(tokenizer, embedding_weights=numpy.asarray(rows, dtype=numpy.float32))
    return Lookup(modules=[module], device="cpu").double()


def features(model, queries, group):
    """The columns of a data set of queries rows: query, positive, negatives."""
    columns = [[f"t{i}" for i in range(queries)]]
    columns += [[f"t{queries + i * group + k}" for i in range(queries)] for k in range(group)]
    return [model.preprocess(column) for column in columns]


def take(model, loss, queries, group):
    """The loss and its gradients by row: of queries, of passages."""
    value = loss(features(model, queries, group), None)
    value.backward()
    gradient = model[0].embedding.weight.grad
    return value.item(), gradient[:queries], gradient[queries:]


def matryoshka(rows, queries, group, temperature, dims, weights):
    model = lookup(rows)
    inner = MultipleNegativesRankingLoss(model, scale=1 / temperature)
    return take(model, MatryoshkaLoss(model, inner, dims, weights), queries, group)


def guided(rows, guide, queries, group, temperature, mask, margin, cached=False):
    """GISTEmbedLoss over passages as columns alone, which are Quarry's."""
    model = lookup(rows)
    how = {"temperature": temperature, "margin_strategy": mask, "margin": margin, "contrast_anchors": False, "contrast_positives": False}
    if cached:
        return take(model, CachedGISTEmbedLoss(model, lookup(guide), mini_batch_size=2, **how), queries, group)
    return take(model, GISTEmbedLoss(model, lookup(guide), **how), queries, group)


def flagembedding():
    """FlagEmbedding's module of losses, without the rest of the package; None where it is not installed."""
    spec = importlib.machinery.PathFinder.find_spec("FlagEmbedding", sys.path)
    if spec is None:
        return None
    path = pathlib.Path(spec.submodule_search_locations[0]) / "abc/finetune/embedder/AbsModeling.py"
    spec = importlib.util.spec_from_file_location("flagembedding_losses", path)
    module = importlib.util.module_from_spec(spec)
    sys.modules[spec.name] = module  # its dataclass looks itself up
    spec.loader.exec_module(module)
    return module


def distilled(queries, passages, scores, temperature, kind, package=None):
    """A step's loss with a teacher's scores [rows, group]: by the package's trainer model, or by the equations."""
    if package is None:
        return distance(queries @ passages.T / temperature, torch.softmax(scores, dim=1), kind)
    trainer = type("Given", (package.AbsEmbedderModel,), {
        "encode": lambda self, vectors: vectors,
        "compute_score": lambda self, q, p: q @ p.T / temperature,
        "compute_loss": lambda self, s, target: torch.nn.functional.cross_entropy(s, target),
        "save": lambda self, folder: None,
    })
    trainer.__abstractmethods__ = frozenset()
    model = trainer.__new__(trainer)
    torch.nn.Module.__init__(model)
    model.kd_loss_type, model.negatives_cross_device, model.use_mrl, model.training = kind, False, False, True
    before = torch.get_default_dtype()
    torch.set_default_dtype(torch.float64)  # it makes a tensor of the scores
    try:
        return model.forward(queries, passages, scores.flatten().tolist()).loss
    finally:
        torch.set_default_dtype(before)


def distance(logits, teacher, kind):
    """The equations. Row i owns the columns i·G to i·G + G - 1, the positive first; t is the teacher's softmax.

    kl_div:     mean of CE(logits_i, i·G) - sum_j t_ij log softmax(own logits of i)_j
    m3_kd_loss: sum over j of the mean of t_ij CE(logits_i without own columns before j, i·G + j)
    """
    rows, group = teacher.shape
    first = torch.arange(rows) * group
    if kind == "kl_div":
        own = logits.gather(1, first[:, None] + torch.arange(group))
        contrast = torch.nn.functional.cross_entropy(logits, first)
        return contrast - (teacher * own.log_softmax(dim=1)).sum(dim=1).mean()
    loss = 0
    columns = torch.arange(logits.shape[1])
    for j in range(group):
        before = (columns >= first[:, None]) & (columns < first[:, None] + j)
        entropy = torch.nn.functional.cross_entropy(logits.masked_fill(before, -torch.inf), first + j, reduction="none")
        loss = loss + (teacher[:, j] * entropy).mean()
    return loss
