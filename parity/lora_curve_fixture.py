"""Writes finetune/testdata/lora_curve.json: 20 steps of LoRA on the tiny Mistral, by PEFT and torch.

finetune/testdata/lora_curve_input.json (written by `go test ./finetune -run TestLoRACurveAgainstPEFT -update`) says which rows
Quarry draws for each step and the A matrices that its adapter starts from; B is zero. The adapter is on all seven
projections, dropout is off, vectors are those of the last token. steps_fixture.py says how a step is done.
"""

import json

import peft
import torch
import transformers

import fixture
import steps_fixture
from decoder_fixture import PROJECTIONS


def main():
    case = json.loads((fixture.ROOT / "finetune/testdata/lora_curve_input.json").read_text())
    folder = fixture.output("finetune/testdata")
    base = transformers.AutoModel.from_pretrained(fixture.ROOT / "model/testdata/decoders/mistral", attn_implementation="eager")
    config = peft.LoraConfig(r=case["rank"], lora_alpha=case["alpha"], lora_dropout=0.0, target_modules=PROJECTIONS)
    model = peft.get_peft_model(base, config).eval()  # float32: in float64 a padding token that sees no token has no number
    with torch.no_grad():
        for name, p in model.named_parameters():
            if ".lora_A." in name:
                module = name.removeprefix("base_model.model.").removesuffix(".lora_A.default.weight")
                p.copy_(torch.tensor(case["lora_A"][module]).reshape(p.shape))
            elif ".lora_B." in name:
                assert not p.any(), name
    steps, _, weights = steps_fixture.train(case, model, steps_fixture.last)
    matrices = {name.removeprefix("base_model.model.").replace(".default.weight", ".weight"): fixture.single(w.flatten()) for name, w in weights.items()}
    kept = [{key: step[key] for key in ("loss", "learning_rate", "gradient_norm")} for step in steps]
    fixture.write_json(folder / "lora_curve.json", {"header": fixture.header("torch", "transformers", "peft"), "steps": kept, "matrices": matrices})


if __name__ == "__main__":
    main()
