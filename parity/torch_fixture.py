"""Writes model/torchfile/testdata and model/testdata/torch: files of torch.save, good ones and ones that are refused.

model/torchfile/testdata:
  state_dict.bin          a state dict: every type, a scalar, an empty tensor, parts of one storage, transposed and expanded tensors
  state_dict.safetensors  the same tensors in order
  alone.pth               a tensor that is in no dict
  embedding.pth           a torch.nn.Embedding, as FlagEmbedding's trainers save embed_tokens
  attributes.pth          the same with attributes on parameter and module, as transformers leaves them
  legacy.bin              a state dict in the form of torch before 1.6
  script.bin              a program of TorchScript
  checkpoint.bin          what a training saves: a state dict within a dict
  malicious.bin           a pickle that calls os.system
  protocol4.bin           a state dict in pickle's protocol 4
model/testdata/torch, weights of models of model/testdata, to be laid over their directories:
  f32, bf16/pytorch_model.bin    tiny-bert's, as they are and rounded, with the position_ids that old transformers saved
  sharded/pytorch_model*         tiny-bert's in two files and their index
  dense/*/pytorch_model.bin      of the modules of dense
  cross-encoder/pytorch_model.bin, lora/adapter_model.bin
  added/embedding/emb.pth        the table of grown/adapter, which FlagEmbedding's trainers save beside one, and added/adapter_model.bin
                                 the rest of its tensors
  header.json                    versions
"""

import json
import os
import re

import torch
from safetensors.torch import load_file, save_file

import fixture

MODELS = fixture.ROOT / "model" / "testdata"


class Hostile:
    def __reduce__(self):
        return os.system, ("echo executed",)


def main():
    folder = fixture.output("model/torchfile/testdata")
    tensors = state_dict()
    torch.save(tensors, folder / "state_dict.bin")
    save_file({k: v.detach().contiguous().clone() for k, v in tensors.items()}, folder / "state_dict.safetensors",
              metadata={"header": json.dumps(fixture.header("torch", "safetensors"))})
    table = torch.arange(12, dtype=torch.float32).reshape(4, 3) / 8
    torch.save(table, folder / "alone.pth")
    torch.save(torch.nn.Embedding.from_pretrained(table), folder / "embedding.pth")
    embedding = torch.nn.Embedding.from_pretrained(table, padding_idx=0)
    embedding._is_hf_initialized = embedding.weight._is_hf_initialized = True
    torch.save(embedding, folder / "attributes.pth")
    linear = {"weight": table}
    legacy(linear, folder / "legacy.bin")
    script(folder / "script.bin")
    torch.save({"epoch": 3, "state_dict": linear}, folder / "checkpoint.bin")
    torch.save({"weight": table, "more": Hostile()}, folder / "malicious.bin")
    torch.save(linear, folder / "protocol4.bin", pickle_protocol=4)
    tiny_bert(fixture.output("model/testdata/torch"))
    for path in folder.iterdir():
        path.chmod(0o644)


def state_dict():
    base = torch.arange(24, dtype=torch.float32).reshape(4, 6) / 16
    linear = torch.nn.Linear(3, 2)
    torch.manual_seed(3)
    torch.nn.init.normal_(linear.weight)
    torch.nn.init.normal_(linear.bias)
    tensors = linear.state_dict()  # an OrderedDict with _metadata
    tensors["parameter"] = torch.nn.Parameter(torch.tensor([1.5, -2.0]))
    tensors["whole"], tensors["rows"], tensors["column"], tensors["transposed"] = base, base[1:3], base[:, 2], base.T
    tensors["transposed again"] = base.T
    tensors["expanded"] = torch.tensor([[1.0], [2.0]]).expand(2, 3)
    tensors["reordered"] = torch.arange(24).reshape(2, 3, 4).permute(2, 0, 1)
    tensors["position_ids"] = torch.arange(5).expand((1, -1))
    tensors["scalar"], tensors["empty"] = torch.tensor(7), torch.zeros(0, 3)
    for name in ("float64", "float16", "bfloat16", "int32", "int16", "int8", "uint8", "bool", "uint16", "uint32", "uint64", "float8_e4m3fn", "float8_e5m2"):
        tensors[name] = torch.tensor([0, 1, 2, 3]).to(getattr(torch, name))
    return tensors


def legacy(tensors, path):
    """That form names storages by addresses in memory, which are replaced to have the same file each time."""
    torch.save(tensors, path, _use_new_zipfile_serialization=False)
    fixed = re.sub(rb"X.\0\0\0\d{8,}", b"X\x04\0\0\x001234", path.read_bytes(), flags=re.DOTALL)
    path.write_bytes(fixed)
    assert torch.equal(torch.load(path)["weight"], tensors["weight"])


def script(path):
    module = torch.jit.ScriptModule()
    module.define("def forward(self, x): return x / 2\n")
    torch.jit.save(module, path)


def tiny_bert(folder):
    weights = load_file(MODELS / "tiny-bert/model.safetensors")
    with_buffer = weights | {"embeddings.position_ids": torch.arange(24).expand((1, -1))}
    rounded = {k: v.bfloat16() if v.dtype == torch.float32 else v for k, v in with_buffer.items()}
    for name, tensors in {"f32": with_buffer, "bf16": rounded}.items():
        (folder / name).mkdir(exist_ok=True)
        torch.save(tensors, folder / name / "pytorch_model.bin")
    again(folder / "dense/2_Dense/pytorch_model.bin", "dense/2_Dense/model.safetensors")
    again(folder / "dense/3_Dense/pytorch_model.bin", "dense/3_Dense/model.safetensors")
    again(folder / "cross-encoder/pytorch_model.bin", "cross-encoders/bert/model.safetensors")
    again(folder / "lora/adapter_model.bin", "tiny-bert/lora/adapter_model.safetensors")
    table = "base_model.model.embed_tokens.weight"
    rest = again(folder / "added/adapter_model.bin", "grown/adapter/adapter_model.safetensors", without=table)
    (folder / "added/embedding").mkdir(exist_ok=True)
    torch.save(torch.nn.Embedding(*rest.shape, padding_idx=0, _weight=rest), folder / "added/embedding/emb.pth")
    names = list(weights)
    half = len(names) // 2
    shards = {"pytorch_model-00001-of-00002.bin": names[:half], "pytorch_model-00002-of-00002.bin": names[half:]}
    (folder / "sharded").mkdir(exist_ok=True)
    for file, held in shards.items():
        torch.save({name: weights[name] for name in held}, folder / "sharded" / file)
    index = {"metadata": {"total_size": sum(v.nbytes for v in weights.values())},
             "weight_map": {name: file for file, held in shards.items() for name in held}}
    (folder / "sharded" / "pytorch_model.bin.index.json").write_text(json.dumps(index, indent=2, sort_keys=True) + "\n")
    fixture.write_json(folder / "header.json", {"header": fixture.header("torch", "safetensors")})


def again(path, source, without=None):
    """Saves the tensors of a file of model/testdata, but for one, which it returns."""
    tensors = load_file(MODELS / source)
    left = tensors.pop(without) if without else None
    path.parent.mkdir(parents=True, exist_ok=True)
    torch.save(tensors, path)
    return left


if __name__ == "__main__":
    main()
