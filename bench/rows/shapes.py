"""Encoding with models of BERT's shapes and random weights: sentence-transformers bf16 against `quarry embed`.

A large model's load counts in Quarry's time, which is that of the whole process, and not in the peer's.
"""

import setting as settings
from rows import encode

# hidden size, layers, heads; texts, so that every size is some 20 TFLOP
SHAPES = {"bert-base": (768, 12, 12, 512), "bert-large": (1024, 24, 16, 128)}
WORDS = 254  # and two special tokens


def measure(setting, row):
    hidden, layers, heads, texts = SHAPES[row.name]
    layers, texts = setting.size((layers, texts), (2, 8))
    model = setting.scratch / row.name
    setting.peer("random_bert.py", "--like", setting.model, "--hidden", hidden, "--layers", layers, "--heads", heads,
                 "--positions", 512, "--output", model)
    rows = [{"text": text} for text in word_texts(setting.model, texts, WORDS)]
    task = encode.Task(row.name, model, settings.write_rows(setting.file(f"{row.name}.jsonl"), rows))
    return encode.against(setting, row, encode.Peer(precision="bf16", sizes=(4, 8, 16, 32)), task)


def word_texts(model, texts, words):
    """Different texts of as many words, each of which is one token of the model's vocabulary."""
    known = [line for line in (model / "vocab.txt").read_text().splitlines() if line.isascii() and line.isalpha() and line.islower()]
    state = 1
    for _ in range(texts):
        drawn = []
        for _ in range(words):
            state = state * 6364136223846793005 + 1442695040888963407 & (1 << 64) - 1
            drawn.append(known[(state >> 33) % len(known)])
        yield " ".join(drawn)
