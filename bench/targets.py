"""What bench/run measures, row by row, and how many times the peer's speed is wanted of Quarry on which path.

A row is measured by the file of rows/ that its section names, and shown in docs/benchmarks.md under that section.
"""

import dataclasses


@dataclasses.dataclass(frozen=True)
class Row:
    """One comparison with one peer."""

    name: str  # as bench/run is told
    section: str  # rows/SECTION.py measures it
    work: str
    peer: str
    precision: str = "auto"  # Quarry's
    wanted: dict = dataclasses.field(default_factory=dict)  # ratio by path; a path that is absent has no target


# What is wanted of Quarry's vectors at auto, on Eedi: the least cosine to f32, the share of ranks outside near-ties at which the
# same passage stands, and the largest share of near-ties.
COSINE, SAME, NEAR_TIES = 0.9999, 0.999, 0.05

# Why a row did not reach its target on a path, and what bounds it, by (row, path): written by whoever has looked, beside the
# figures from then on.
BECAUSE = {}


def both(avx512bf16, amx):
    return {"avx512bf16": avx512bf16, "amx": amx}


EEDI = "Eedi: corpus, train and dev queries, all-MiniLM-L6-v2, at most 256 tokens"
SHAPE = "{} shape, random weights, texts of 256 tokens"
STEP = "full fine-tuning step, 32 queries x 8 passages, at most 256 tokens, all-MiniLM-L6-v2"
LORA = "LoRA step, r 64 on all seven projections, 8 queries x 8 passages, at most 256 tokens, Mistral's shape with 8 layers of 1,024"
IDS = "token ids, {}, one thread"

ROWS = [
    Row("encode-default", "encode", EEDI, "sentence-transformers f32, its default batch of 32", wanted=both(7, 10)),
    Row("encode-bf16", "encode", EEDI, "sentence-transformers bf16, best batch", wanted=both(2.5, 2.5)),
    Row("encode-openvino", "encode", EEDI, "OpenVINO through sentence-transformers, best batch", wanted=both(1.8, 1.5)),
    Row("encode-onnx", "encode", EEDI, "ONNX Runtime through sentence-transformers, best batch", wanted=both(4, 4)),
    Row("encode-f32", "encode", EEDI, "sentence-transformers f32, best batch", "f32", both(2.5, 1.5)),
    Row("bert-base", "shapes", SHAPE.format("BERT-base"), "sentence-transformers bf16, best batch", wanted=both(1.3, 1.3)),
    Row("bert-large", "shapes", SHAPE.format("BERT-large"), "sentence-transformers bf16, best batch", wanted=both(1.3, 1.3)),
    Row("search", "search", "exact top 200 of 1,000,000 x 384 for 512 queries, from f32", "faiss IndexFlatIP, all queries in one batch",
        "–", both(3, 6)),
    Row("mine", "mine", "both hn_mine inputs of Eedi as one, JSONL to JSONL", "hn_mine.py's work with FlagEmbedding, batch 256",
        wanted=both(9, 15)),
    Row("finetune-f32", "finetune", STEP, "torch f32", wanted=both(10, 10)),
    Row("finetune-bf16", "finetune", STEP, "torch bf16 autocast", wanted=both(6, 6)),
    Row("lora-f32", "finetune", LORA, "PEFT f32", wanted=both(4, 4)),
    Row("lora-bf16", "finetune", LORA, "PEFT bf16 autocast", wanted=both(2.2, 2.2)),
    Row("wordpiece", "tokenize", IDS.format("WordPiece of BERT"), "tokenizers, its fastest way", "–", both(1, 1)),
    Row("sentencepiece", "tokenize", IDS.format("SentencePiece BPE of Mistral"), "tokenizers, its fastest way", "–", both(1, 1)),
    Row("bpe", "tokenize", IDS.format("byte-level BPE of GPT-2"), "tokenizers, its fastest way", "–", both(1, 1)),
    Row("unigram", "tokenize", IDS.format("Unigram of 14,000 pieces, trained on the texts"), "tokenizers, its fastest way", "–", both(1, 1)),
    Row("growth", "growth", "how cost grows with the length and number of texts", "none"),
]

BY_NAME = {row.name: row for row in ROWS}
SECTIONS = list(dict.fromkeys(row.section for row in ROWS))
