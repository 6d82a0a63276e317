"""Writes finetune/testdata/infonce.json: InfoNCE losses and gradients from torch in float64.

queries [B, D] and passages [B * group, D] are taken as they are (unit length or not). The target of row i is column
i * group. scores = queries · passagesᵀ / temperature; a masked (row, column) pair has no part in either direction.
  forward:  mean over rows of cross entropy of a row's scores over all columns;
  both:     (forward + backward) / 2, where backward is the mean over rows i of cross entropy of column i * group's
            scores over all rows, target i (sentence-transformers' symmetric loss, with the masks).
Gradients are of the loss with respect to queries, passages and the temperature itself.
"""

import torch

import fixture


def main():
    cases = [case(*arguments) for arguments in arguments_of_cases()]
    content = {"header": fixture.header("torch"), "cases": cases}
    fixture.write_json(fixture.output("finetune/testdata/infonce.json"), content)


def arguments_of_cases():
    # name, B, group, temperature, unit length, masked pairs
    sizes = [
        ("one query, one negative", 1, 2, 0.02, True, []),
        ("in-batch only", 4, 1, 0.05, True, []),
        ("three groups of three", 3, 3, 0.02, True, []),
        ("warm temperature", 3, 2, 1.0, True, []),
        ("not of unit length, large scores", 3, 2, 0.01, False, []),
        ("mask: another row's target is a positive too", 3, 2, 0.05, True, [[0, 2], [1, 0]]),
        ("mask: second copy of the own target", 3, 3, 0.05, True, [[1, 5]]),
        ("mask: a mined negative of one row answers another", 3, 3, 0.05, True, [[0, 4], [2, 1], [2, 2]]),
        ("mask: nothing left but the target", 2, 2, 0.05, True, [[0, 1], [0, 2], [0, 3]]),
    ]
    for size in sizes:
        yield (*size, "forward")
        yield (*size, "both")


def case(name, rows, group, temperature, unit, masked, directions):
    generator = torch.Generator().manual_seed(1000 * rows + 10 * group)
    queries = vectors(rows, unit, generator)
    passages = vectors(rows * group, unit, generator)
    t = torch.tensor(temperature, dtype=torch.float64, requires_grad=True)
    scores = queries @ passages.T / t
    mask = torch.zeros(rows, rows * group, dtype=torch.bool)
    for row, column in masked:
        assert column != row * group, "the own target is never masked"
        mask[row, column] = True
    scores = scores.masked_fill(mask, -torch.inf)
    targets = torch.arange(rows) * group
    forward = torch.nn.functional.cross_entropy(scores, targets, reduction="none")
    backward = torch.nn.functional.cross_entropy(scores[:, targets].T, torch.arange(rows), reduction="none")
    loss = forward.mean() if directions == "forward" else (forward.mean() + backward.mean()) / 2
    loss.backward()
    return {
        "name": f"{name} ({directions})", "directions": directions, "group": group, "temperature": temperature,
        "masked": masked, "queries": queries.tolist(), "passages": passages.tolist(),
        "loss": loss.item(), "row_losses": forward.tolist(),
        "query_gradients": queries.grad.tolist(), "passage_gradients": passages.grad.tolist(),
        "temperature_gradient": t.grad.item(),
    }


def vectors(rows, unit, generator):
    """Random vectors of 4 numbers, exact in float32 so that both precisions start from the same values."""
    x = torch.randn(rows, 4, generator=generator)
    x = torch.nn.functional.normalize(x, dim=1) if unit else x
    x = (x * 1024).round() / 1024
    return x.double().requires_grad_()


if __name__ == "__main__":
    main()
