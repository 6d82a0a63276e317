"""Compares adapter files and merging with PEFT, both ways.

PEFT makes adapters of many configurations on all-MiniLM-L6-v2's shape (two layers of it), in three types of base; Go's
TestMergeFiles merges them and writes one of its own; PEFT loads that one and merges all, and the weights are compared.
"""

import pathlib
import shutil
import tempfile
import warnings

import peft
import torch
import transformers
from safetensors.torch import load_file
from sentence_transformers import SentenceTransformer
from sentence_transformers.sentence_transformer.modules import Pooling, Transformer

import report

# Half the distance between neighbouring numbers, relative. Quarry rounds a merged weight once. PEFT computes B·A in
# float32, rounds it to the base's type, and rounds the sum.
ROUNDING = {torch.float32: 2**-24, torch.float16: 2**-11, torch.bfloat16: 2**-8}

ADAPTERS = {
    "plain": ("bert", {"target_modules": ["query", "value"]}),
    "rslora": ("bert", {"target_modules": ["dense"], "use_rslora": True}),
    "patterns": ("bert", {"target_modules": "all-linear", "rank_pattern": {"layer.0.*dense": 2, "key": 7}, "alpha_pattern": {"query": 3}}),
    "layers": ("bert", {"target_modules": ["query", "key"], "layers_to_transform": [1], "layers_pattern": "layer"}),
    "regex": ("bert", {"target_modules": r".*\.0\..*(query|intermediate\.dense)", "exclude_modules": r".*output.*"}),
    "masked-lm": ("masked-lm", {"target_modules": r"bert\.encoder\..*\.query"}),
    "saved": ("bert", {"target_modules": ["query"], "modules_to_save": ["pooler"]}),
    "sentence-transformer": ("sentence-transformer", {"target_modules": ["query"]}),
    "gaussian": ("bert", {"target_modules": ["value"], "init_lora_weights": "gaussian", "task_type": "FEATURE_EXTRACTION"}),
}
REFUSED = {
    "dora": {"target_modules": ["query"], "use_dora": True},
    "lora-bias": {"target_modules": ["query"], "lora_bias": True},
    "embedding": {"target_modules": ["word_embeddings"]},
    "pissa": {"target_modules": ["query"], "init_lora_weights": "pissa"},
    "trained-bias": {"target_modules": ["query"], "bias": "all"},
}


def main():
    checks = report.Checks()
    with tempfile.TemporaryDirectory() as folder:
        lora_test = report.go_test("model/lora", folder)
        merged_weights(checks, lora_test)
        refusals(checks, lora_test)
    checks.finish()


def merged_weights(checks, lora_test):
    for dtype in ROUNDING:
        with tempfile.TemporaryDirectory() as folder:
            folder, kind = pathlib.Path(folder), str(dtype).removeprefix("torch.")
            base = make_base(folder / "base", dtype)
            for name, (network, options) in ADAPTERS.items():
                make(folder / "adapters" / name, network, base, options)
            (folder / "merged").mkdir()
            with checks.check(f"{kind}: PEFT's adapters are read and merged"):
                merge(lora_test, base, folder / "adapters", folder / "merged")
            with checks.check(f"{kind}: PEFT loads an adapter made here, every key used"):
                load(base, folder / "merged" / "new")
            shutil.copytree(folder / "merged" / "new", folder / "adapters" / "new")
            for name in [*ADAPTERS, "new"]:
                with checks.check(f"{kind}: merged weights, {name}"):
                    network = ADAPTERS.get(name, ("bert",))[0]
                    ours = load_file(folder / "merged" / f"{name}.safetensors")
                    compare(ours, *peft_merge(network, base, folder / "adapters" / name), dtype)


def refusals(checks, lora_test):
    with tempfile.TemporaryDirectory() as folder:
        base = make_base(pathlib.Path(folder) / "base", torch.float32)
        for name, options in REFUSED.items():
            with checks.check(f"{name} is refused"):
                alone = pathlib.Path(folder) / name
                make(alone / "adapter", "bert", base, options)
                (alone / "merged").mkdir()
                try:
                    merge(lora_test, base, alone, alone / "merged")
                except AssertionError as refusal:
                    assert "not supported" in str(refusal) or "has no linear module" in str(refusal), refusal
                else:
                    raise AssertionError("it was merged")


