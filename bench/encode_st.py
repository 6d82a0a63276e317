"""Times sentence-transformers' encode of a JSONL file and prints one JSON object.

    python bench/encode_st.py --model DIR --input texts.jsonl --max-length 256 [--batch-size 16 --batch-size 32]

The best of the batch sizes counts. Loading and a warm-up are not timed. `tokens` are real ones: special tokens
included, padding not, texts cut at --max-length.
"""

import argparse
import json
import pathlib
import time

import torch
from sentence_transformers import SentenceTransformer


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--model", required=True)
    parser.add_argument("--input", required=True, type=pathlib.Path, help='JSONL with "text" or "query"')
    parser.add_argument("--max-length", type=int, default=256)
    parser.add_argument("--batch-size", type=int, action="append", help="may be given several times; default 8, 16, 32, 64")
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument("--precision", default="f32", choices=["f32", "bf16"], help="of the weights and all operations")
    parser.add_argument("--output", help="also save the vectors here (.npy)")
    arguments = parser.parse_args()
    torch.set_num_threads(arguments.threads)
    dtype = {"f32": torch.float32, "bf16": torch.bfloat16}[arguments.precision]
    model = SentenceTransformer(arguments.model, device="cpu", model_kwargs={"dtype": dtype})
    model.max_seq_length = arguments.max_length
    texts = read_texts(arguments.input)
    tokens = count_tokens(model, texts)
    encode(model, texts[:64], 32)

    timed = []
    for batch_size in arguments.batch_size or [8, 16, 32, 64]:
        start = time.perf_counter()
        vectors = encode(model, texts, batch_size)
        timed.append((time.perf_counter() - start, batch_size))
    seconds, batch_size = min(timed)
    if arguments.output:
        import numpy

        numpy.save(arguments.output, vectors)
    print(json.dumps({
        "peer": "sentence-transformers", "precision": arguments.precision, "threads": arguments.threads, "texts": len(texts),
        "tokens": tokens, "batch_size": batch_size, "seconds": seconds, "tokens_per_second": tokens / seconds,
        "all": {str(size): tokens / s for s, size in timed},
    }))


def read_texts(path):
    rows = [json.loads(line) for line in path.read_text().splitlines() if line.strip()]
    return [row["text"] if "text" in row else row["query"] for row in rows]


def count_tokens(model, texts):
    ids = model.tokenizer(texts, truncation=True, max_length=model.max_seq_length)["input_ids"]
    return sum(map(len, ids))


def encode(model, texts, batch_size):
    with torch.inference_mode():
        return model.encode(texts, batch_size=batch_size, convert_to_numpy=True, show_progress_bar=False)


if __name__ == "__main__":
    main()
