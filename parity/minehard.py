"""sentence-transformers' own mine_hard_negatives, with what it sees on the way; its data sets are datasets.Dataset, which the
environment of FlagEmbedding has."""

import contextlib
import io
import random
import unittest.mock

import torch
from datasets import Dataset
from sentence_transformers.util import dot_score, mine_hard_negatives, pairwise_dot_score

SEED = 42  # of Python's generator, which the library never seeds itself


class Given:
    """Stands in for a SentenceTransformer: vectors by text, compared by their product, as those of length 1 are."""

    device = torch.device("cpu")

    def __init__(self, queries, passages):
        self.queries, self.passages = queries, passages

    @property
    def similarity(self):
        return dot_score

    @property
    def similarity_pairwise(self):
        return pairwise_dot_score

    def encode_query(self, texts, **_):
        return torch.stack([self.queries[text] for text in texts]).numpy()

    def encode_document(self, texts, **_):
        return torch.stack([self.passages[text] for text in texts]).numpy()

    def get_embedding_dimension(self):
        return len(next(iter(self.queries.values())))


def mine(rows, corpus, model, **parameters):
    """The rows that mine_hard_negatives makes, what it prints, and the scores that it sees: of each query's candidates, best
    first as (passage, score), and of the positives of all queries. Passages are places among the different texts."""
    seen = {"candidates": []}
    topk, pairwise = torch.topk, type(model).similarity_pairwise

    def watch_topk(scores, *args, **kwargs):
        best = topk(scores, *args, **kwargs)
        if "positives" not in seen:  # before, the corpus is ranked; after it, what the limits leave
            seen["candidates"] += [list(zip(i, s)) for i, s in zip(best.indices.tolist(), best.values.tolist())]
        return best

    def watch_pairwise(queries, passages):
        scores = pairwise.__get__(model)(queries, passages)
        seen["positives"] = scores.tolist()
        return scores

    random.seed(SEED)
    printed = io.StringIO()
    with contextlib.ExitStack() as stack:
        stack.enter_context(contextlib.redirect_stdout(printed))
        stack.enter_context(contextlib.redirect_stderr(io.StringIO()))
        stack.enter_context(unittest.mock.patch("torch.topk", watch_topk))
        stack.enter_context(unittest.mock.patch.object(type(model), "similarity_pairwise", property(lambda _: watch_pairwise)))
        made = mine_hard_negatives(Dataset.from_dict(rows), model, corpus=corpus, **parameters)
    return made.to_list(), printed.getvalue(), seen


def flags(parameters):
    """A call's parameters as words of quarry mine --compat sentence-transformers."""
    words = []
    for name, value in parameters.items():
        words += ["--" + name, str(value)]
    return words