def make_base(folder, dtype):
    config = transformers.BertConfig.from_pretrained(report.minilm(), num_hidden_layers=2, vocab_size=1000)  # no text is read
    torch.manual_seed(1)
    transformers.BertModel(config).to(dtype).save_pretrained(folder)
    for path in report.minilm().iterdir():
        if path.name.startswith(("tokenizer", "vocab", "special")):
            shutil.copy(path, folder)
    return folder


def network_of(kind, base):
    dtype = transformers.AutoConfig.from_pretrained(base).dtype
    if kind == "masked-lm":
        return transformers.BertForMaskedLM.from_pretrained(base, dtype=dtype)
    if kind == "sentence-transformer":
        return SentenceTransformer(modules=[Transformer(str(base), model_kwargs={"dtype": dtype}), Pooling(384)], device="cpu")
    return transformers.AutoModel.from_pretrained(base, dtype=dtype)


def make(folder, kind, base, options):
    torch.manual_seed(2)
    model = peft.get_peft_model(network_of(kind, base), peft.LoraConfig(r=4, lora_alpha=10, **options))
    for name, parameter in model.named_parameters():
        if "lora_B" in name or "modules_to_save" in name or "lora_embedding" in name:
            torch.nn.init.normal_(parameter.data, 0.0, 0.05)
    model.save_pretrained(folder, save_embedding_layers=False)


def merge(lora_test, base, adapters, output):
    lora_test("TestMergeFiles", "-merge-base", base, "-merge-adapters", adapters, "-merge-output", output)


def load(base, adapter):
    with warnings.catch_warnings():
        warnings.filterwarnings("error", message=".*adapter key.*")
        model = peft.PeftModel.from_pretrained(network_of("bert", base), adapter)
    stored = load_file(adapter / "adapter_model.safetensors")
    state = peft.get_peft_model_state_dict(model)
    assert state.keys() == stored.keys(), state.keys() ^ stored.keys()
    for name, tensor in stored.items():
        assert torch.equal(tensor, state[name].float()), name


def peft_merge(kind, base, adapter):
    """PEFT's merged weights, and by name the size of what was summed: scaling·|B|·|A|, with the rank."""
    model = peft.PeftModel.from_pretrained(network_of(kind, base), adapter)
    wrapping = {"masked-lm": "bert.", "sentence-transformer": "0.model."}.get(kind, "")
    summed = {}
    for name, module in model.base_model.model.named_modules():
        if isinstance(module, peft.tuners.lora.Linear):
            a, b = (m["default"].weight.float().abs() for m in (module.lora_A, module.lora_B))
            summed[name.removeprefix(wrapping) + ".weight"] = (b @ a * module.scaling["default"], len(a))
    state = model.merge_and_unload(safe_merge=True).state_dict()
    return {name.removeprefix(wrapping): t for name, t in state.items() if name.startswith(wrapping)}, summed


def compare(ours, theirs, summed, dtype):
    assert all(name.startswith("pooler.") for name in ours.keys() - theirs.keys()), ours.keys() - theirs.keys()
    assert all(name in ours for name in summed), summed.keys() - ours.keys()
    half = ROUNDING[dtype]
    for name in ours.keys() & theirs.keys():
        a, b = ours[name], theirs[name]
        assert a.dtype == dtype, f"{name}: {a.dtype}"
        if name not in summed:
            assert torch.equal(a, b), f"{name} differs"
            continue
        size, rank = summed[name]
        product = (rank + 2) * 2**-24 * size  # a sum of rank products in float32, and its scaling
        limit = product + half * (size + 2 * b.float().abs()) + 2**-24  # the last for numbers below half's normal range
        if dtype == torch.float32:
            limit -= 2**-24
        worst = ((a.float() - b.float()).abs() / limit).max().item()
        assert worst <= 1, f"{name}: {worst} of what rounding explains"


if __name__ == "__main__":
    main()
