"""`quarry finetune --from-adapter` against PEFT: an adapter that PEFT wrote, trained on by both on the same batches, dropout off.

Each step has all rows, and each row one positive and one negative: then nothing is drawn, and the order of rows changes no loss.
Loss, learning rate and norm of the gradient of every step are compared, and every tensor of the adapter that is left.
"""

import json
import pathlib
import tempfile
import types

import peft
import torch
import transformers
from safetensors.torch import load_file

import decoder_fixture
import merge_live
import report
import steps_fixture

WORDS = 60
ROWS = 6
OPTIONS = dict(
    learning_rate=1e-2, schedule="linear", warmup_ratio=0.1, weight_decay=0.0, eps=1e-8, clip=1.0, temperature=0.05,
    learn_temperature=False, both_directions=False, mask_known_positives=False, batch=ROWS, accumulate=1)
EPOCHS = 12

CASES = {
    "all projections": dict(target_modules=decoder_fixture.PROJECTIONS),
    "rslora, ranks and alphas by pattern": dict(
        target_modules=["q_proj", "k_proj", "o_proj", "down_proj"], use_rslora=True,
        rank_pattern={"k_proj": 2, r"layers\.1\..*": 6}, alpha_pattern={"o_proj": 3}),
    "modules_to_save": dict(target_modules=["q_proj", "up_proj"], modules_to_save=["embed_tokens", "norm"]),  # every norm
    "of ForCausalLM": dict(target_modules="all-linear", task_type="CAUSAL_LM"),
}


class Encoder(torch.nn.Module):
    """What stands below the head of a language model."""

    def __init__(self, model):
        super().__init__()
        self.model = model

    def forward(self, **inputs):
        return types.SimpleNamespace(last_hidden_state=self.model(**inputs, output_hidden_states=True).hidden_states[-1])


def main():
    checks = report.Checks()
    with tempfile.TemporaryDirectory() as folder:
        scratch = pathlib.Path(folder)
        base, case = make_base(scratch / "base"), make_case()
        write_rows(scratch / "rows.jsonl", case)
        for name, options in CASES.items():
            with checks.check(f"{name}: steps and adapter"):
                compare(scratch, name, base, case, options)
    checks.finish()


def make_base(folder):
    config = transformers.MistralConfig(
        vocab_size=WORDS, hidden_size=32, num_hidden_layers=2, num_attention_heads=4, num_key_value_heads=2, intermediate_size=48,
        max_position_embeddings=64, sliding_window=16, pad_token_id=0)
    torch.manual_seed(1)
    transformers.MistralForCausalLM(config).save_pretrained(folder)
    words = {"version": "1.0", "pre_tokenizer": {"type": "WhitespaceSplit"}, "model": {
        "type": "WordLevel", "vocab": {f"w{i}": i for i in range(WORDS)}, "unk_token": "w0"}}
    (folder / "tokenizer.json").write_text(json.dumps(words))
    return folder


def make_case():
    generator = torch.Generator().manual_seed(2)

    def text(least, most):
        length = int(torch.randint(least, most, (1,), generator=generator))
        return torch.randint(1, WORDS, (length,), generator=generator).tolist()

    rows = [{"query": i, "passages": [2 * i, 2 * i + 1]} for i in range(ROWS)]
    return {"options": OPTIONS, "steps": [rows] * EPOCHS, "queries": [text(3, 10) for _ in rows], "passages": [text(5, 30) for _ in range(2 * ROWS)]}


def write_rows(path, case):
    words = lambda ids: " ".join(f"w{i}" for i in ids)
    path.write_text("".join(json.dumps({
        "query": words(case["queries"][row["query"]]), "pos": [words(case["passages"][row["passages"][0]])],
        "neg": [words(case["passages"][row["passages"][1]])]}) + "\n" for row in case["steps"][0]))


def network(base, options):
    kind = transformers.AutoModelForCausalLM if options.get("task_type") == "CAUSAL_LM" else transformers.AutoModel
    return kind.from_pretrained(base, attn_implementation="eager", dtype=torch.float32)


def compare(scratch, name, base, case, options):
    adapter, output = scratch / f"adapter {name}", scratch / f"output {name}"
    torch.manual_seed(3)
    made = peft.get_peft_model(network(base, options), peft.LoraConfig(r=4, lora_alpha=6, lora_dropout=0.0, **options))
    with torch.no_grad():
        for parameter_name, p in made.named_parameters():
            if "lora_B" in parameter_name or "modules_to_save" in parameter_name:
                p.add_(torch.randn(p.shape) * 0.05)
    made.save_pretrained(adapter)

    model = peft.PeftModel.from_pretrained(network(base, options), adapter, is_trainable=True).eval()
    encoder = Encoder(model) if options.get("task_type") == "CAUSAL_LM" else model
    want, _, _ = steps_fixture.train(case, encoder, steps_fixture.last)
    report.quarry(
        "finetune", "--model", base, "--from-adapter", adapter, "--train", scratch / "rows.jsonl", "--output", output, "--method", "lora",
        "--epochs", EPOCHS, "--batch", ROWS, "--group-size", 2, "--learning-rate", OPTIONS["learning_rate"], "--warmup-ratio", OPTIONS["warmup_ratio"],
        "--weight-decay", OPTIONS["weight_decay"], "--temperature", OPTIONS["temperature"], "--mask-known-positives=false", "--dropout=false",
        "--pooling", "lasttoken", "--normalize", "--precision", "f32")
    got = [json.loads(line) for line in (output / "steps.jsonl").read_text().splitlines()]
    assert len(got) == len(want) == EPOCHS, f"{len(got)} steps"
    assert want[-1]["loss"] < 0.7 * want[0]["loss"], f"nothing was learned: {want[0]['loss']} to {want[-1]['loss']}"
    for step, (mine, theirs) in enumerate(zip(got, want), 1):
        assert abs(mine["loss"] - theirs["loss"]) <= 1e-3, f"step {step}: loss {mine['loss']}, PEFT's {theirs['loss']}"
        assert abs(mine["learning_rate"] - theirs["learning_rate"]) <= 1e-12, f"step {step}: learning rate {mine['learning_rate']}"
        off = abs(mine["gradient_norm"] - theirs["gradient_norm"]) / theirs["gradient_norm"]
        assert off <= 1e-3, f"step {step}: norm of the gradient off by {off:.2e} of itself"
    compare_adapters(load_file(output / f"epoch-{EPOCHS}" / "adapter_model.safetensors"), model, load_file(adapter / "adapter_model.safetensors"))
    if options.get("task_type") != "CAUSAL_LM":
        merge_live.every_key_is_used(base, output / f"epoch-{EPOCHS}")


def compare_adapters(mine, model, before):
    """Every tensor is within a thousandth of its norm, and has moved further than that."""
    short = lambda name: name.replace("base_model.model.model.", "base_model.model.")
    theirs = {short(name): t.detach() for name, t in peft.get_peft_model_state_dict(model).items()}
    before = {short(name): t for name, t in before.items()}
    assert mine.keys() == theirs.keys() == before.keys(), mine.keys() ^ theirs.keys()
    for name, tensor in theirs.items():
        off = (mine[name] - tensor).norm() / tensor.norm()
        moved = (before[name] - tensor).norm() / tensor.norm()
        assert off <= 1e-3, f"{name}: differs by {off:.2e} of its norm"
        assert moved > 1e-2, f"{name}: moved by {moved:.2e} of its norm alone"


if __name__ == "__main__":
    main()
