"""Writes model/testdata/icl: what FlagEmbedding makes of queries, passages and in-context examples for bge-en-icl.

  plain/tokenizer.json, added/tokenizer.json   the small SentencePiece tokenizer of model/tokenizer/testdata with bge-en-icl's
                                               special tokens; added has <instruct>, <query>, <response> behind its vocabulary
  cases.json                                   texts, and FlagEmbedding's texts and ids of them; see parity/icl.py

It needs FlagEmbedding: run it with the python that `parity/environment flagembedding` prints.
"""

import json

import fixture
import icl

QUERIES = [
    "Simplify \\( \\frac{a}{b} + \\frac{c}{b} \\). Incorrect answer: \\( \\frac{a+c}{2b} \\)",
    " What is half of 23 %?  Incorrect answer: 46",
    "Which is larger: ½ or 0.4?\n\nA student says 0.4 – “more digits”.",
    "\\nabla is a word \\n and </s> a token, <response> another, <query>",
    "x",
    "Round 0.0499 to 1 decimal place 👩‍🏫 … 中文 é e\u0301 " + "👍🏽" * 40,
    "The " + "word half fraction " * 40,
    "tabs\tand   spaces \u00a0 stay",
]
PASSAGES = [
    "Adds denominators as well as numerators",
    " Doubles in place of halving",
    "Thinks that more digits mean a larger number, whatever their places are",
    "Does not know nabla \\nabla\nor new lines",
    "Rounds 👍🏽 the wrong way " * 3,
    "a", "b c", "Fraction half 1/2",
]
SHOWN = [[1], [], [4, 0], [6, 2, 1], [0, 1, 2, 3, 5], [7], [0], [3, 1]]
LENGTHS = dict(query_max_len=900, passage_max_len=12, example_query_max_len=150, example_passage_max_len=10)


def main():
    folder = fixture.output("model/testdata/icl/cases.json").parent
    small = json.loads((fixture.ROOT / "model/tokenizer/testdata/sentencepiece/tokenizer.json").read_text())
    tokenizers = []
    for name, added in [("plain", False), ("added", True)]:
        icl.write_tokenizer(folder / name, small, added)
        tokenizer = icl.load(folder / name)
        (folder / name / "config.json").unlink()
        examples = [{"instruct": icl.TASK, "query": q, "response": p} for q, p in list(zip(QUERIES, PASSAGES))[:2]]
        inference = []
        for count, length in [(0, 400), (0, 280), (2, 400), (2, 280)]:
            prefix, ids = icl.inference_queries(tokenizer, QUERIES, examples[:count], length)
            inference.append({"examples": count, "max_length": length, "prefix": prefix, "ids": ids})
        texts, queries, passages = icl.training_batch(tokenizer, list(zip(QUERIES, PASSAGES)), SHOWN, LENGTHS)
        tokenizers.append({
            "name": name, "inference": inference,
            "passages": {"max_length": 12, "ids": icl.inference_passages(tokenizer, PASSAGES, 12)},
            "training": {"lengths": LENGTHS, "shown": SHOWN, "texts": texts, "queries": queries, "passages": passages}})
    fixture.write_json(folder / "cases.json", {
        "header": fixture.header("FlagEmbedding", "transformers", "tokenizers"), "task": icl.TASK, "queries": QUERIES, "responses": PASSAGES,
        "tokenizers": tokenizers})


if __name__ == "__main__":
    main()
