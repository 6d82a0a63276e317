"""Compares model directories that Quarry writes with their source, in sentence-transformers: the same vectors.

Directories of all-MiniLM-L6-v2 and of a small model with Dense modules, written as their source, in the old form, in that of
sentence-transformers 6 and in shards. Go's TestRewrite writes them. The new form's files are also compared with what
sentence-transformers itself saves for the source.
"""

import json
import pathlib
import tempfile

import numpy
import torch
from sentence_transformers import SentenceTransformer
from sentence_transformers.sentence_transformer.modules import Dense
from transformers import AutoModel

import report

TEXTS = ["2/3 + 1/4 = 3/7", "Adds numerators and denominators", "", "ünïcödé, 漢字 and 🙂", "long " * 400]
SOURCES = {"all-MiniLM-L6-v2": report.minilm(), "Dense modules": report.ROOT / "model" / "testdata" / "dense"}


def main():
    torch.set_grad_enabled(False)
    checks = report.Checks()
    with tempfile.TemporaryDirectory() as folder:
        folder = pathlib.Path(folder)
        model_test = report.go_test("model", folder)
        for name, source in SOURCES.items():
            with checks.check(f"{name}: written again"):
                model_test("TestRewrite", "-rewrite-source", source, "-rewrite-output", folder / name)
            compare(checks, name, source, folder / name)
    checks.finish()


def compare(checks, name, source, written):
    peer = SentenceTransformer(str(source), device="cpu")
    want = peer.encode(TEXTS)
    for form in ("source", "old", "current", "sharded"):
        with checks.check(f"{name}: vectors of the {form} form"):
            model = SentenceTransformer(str(written / form), device="cpu")
            numpy.testing.assert_array_equal(model.encode(TEXTS), want)
            assert model.max_seq_length == peer.max_seq_length, f"length {model.max_seq_length}"
            assert model.similarity_fn_name == peer.similarity_fn_name
            assert model.prompts == peer.prompts, f"prompts {model.prompts}"
            shards = len(list((written / form).glob("model-*-of-*.safetensors")))
            assert (shards > 1) == (form == "sharded"), f"{shards} shards"
        with checks.check(f"{name}: weights of the {form} form alone, in transformers"):
            bare = AutoModel.from_pretrained(written / form).state_dict()
            for tensor, values in peer[0].auto_model.state_dict().items():
                assert torch.equal(values, bare[tensor]), tensor
    peer.save(str(written / "peer"), create_model_card=False)
    configs = ["modules.json", "sentence_bert_config.json", "1_Pooling/config.json"]
    configs += [f"{i}_Dense/config.json" for i, module in enumerate(peer) if isinstance(module, Dense)]
    for file in configs:
        with checks.check(f"{name}: {file} as sentence-transformers saves it"):
            ours, theirs = (json.loads((written / where / file).read_text()) for where in ("current", "peer"))
            if isinstance(ours, dict):
                ours.pop("max_seq_length", None)  # stated where the copied tokenizer_config.json says otherwise
            assert ours == theirs, f"{ours}, not {theirs}"


if __name__ == "__main__":
    main()
