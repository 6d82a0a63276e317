"""The Hugging Face cache between Quarry and huggingface_hub: what one downloads, from a hub on this machine, the other finds.

    parity/run hub_live.py
"""

import hashlib
import json
import os
import pathlib
import subprocess
import sys
import tempfile

import numpy
from sentence_transformers import SentenceTransformer

import hub_server
import report
import texts

NAME = "acme/minilm"
# What quarry pull takes of all-MiniLM-L6-v2, as huggingface_hub's patterns.
PATTERNS = ["config.json", "tokenizer_config.json", "sentence_bert_config.json", "config_*.json", "modules.json", "tokenizer.json", "special_tokens_map.json", "vocab.txt", "*/config.json", "model.safetensors"]

PYTHON_PULL = """
import sys, huggingface_hub
print(huggingface_hub.snapshot_download(sys.argv[1], allow_patterns=sys.argv[2:] or None))
"""
PYTHON_FIND = """
import sys, huggingface_hub
print(huggingface_hub.snapshot_download(sys.argv[1], local_files_only=True))
print(huggingface_hub.try_to_load_from_cache(sys.argv[1], "1_Pooling/config.json"))
print(next(r.size_on_disk for r in huggingface_hub.scan_cache_dir().repos if r.repo_id == sys.argv[1]))
"""
PYTHON_EMBED = """
import sys, json, numpy
from sentence_transformers import SentenceTransformer
numpy.save(sys.argv[2], SentenceTransformer(sys.argv[1], device="cpu").encode(json.load(open(sys.argv[3])), show_progress_bar=False))
"""


def main():
    checks = report.Checks()
    with tempfile.TemporaryDirectory() as folder, hub_server.Hub(NAME, report.minilm()) as hub:
        scratch = pathlib.Path(folder)
        ours, theirs = scratch / "ours", scratch / "theirs"
        with checks.check("quarry pull from a hub on this machine"):
            printed = report.quarry("pull", NAME, env=hub.environment(ours)).strip()
            assert printed == str(snapshot(ours)), printed
        with checks.check("huggingface_hub finds what Quarry pulled"):
            found = python(PYTHON_FIND, NAME, env=hub.environment(ours, HF_HUB_OFFLINE="1")).splitlines()
            assert found[0] == str(snapshot(ours)), found
            assert found[1] == str(snapshot(ours) / "1_Pooling" / "config.json"), found
            sizes = {p.resolve(): p.stat().st_size for p in snapshot(ours).rglob("*") if p.is_file()}
            assert int(found[2]) == sum(sizes.values()), found
        with checks.check("huggingface_hub downloads from the same hub"):
            python(PYTHON_PULL, NAME, *PATTERNS, env=hub.environment(theirs))
        with checks.check("both caches have the same blobs, refs and links"):
            assert layout(ours) == layout(theirs), sorted(set(layout(ours).items()) ^ set(layout(theirs).items()))[:6]
        with checks.check("huggingface_hub downloads nothing again of what Quarry pulled"):
            hub.asked.clear()
            python(PYTHON_PULL, NAME, *PATTERNS, env=hub.environment(ours))
            assert not contents(hub), contents(hub)
        with checks.check("Quarry downloads nothing again of what huggingface_hub did"):
            hub.asked.clear()
            report.quarry("pull", NAME, env=hub.environment(theirs))
            assert not contents(hub), contents(hub)
        with checks.check("Quarry goes on from a beginning in huggingface_hub's place"):
            blob = (snapshot(theirs) / "model.safetensors").resolve()
            beginning = blob.with_name(blob.name + ".incomplete")
            beginning.write_bytes(blob.read_bytes()[:1_000_000])
            blob.unlink()
            hub.asked.clear()
            report.quarry("pull", NAME, env=hub.environment(theirs))
            assert contents(hub) == ["GET storage bytes=1000000-"], contents(hub)
            assert layout(ours) == layout(theirs)
        with checks.check("vectors by name: Quarry on huggingface_hub's cache, sentence-transformers on Quarry's"):
            offline = {"HF_HUB_OFFLINE": "1"}
            source, got = texts.write(scratch / "texts.jsonl", texts.HARD), scratch / "got.npy"
            report.quarry("embed", "--model", NAME, "--input", source, "--output", got, "--precision", "f32", env=hub.environment(theirs, **offline))
            (scratch / "texts.json").write_text(json.dumps(texts.HARD))
            python(PYTHON_EMBED, NAME, scratch / "want.npy", scratch / "texts.json", env=hub.environment(ours, **offline))
            want = numpy.load(scratch / "want.npy")
            assert numpy.array_equal(want, SentenceTransformer(str(report.minilm()), device="cpu").encode(texts.HARD, show_progress_bar=False))
            worst = abs(numpy.load(got) - want).max()
            assert worst <= 1e-5, f"vectors differ by {worst:.2e}"
    checks.finish()


def snapshot(home):
    return home / "hub" / "models--acme--minilm" / "snapshots" / hub_server.COMMIT


def layout(home):
    """Blobs, refs and links of a cache, with what they hold or lead to."""
    root = home / "hub" / "models--acme--minilm"
    found = {}
    for path in root.rglob("*"):
        if path.is_symlink():
            found[str(path.relative_to(root))] = os.readlink(path)
        elif path.is_file() and path.relative_to(root).parts[0] in ("blobs", "refs", "snapshots"):
            found[str(path.relative_to(root))] = hashlib.sha256(path.read_bytes()).hexdigest()
    return found


def contents(hub):
    """What was asked for of content: the storage, and small files at the hub."""
    return [line for line in hub.asked if line.startswith("GET ") and "/api/" not in line and not redirected(hub, line)]


def redirected(hub, line):
    return any(line.endswith("/" + name) and file.lfs for name, file in hub.files.items())


def python(program, *arguments, env):
    done = subprocess.run([sys.executable, "-c", program, *map(str, arguments)], text=True, capture_output=True, env=env)
    assert done.returncode == 0, done.stderr[-2000:]
    return done.stdout


if __name__ == "__main__":
    main()
