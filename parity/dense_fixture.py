"""Writes model/testdata/dense: a random BERT with two Dense modules, as sentence-transformers saves it, and what
sentence-transformers makes of it. `python parity/dense_fixture.py`; the versions stand in expected/inputs.json.

  .                               the model directory: Transformer (1 layer, hidden 16, 2 heads), mean pooling, Dense 16 to 12
                                  (bias, Tanh), Dense 12 to 8 (no bias, GELU), Normalize
  expected/inputs.json            versions and the packed sequences, as token ids
  expected/<activation>.safetensors
      embeddings [texts, 8]       with that activation in the second Dense
      cotangent [texts, 8]        fixed random numbers; loss = sum(cotangent * embeddings)
      gradient.<parameter>        gradient of that loss, dropout off: of the modules' weights by their names in the weights'
                                  files, those of a Dense behind its folder: 2_Dense/linear.weight
gelu has every gradient, identity and relu have those of the Dense modules. All is computed in float64 from the float32 weights
and rounded once. A 2_Dense/config.json that names no activation is held to give the numbers of Tanh.
"""

import json
import shutil
import tempfile

import torch
import transformers
from safetensors.torch import save_file
from sentence_transformers import SentenceTransformer
from sentence_transformers.sentence_transformer.modules import Dense, Normalize, Pooling, Transformer

import bert_fixture
import fixture

ACTIVATIONS = {"gelu": torch.nn.GELU, "identity": torch.nn.Identity, "relu": torch.nn.ReLU}  # of the second Dense
HEADER = ("torch", "transformers", "sentence-transformers")


def main():
    folder = fixture.output("model/testdata/dense")
    write_model(folder)
    sequences = bert_fixture.token_ids()
    (folder / "expected").mkdir(exist_ok=True)
    fixture.write_json(folder / "expected" / "inputs.json", {"header": fixture.header(*HEADER), "sequences": sequences})
    for name, activation in ACTIVATIONS.items():
        tensors = expected(changed(folder, "3_Dense", activation_function=fullname(activation)), sequences)
        if name == "gelu":
            unnamed = expected(changed(folder, "2_Dense", activation_function=None), sequences)
            assert all(torch.equal(tensors[k], unnamed[k]) for k in tensors), "an activation that is not named is not Tanh"
        else:
            tensors = {k: v for k, v in tensors.items() if "." not in k or "_Dense/" in k}
        save(tensors, folder / "expected" / f"{name}.safetensors")
    for path in folder.rglob("*.safetensors"):
        path.chmod(0o644)


def write_model(folder):
    vocabulary = bert_fixture.vocabulary()
    config = transformers.BertConfig(
        vocab_size=len(vocabulary), hidden_size=16, num_hidden_layers=1, num_attention_heads=2, intermediate_size=24,
        hidden_act="gelu", max_position_embeddings=24, type_vocab_size=2)
    torch.manual_seed(13)
    transformers.BertModel(config).save_pretrained(folder)
    positions = {word: i for i, word in enumerate(vocabulary)}
    transformers.BertTokenizer(vocab=positions, model_max_length=24).save_pretrained(folder)
    modules = [Transformer(str(folder)), Pooling(16, "mean"), Dense(16, 12), Dense(12, 8, bias=False, activation_function=torch.nn.GELU())]
    model = SentenceTransformer(modules=[*modules, Normalize()], device="cpu")
    for name, p in model.named_parameters():  # as initialised, biases are zero and norms do nothing
        spread, centre = (0.2, 1.0) if name.endswith("LayerNorm.weight") else (0.15, 0.0)
        # What the Dense modules are given is far from zero, so that their activations bend.
        torch.nn.init.normal_(p.data, centre, 0.4 if name.startswith(("2.", "3.")) else spread)
    model.save(str(folder), create_model_card=False)
    fixture.tidy(folder)


def changed(folder, module, **settings):
    """The model with other settings in a module's config.json; None takes one out."""
    with tempfile.TemporaryDirectory() as scratch:
        copy = shutil.copytree(folder, f"{scratch}/model")
        path = f"{copy}/{module}/config.json"
        with open(path) as file:
            content = json.load(file) | settings
        with open(path, "w") as file:
            json.dump({k: v for k, v in content.items() if v is not None}, file)
        model = SentenceTransformer(copy, device="cpu", model_kwargs={"attn_implementation": "eager"})
    return model.double().eval()


def expected(model, sequences):
    """The embeddings and the gradients in float64, each sequence by itself."""
    rows = [model({"input_ids": torch.tensor([s]), "attention_mask": torch.ones(1, len(s), dtype=int)})["sentence_embedding"] for s in sequences]
    embeddings = torch.cat(rows)
    cotangent = torch.randn(embeddings.shape, generator=torch.Generator().manual_seed(15)).double()
    (cotangent * embeddings).sum().backward()
    network = {f"gradient.{k}": p.grad for k, p in model[0].auto_model.named_parameters() if p.grad is not None}
    dense = {f"gradient.{at}_Dense/{k}": p.grad for at in (2, 3) for k, p in model[at].named_parameters()}
    return {"embeddings": embeddings, "cotangent": cotangent} | network | dense


def fullname(kind):
    return f"{kind.__module__}.{kind.__qualname__}"


def save(tensors, path):
    rounded = {k: v.detach().to(torch.float32).contiguous() for k, v in tensors.items()}
    save_file(rounded, path, metadata={"header": json.dumps(fixture.header(*HEADER))})


if __name__ == "__main__":
    main()
