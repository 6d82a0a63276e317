"""Writes model/testdata/tiny-bert: a random BERT as sentence-transformers saves it, and what transformers makes of it.

  .                               the model directory (mean pooling, Normalize), 2 layers, hidden 32, 4 heads
  expected/inputs.json            versions and the packed sequences, as token ids
  expected/<activation>.safetensors
      hidden.<n> [tokens, 32]     hidden states, n = 0 the embeddings; only real tokens, sequences end to end
      pooled.<mode> [texts, 32]   before normalisation: cls, mean, max, lasttoken, weightedmean
      embeddings [texts, 32]      mean, normalised
      cotangent [texts, 32]       fixed random numbers; loss = sum(cotangent * embeddings)
      gradient.<parameter>        gradient of that loss, dropout off; no tensor where there is none (the pooler)
  lora/                           a PEFT adapter for it (B not zero) with expected.safetensors in the same words
gelu has all of these; gelu_new and relu have the last hidden state, the embeddings and the gradients that pass through
the activation. All is computed in float64 from the float32 weights and rounded once, so a difference is ours.
"""

import json

import peft
import torch
import transformers
from safetensors.torch import save_file
from sentence_transformers import SentenceTransformer
from sentence_transformers.sentence_transformer.modules import Normalize, Pooling, Transformer

import fixture

MODES = ["cls", "mean", "max", "lasttoken", "weightedmean"]
VOCABULARY = ["[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]", *"0123456789+-=,.?", *"abcdefghijklmnopqrstuvwxyz"]
WORDS = "the and adds subtracts of fraction digit order zero sum ten question answer wrong correct number".split()
SUFFIXES = [f"##{c}" for c in "abcdefghijklmnopqrstuvwxyz"]


def main():
    folder = fixture.output("model/testdata/tiny-bert")
    write_model(folder)
    sequences = token_ids()
    (folder / "expected").mkdir(exist_ok=True)
    inputs = {"header": fixture.header("torch", "transformers", "sentence-transformers", "peft"), "sequences": sequences}
    fixture.write_json(folder / "expected" / "inputs.json", inputs)
    for activation in ("gelu", "gelu_new", "relu"):
        tensors = expected(load(folder, activation), sequences)
        if activation != "gelu":
            tensors = {k: v for k, v in tensors.items() if of_variant(k)}
        save(tensors, folder / "expected" / f"{activation}.safetensors")
    write_adapter(folder, sequences)
    for path in folder.rglob("*.safetensors"):
        path.chmod(0o644)


def vocabulary():
    words = VOCABULARY + SUFFIXES + WORDS
    return words + [f"[unused{i}]" for i in range(120 - len(words))]


def write_model(folder):
    words = vocabulary()
    (folder / "vocab.txt").write_text("\n".join(words) + "\n")
    config = transformers.BertConfig(
        vocab_size=120, hidden_size=32, num_hidden_layers=2, num_attention_heads=4, intermediate_size=64,
        hidden_act="gelu", max_position_embeddings=24, type_vocab_size=2)
    torch.manual_seed(3)
    bert = transformers.BertModel(config)
    for name, p in bert.named_parameters():  # as initialised, biases are zero and norms do nothing
        spread, centre = (0.2, 1.0) if name.endswith("LayerNorm.weight") else (0.15, 0.0)
        torch.nn.init.normal_(p.data, centre, spread)
    bert.save_pretrained(folder)
    positions = {word: i for i, word in enumerate(words)}
    transformers.BertTokenizer(vocab=positions, model_max_length=24).save_pretrained(folder)
    model = SentenceTransformer(modules=[Transformer(str(folder)), Pooling(32, "mean"), Normalize()], device="cpu")
    model.save(str(folder), create_model_card=False)
    fixture.tidy(folder)


def token_ids():
    generator = torch.Generator().manual_seed(4)
    lengths = [7, 2, 24, 1, 12, 3]  # one alone, one of special tokens only, one as long as the model allows
    sequences = []
    for n in lengths:
        inner = torch.randint(5, 120, (max(n - 2, 0),), generator=generator).tolist()
        sequences.append([2, *inner, 3][:n] if n > 1 else [57])
    sequences[4][3:6] = [sequences[4][3]] * 3  # a repeated token gathers gradient
    return sequences


def load(folder, activation="gelu"):
    model = transformers.BertModel.from_pretrained(folder, hidden_act=activation, attn_implementation="eager")
    return model.double().eval()


def expected(model, sequences):
    """Every expected tensor of a model, in float64. The padded batch is the peers' way; only real tokens are kept."""
    longest = max(map(len, sequences))
    ids = torch.tensor([s + [0] * (longest - len(s)) for s in sequences])
    mask = torch.tensor([[1] * len(s) + [0] * (longest - len(s)) for s in sequences])
    out = model(input_ids=ids, attention_mask=mask, output_hidden_states=True)
    pooled = {mode: pool(mode, out.last_hidden_state, mask) for mode in MODES}
    embeddings = torch.nn.functional.normalize(pooled["mean"], dim=1)
    generator = torch.Generator().manual_seed(5)
    cotangent = torch.randn(embeddings.shape, generator=generator).double()
    (cotangent * embeddings).sum().backward()

    real = mask.bool()
    tensors = {f"hidden.{n}": h[real] for n, h in enumerate(out.hidden_states)}
    tensors |= {f"pooled.{mode}": p for mode, p in pooled.items()}
    tensors |= {"embeddings": embeddings, "cotangent": cotangent}
    return tensors | {f"gradient.{k}": p.grad for k, p in model.named_parameters() if p.grad is not None}


def pool(mode, hidden, mask):
    features = {"token_embeddings": hidden, "attention_mask": mask}
    return Pooling(hidden.shape[-1], mode)(features)["sentence_embedding"]


def of_variant(name):
    return name in ("hidden.2", "embeddings", "cotangent") or "intermediate" in name or "LayerNorm" in name


def write_adapter(folder, sequences):
    targets = ["query", "value", "intermediate.dense"]
    config = peft.LoraConfig(r=4, lora_alpha=8, lora_dropout=0.1, target_modules=targets, task_type="FEATURE_EXTRACTION")
    torch.manual_seed(6)
    model = peft.get_peft_model(transformers.BertModel.from_pretrained(folder, attn_implementation="eager"), config)
    for name, p in model.named_parameters():
        if "lora_" in name:
            torch.nn.init.normal_(p.data, 0.0, 0.2)
    model.save_pretrained(folder / "lora")
    (folder / "lora" / "README.md").unlink(missing_ok=True)
    path = folder / "lora" / "adapter_config.json"
    saved = json.loads(path.read_text()) | {"base_model_name_or_path": "tiny-bert", "target_modules": targets}
    path.write_text(json.dumps(saved, indent=2, sort_keys=True) + "\n")
    tensors = expected(model.double().eval(), sequences)
    tensors = {k.replace(".default.weight", ".weight"): v for k, v in tensors.items()}
    save({k: v for k, v in tensors.items() if not k.startswith(("hidden", "pooled"))}, folder / "lora" / "expected.safetensors")


def save(tensors, path):
    rounded = {k: v.detach().to(torch.float32).contiguous() for k, v in tensors.items()}
    # One key: the writer would put several in a random order.
    save_file(rounded, path, metadata={"header": json.dumps(fixture.header("torch", "transformers", "peft"))})


if __name__ == "__main__":
    main()
