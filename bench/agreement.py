"""Whether fast vectors are right: their cosine to those of a reference, and whether they rank alike."""

import numpy

NEAR = 5e-4  # of scores: bf16 need not tell apart what is nearer
DEPTH = 25


def least_cosine(vectors, reference):
    """The least cosine of two rows."""
    a, b = vectors.astype(numpy.float64), reference.astype(numpy.float64)
    return float(((a * b).sum(1) / numpy.linalg.norm(a, axis=1) / numpy.linalg.norm(b, axis=1)).min())


def top(vectors, reference, passages):
    """How far two sets of vectors put the same passage at each of a query's first 25 ranks. The first rows are passages,
    the others queries. A rank stands in a near-tie where the reference's score of the rank before or behind it is within NEAR
    of its own; such ranks are not judged, whether the two agree there or not.
    """
    near = same = ranks = 0
    for first in range(passages, len(reference), 512):
        score = unit(reference[first:first + 512]) @ unit(reference[:passages]).T
        wanted = best(score, DEPTH + 1)
        found = best(unit(vectors[first:first + 512]) @ unit(vectors[:passages]).T, DEPTH)
        tied = near_ties(numpy.take_along_axis(score, wanted, 1))[:, :DEPTH]
        wanted = wanted[:, :DEPTH]
        same += int(((wanted == found) & ~tied).sum())
        near += int(tied.sum())
        ranks += wanted.size
    return {"same": same / max(ranks - near, 1), "near_ties": near / ranks, "ranks": ranks}


def near_ties(scores):
    """Which of the scores of each row, best first, are within NEAR of the one before or behind."""
    close = scores[:, :-1] - scores[:, 1:] < NEAR
    tied = numpy.zeros(scores.shape, bool)
    tied[:, :-1] |= close
    tied[:, 1:] |= close
    return tied


def unit(rows):
    rows = rows.astype(numpy.float64)
    return rows / numpy.linalg.norm(rows, axis=1, keepdims=True)


def best(scores, depth):
    """Columns of the greatest scores of each row, best first, equal ones in their order."""
    return numpy.argsort(-scores, axis=1, kind="stable")[:, :depth]
