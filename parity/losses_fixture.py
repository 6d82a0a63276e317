"""Writes finetune/testdata/losses.json: the losses and gradients of the peers, in float64 (see peer_losses.py).

Passages are grouped by query, the positive first. Losses of sentence-transformers bring vectors to length 1 themselves;
FlagEmbedding's take them as they are. The committed file is of FlagEmbedding 1.4.2's own; its equations, which stand in
where the package is missing, give the same to rounding.
"""

import torch

import fixture
import peer_losses

ROWS, GROUP, DIM = 4, 3, 6


def main():
    cases = [matryoshka(dims, weights) for dims, weights in [([6], [1]), ([6, 4, 2], [1, 1, 1]), ([2, 5], [0.25, 2])]]
    cases += [guided(mask, margin) for mask, margin in
              [("absolute", 0.0), ("absolute", 0.3), ("absolute", -0.2), ("relative", 0.05), ("relative", 0.9)]]
    cases += [distilled(kind, rows, group) for kind in ["kl_div", "m3_kd_loss"] for rows, group in [(4, 3), (1, 4), (5, 1)]]
    content = {"header": fixture.header("torch", "sentence-transformers"), "cases": cases}
    fixture.write_json(fixture.output("finetune/testdata/losses.json"), content)


def matryoshka(dims, weights):
    rows, temperature = vectors(ROWS * (1 + GROUP), 1), 0.05
    found = peer_losses.matryoshka(rows, ROWS, GROUP, temperature, dims, weights)
    return case(f"matryoshka {dims}", rows, ROWS, GROUP, temperature, found, dims=dims, weights=weights)


def guided(mask, margin):
    queries, group = 6, 2  # GISTEmbedLoss takes one negative
    rows, guide, temperature = vectors(queries * (1 + group), 2), vectors(queries * (1 + group), 3), 0.05
    found = peer_losses.guided(rows, guide, queries, group, temperature, mask, margin)
    return case(f"guide, {mask} margin {margin}", rows, queries, group, temperature, found,
                dims=[DIM], weights=[1], mask=mask, margin=margin,
                guide=torch.nn.functional.normalize(guide.double(), dim=1).float().tolist())


def distilled(kind, rows, group):
    all_rows, temperature = vectors(rows * (1 + group), 4), 0.7
    scores = 3 * torch.randn(rows, group, generator=torch.Generator().manual_seed(5), dtype=torch.float64)
    scores = (scores * 16).round() / 16
    q = all_rows[:rows].double().requires_grad_()
    p = all_rows[rows:].double().requires_grad_()
    loss = peer_losses.distilled(q, p, scores, temperature, kind, peer_losses.flagembedding())
    loss.backward()
    return case(f"{kind}, {rows} rows of {group}", all_rows, rows, group, temperature, (loss.item(), q.grad, p.grad),
                distill=kind, teacher=scores.tolist())


def case(name, rows, queries, group, temperature, found, **more):
    loss, query_gradients, passage_gradients = found
    return {"name": name, "group": group, "temperature": temperature, **more,
            "queries": rows[:queries].tolist(), "passages": rows[queries:].tolist(), "loss": loss,
            "query_gradients": query_gradients.tolist(), "passage_gradients": passage_gradients.tolist()}


def vectors(n, seed):
    """Random vectors, exact in few digits."""
    x = torch.randn(n, DIM, generator=torch.Generator().manual_seed(seed))
    return (x * 256).round() / 256


if __name__ == "__main__":
    main()
