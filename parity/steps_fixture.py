"""Writes finetune/testdata/steps.json and steps.safetensors: whole training steps on the tiny BERT, by torch in float64.

finetune/testdata/steps_input.json (written by `go test ./finetune -run TestStepsAgainstTorch -update`) says what each case
starts from and which rows Quarry draws for each step. All else is done here, in torch's words:
  - a step's rows are cut into `accumulate` blocks of batch / accumulate; a block's passages are the columns of its rows;
  - InfoNCE over the block, forward or both directions, known positives masked (the row's own target exempt), summed over
    blocks and divided by the step's queries;
  - a learned temperature is exp(-s); s is in the clipped norm, is not decayed, and is clamped to temperatures 0.01 to 1;
  - clip_grad_norm_ once a step, AdamW without decay on biases and norms, transformers' get_scheduler.
steps.json has what each step reports before its update; steps.safetensors the weights after the last, as <case>/<name>.
"""

import json
import math

import torch
import transformers
from safetensors.torch import save_file

import fixture

UNDECAYED = ("bias", "LayerNorm.weight")


def main():
    source = json.loads((fixture.ROOT / "finetune/testdata/steps_input.json").read_text())
    folder = fixture.output("finetune/testdata")
    header = fixture.header("torch", "transformers")
    cases, tensors = [], {}
    for case in source["cases"]:
        model = transformers.BertModel.from_pretrained(
            fixture.ROOT / "model/testdata/tiny-bert", attn_implementation="eager", add_pooling_layer=False)
        steps, temperature, weights = train(case, model.double().eval(), mean)
        cases.append({"name": case["name"], "temperature": temperature, "steps": steps})
        tensors |= {f"{case['name']}/{name}": value for name, value in weights.items()}
    fixture.write_json(folder / "steps.json", {"header": header, "cases": cases})
    save_file(tensors, folder / "steps.safetensors", metadata={"header": json.dumps(header)})
    (folder / "steps.safetensors").chmod(0o644)


def train(case, model, pool):
    """Trains what of the model is to be trained: the reports of the steps, the temperature and the weights that are left."""
    options = case["options"]
    named = {name: p for name, p in model.named_parameters() if p.requires_grad}
    scale = torch.nn.Parameter(torch.tensor(math.log(1 / options["temperature"]), dtype=torch.float64))
    learned = [scale] if options["learn_temperature"] else []
    decayed = [p for name, p in named.items() if not name.endswith(UNDECAYED)]
    others = [p for name, p in named.items() if name.endswith(UNDECAYED)] + learned
    groups = [{"params": decayed, "weight_decay": options["weight_decay"]}, {"params": others, "weight_decay": 0.0}]
    optimizer = torch.optim.AdamW(groups, lr=options["learning_rate"], betas=(0.9, 0.999), eps=options["eps"])
    total = len(case["steps"])
    warmup = math.ceil(options["warmup_ratio"] * total)
    scheduler = transformers.get_scheduler(options["schedule"], optimizer, num_warmup_steps=warmup, num_training_steps=total)

    reports = []
    for rows in case["steps"]:
        temperature = torch.exp(-scale).item()
        optimizer.zero_grad()
        columns, masked, loss = 0, 0, 0.0
        size = options["batch"] // options["accumulate"]
        for block in (rows[i : i + size] for i in range(0, len(rows), size)):
            part, mask = contrast(lambda texts: embed(model, texts, pool), case, block, torch.exp(-scale))
            (part / len(rows)).backward()
            loss += part.item() / len(rows)
            columns += mask.shape[1]
            masked += int(mask.sum())
        norm = torch.nn.utils.clip_grad_norm_([*named.values(), *learned], options["clip"] or math.inf).item()
        reports.append({
            "loss": loss, "learning_rate": optimizer.param_groups[0]["lr"], "gradient_norm": norm, "temperature": temperature,
            "queries": len(rows), "columns": columns, "masked": masked})
        optimizer.step()
        scheduler.step()
        with torch.no_grad():
            scale.clamp_(0.0, math.log(100))
    weights = {name: p.detach().to(torch.float32).contiguous() for name, p in named.items()}
    return reports, torch.exp(-scale).item(), weights


def contrast(embed, case, rows, temperature):
    """The loss of a block, summed over its rows, and its mask [rows, columns]."""
    options = case["options"]
    columns = [passage for row in rows for passage in row["passages"]]
    targets = torch.tensor([sum(len(r["passages"]) for r in rows[:i]) for i in range(len(rows))])
    queries = embed([case["queries"][row["query"]] for row in rows])
    passages = embed([case["passages"][p] for p in columns])
    mask = torch.zeros(len(rows), len(columns), dtype=torch.bool)
    if options["mask_known_positives"]:
        for i, row in enumerate(rows):
            for j, passage in enumerate(columns):
                mask[i, j] = passage in case["known"][row["query"]] and j != targets[i]
    scores = (queries @ passages.T / temperature).masked_fill(mask, -torch.inf)
    loss = torch.nn.functional.cross_entropy(scores, targets, reduction="sum")
    if options["both_directions"]:
        backward = torch.nn.functional.cross_entropy(scores[:, targets].T, torch.arange(len(rows)), reduction="sum")
        loss = (loss + backward) / 2
    return loss, mask


def embed(model, sequences, pool):
    longest = max(map(len, sequences))
    ids = torch.tensor([s + [0] * (longest - len(s)) for s in sequences])
    mask = torch.tensor([[1] * len(s) + [0] * (longest - len(s)) for s in sequences])
    hidden = model(input_ids=ids, attention_mask=mask).last_hidden_state
    return torch.nn.functional.normalize(pool(hidden, mask), dim=1)


def mean(hidden, mask):
    real = mask.unsqueeze(-1).double()
    return (hidden * real).sum(1) / real.sum(1)


def last(hidden, mask):
    return hidden[torch.arange(len(hidden)), mask.sum(1) - 1]


if __name__ == "__main__":
    main()
