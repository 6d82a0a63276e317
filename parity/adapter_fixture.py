"""Writes model/lora/testdata/matching.json: which modules of a small BERT, and of a small Qwen 3, PEFT puts an adapter on, by
configuration.

Each case has the configuration's keys, and each module that got an adapter with its rank and scaling. `wrapping` is what
stands before a module's name in the network that was adapted.
"""

import peft
import transformers

import fixture

CASES = [
    ("suffix", {"target_modules": ["query", "value"]}),
    ("dense reaches the pooler", {"target_modules": ["dense"]}),
    ("suffix of two parts", {"target_modules": ["output.dense"]}),
    ("name in full", {"target_modules": ["encoder.layer.0.attention.self.query"]}),
    ("pattern", {"target_modules": r".*\.layer\.1\.attention\.self\.(query|key)"}),
    ("pattern must match the whole name", {"target_modules": r".*query|.*layer\.0\.intermediate\.dense"}),
    ("all linear", {"target_modules": "all-linear"}),
    ("all linear, some excluded", {"target_modules": "all-linear", "exclude_modules": ["dense"]}),
    ("excluded by pattern", {"target_modules": ["query", "key"], "exclude_modules": r"encoder\.layer\.0\..*"}),
    ("a layer", {"target_modules": ["query"], "layers_to_transform": 1}),
    ("layers", {"target_modules": ["query", "encoder.layer.2.attention.self.key"], "layers_to_transform": [0, 1]}),
    ("layers by pattern", {"target_modules": ["query"], "layers_to_transform": [2], "layers_pattern": "layer"}),
    ("layers by patterns", {"target_modules": ["query"], "layers_to_transform": [2], "layers_pattern": ["blocks", "layer"]}),
    ("ranks", {"target_modules": ["query", "key"], "rank_pattern": {"layer.0.*query": 2, "query": 6}}),
    ("first pattern wins", {"target_modules": ["query"], "rank_pattern": {"query": 6, r"encoder\.layer\.0\..*": 2}}),
    ("alphas", {"target_modules": ["query", "key"], "alpha_pattern": {"^encoder.layer.1.attention.self.key": 3}}),
    ("pattern of a part does not match", {"target_modules": ["query"], "rank_pattern": {"que": 2, "self": 3}}),
    ("alternatives in a pattern", {"target_modules": ["query", "key"], "rank_pattern": {"key|query": 2}}),
    ("rslora", {"target_modules": ["query"], "use_rslora": True, "rank_pattern": {"layer.1.attention.self.query": 9}}),
    ("saved modules get none", {"target_modules": ["dense"], "modules_to_save": ["pooler"]}),
    ("saved deep inside", {"target_modules": "all-linear", "modules_to_save": [r"layer\.[01]"]}),
]

PROJECTIONS = ["q_proj", "k_proj", "v_proj", "o_proj", "gate_proj", "up_proj", "down_proj"]
DECODER_CASES = [
    ("all seven", {"target_modules": PROJECTIONS}),
    ("all linear", {"target_modules": "all-linear"}),
    ("all linear, some excluded", {"target_modules": "all-linear", "exclude_modules": ["down_proj", "layers.1.mlp.up_proj"]}),
    ("pattern", {"target_modules": r".*layers\.[02]\.(self_attn|mlp)\.(q|up)_proj"}),
    ("a layer", {"target_modules": ["q_proj", "v_proj"], "layers_to_transform": [1]}),
    ("a layer by pattern", {"target_modules": ["q_proj", "v_proj"], "layers_to_transform": [1], "layers_pattern": "layers"}),
    ("ranks and alphas", {"target_modules": PROJECTIONS, "rank_pattern": {"k_proj": 2, "mlp.*": 8, r"layers\.0\.self_attn\.q_proj": 1},
                          "alpha_pattern": {"o_proj": 3, "layers.2.mlp.up_proj": 1}}),
    ("rslora", {"target_modules": PROJECTIONS, "use_rslora": True, "rank_pattern": {"self_attn.q_proj": 9}}),
    ("embeddings saved", {"target_modules": PROJECTIONS, "modules_to_save": ["embed_tokens"]}),
]


def main():
    folder = fixture.output("model/lora/testdata")
    config = transformers.BertConfig(
        vocab_size=16, hidden_size=8, num_hidden_layers=3, num_attention_heads=2, intermediate_size=12, max_position_embeddings=8)
    cases = []
    for wrapping, network in (("", transformers.BertModel), ("bert.", transformers.BertForMaskedLM)):
        for name, options in CASES:
            if (wrapping and "full" in name) or (wrapping and "layers" == name):
                continue
            cases.append({"name": wrapping + name, "wrapping": wrapping, "config": options, "modules": adapted(network(config), wrapping, options)})
    decoder = transformers.Qwen3Config(
        vocab_size=16, hidden_size=8, num_hidden_layers=3, num_attention_heads=2, num_key_value_heads=1, head_dim=4, intermediate_size=12)
    for wrapping, network in (("", transformers.Qwen3Model), ("model.", transformers.Qwen3ForCausalLM)):
        for name, options in DECODER_CASES:
            modules = adapted(network(decoder), wrapping, options)
            cases.append({"name": f"decoder, {wrapping}{name}", "network": "qwen3", "wrapping": wrapping, "config": options, "modules": modules})
    fixture.write_json(folder / "matching.json", {"header": fixture.header("peft", "transformers"), "cases": cases})


def adapted(network, wrapping, options):
    """The adapted modules below the wrapping, in the network's order: [name, rank, scaling]."""
    try:
        model = peft.get_peft_model(network, peft.LoraConfig(r=4, lora_alpha=10, **options))
    except ValueError:  # no module matches
        return []
    found = []
    for name, module in model.base_model.model.named_modules():
        if isinstance(module, peft.tuners.lora.Linear) and name.startswith(wrapping):
            found.append([name.removeprefix(wrapping), module.r["default"], module.scaling["default"]])
    return found


if __name__ == "__main__":
    main()
