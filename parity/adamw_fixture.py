"""Writes finetune/testdata/adamw.json: AdamW on given gradients, and learning rates by schedule, as torch and transformers do them.

Optimizer cases: a float32 parameter list, 50 steps of given gradients, clipping by global norm 1.0 (some steps are above
it, some below, one is all zeros), torch.optim.AdamW with betas 0.9/0.999 and eps 1e-8. Biases and norms are not
decayed. The parameters are kept after the steps listed in `after`; `norms` are the global norms before clipping.
Schedule cases: the rate of every `stride`-th step, the first step being step 0.
"""

import math

import torch
from transformers import get_scheduler

import fixture

STEPS = 50
KEPT = [1, 2, 3, 10, 25, 50]
SHAPES = {"dense.weight": [3, 4], "dense.bias": [3], "norm.weight": [4]}


def main():
    content = {
        "header": fixture.header("torch", "transformers"),
        "optimizer": [
            optimizer_case("no decay", decay=0.0, rate=1e-2),
            optimizer_case("decay 0.01", decay=0.01, rate=1e-2),
            optimizer_case("decay 0.01, linear schedule", decay=0.01, rate=3e-2, schedule=("linear", 5)),
        ],
        "schedules": [schedule_case(*case) for case in schedules()],
    }
    fixture.write_json(fixture.output("finetune/testdata/adamw.json"), content)


def optimizer_case(name, decay, rate, schedule=None):
    generator = torch.Generator().manual_seed(20)
    initial = {k: torch.randn(shape, generator=generator) for k, shape in SHAPES.items()}
    gradients = [given_gradients(step, generator) for step in range(STEPS)]
    parameters = {k: torch.nn.Parameter(v.clone()) for k, v in initial.items()}
    decayed = [p for k, p in parameters.items() if k == "dense.weight"]
    others = [p for k, p in parameters.items() if k != "dense.weight"]
    groups = [{"params": decayed, "weight_decay": decay}, {"params": others, "weight_decay": 0.0}]
    optimizer = torch.optim.AdamW(groups, lr=rate, betas=(0.9, 0.999), eps=1e-8, foreach=False, fused=False)
    kind, warmup = schedule or ("constant", 0)
    scheduler = get_scheduler(kind, optimizer, num_warmup_steps=warmup, num_training_steps=STEPS)

    rates, norms, after = [], [], []
    for step in range(STEPS):
        for k, p in parameters.items():
            p.grad = gradients[step][k].clone()
        norms.append(float(torch.nn.utils.clip_grad_norm_(parameters.values(), 1.0, foreach=False)))
        rates.append(optimizer.param_groups[0]["lr"])
        optimizer.step()
        scheduler.step()
        if step + 1 in KEPT:
            after.append({"step": step + 1, "parameters": flat(parameters)})
    return {
        "name": name, "betas": [0.9, 0.999], "eps": 1e-8, "decay": decay, "decayed": ["dense.weight"], "clip": 1.0,
        "shapes": SHAPES, "initial": flat(initial), "gradients": [flat(g) for g in gradients],
        "rates": rates, "norms": fixture.single(torch.tensor(norms)), "after": after,
        "first_moments": {k: fixture.single(optimizer.state[p]["exp_avg"].flatten()) for k, p in parameters.items()},
        "second_moments": {k: fixture.single(optimizer.state[p]["exp_avg_sq"].flatten()) for k, p in parameters.items()},
    }


def given_gradients(step, generator):
    # Sizes go from far below the clipping norm to far above it; step 7 has no gradient at all.
    scale = 0.0 if step == 7 else 10.0 ** (step % 5 - 3)
    return {k: (torch.randn(shape, generator=generator) * scale * 1e3).round() / 1e3 for k, shape in SHAPES.items()}


def flat(tensors):
    return {k: fixture.single(v.flatten()) for k, v in tensors.items()}


def schedules():
    reference = (1095, math.ceil(0.1 * 1095), 1e-4)  # 3,506 queries, 16 a step, 5 epochs, last batch dropped
    for kind in ("linear", "cosine", "constant", "constant_with_warmup"):
        for total, warmup in ((1, 0), (7, 0), (10, 1), (20, 2), (24, 5), (10, 10), (13, math.ceil(0.1 * 13))):
            yield kind, total, warmup, 2e-5, 1
        yield (kind, *reference, 1 if kind == "linear" else 5)


def schedule_case(kind, total, warmup, rate, stride):
    parameter = torch.nn.Parameter(torch.zeros(1))
    optimizer = torch.optim.AdamW([parameter], lr=rate)
    scheduler = get_scheduler(kind, optimizer, num_warmup_steps=warmup, num_training_steps=total)
    rates = []
    for _ in range(total):
        rates.append(optimizer.param_groups[0]["lr"])
        optimizer.step()
        scheduler.step()
    return {"kind": kind, "total": total, "warmup": warmup, "rate": rate, "stride": stride, "rates": rates[::stride]}


if __name__ == "__main__":
    main()
