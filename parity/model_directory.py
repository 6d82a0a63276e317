"""Compares model directories that Quarry writes with their source, in sentence-transformers: the same vectors.

    python parity/model_directory.py            # all-MiniLM-L6-v2, written in the old, the new and a sharded form
    python parity/model_directory.py DIR ...    # other model directories

Go's TestRewrite writes the directories, so this needs no quarry binary. The new form's files are also compared with what
sentence-transformers itself saves for the source.
"""

import json
import pathlib
import subprocess
import sys
import tempfile

import numpy
import torch
from sentence_transformers import SentenceTransformer

import report

TEXTS = ["2/3 + 1/4 = 3/7", "Adds numerators and denominators", "", "ünïcödé, 漢字 and 🙂", "long " * 400]
SAVED = ["modules.json", "1_Pooling/config.json", "sentence_bert_config.json"]


def main():
    torch.set_grad_enabled(False)
    checks = report.Checks()
    for source in map(pathlib.Path, sys.argv[1:] or [report.minilm()]):
        with tempfile.TemporaryDirectory() as folder:
            folder = pathlib.Path(folder)
            with checks.check(f"{source.name}: written again"):
                rewrite(source, folder)
            peer = SentenceTransformer(str(source), device="cpu")
            want = peer.encode(TEXTS)
            for form in ("source", "old", "current", "sharded"):
                with checks.check(f"{source.name}: vectors of the {form} form"):
                    model = SentenceTransformer(str(folder / form), device="cpu")
                    numpy.testing.assert_array_equal(model.encode(TEXTS), want)
                    assert model.max_seq_length == peer.max_seq_length, f"length {model.max_seq_length}"
                    assert model.similarity_fn_name == peer.similarity_fn_name
                    assert model.prompts == peer.prompts, f"prompts {model.prompts}"
                with checks.check(f"{source.name}: weights of the {form} form alone, in transformers"):
                    from transformers import AutoModel

                    bare = AutoModel.from_pretrained(folder / form)
                    for name, tensor in peer[0].auto_model.state_dict().items():
                        assert torch.equal(tensor, bare.state_dict()[name]), name
            peer.save(str(folder / "peer"), create_model_card=False)
            for name in SAVED:
                with checks.check(f"{source.name}: {name} as sentence-transformers saves it"):
                    ours, theirs = (json.loads((folder / where / name).read_text()) for where in ("current", "peer"))
                    if isinstance(ours, dict):
                        ours.pop("max_seq_length", None)  # stated where the copied tokenizer_config.json says otherwise
                    assert ours == theirs, f"{ours}, not {theirs}"
    checks.finish()


def rewrite(source, folder):
    command = ["go", "test", "./model", "-count=1", "-run", "^TestRewrite$", "-args"]
    command += ["-rewrite-source", str(source.resolve()), "-rewrite-output", str(folder)]
    done = subprocess.run(command, cwd=report.ROOT, text=True, capture_output=True)
    assert done.returncode == 0, done.stdout + done.stderr


if __name__ == "__main__":
    main()
