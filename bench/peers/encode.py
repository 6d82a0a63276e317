"""Times sentence-transformers' encode of a JSONL file, on torch, OpenVINO or ONNX Runtime, and prints one JSON object.

    python bench/peers/encode.py --model DIR --input texts.jsonl [--batch-size 16 --batch-size 32] [--precision bf16]
    python bench/peers/encode.py --backend openvino --model DIR --export EXPORTED
    python bench/peers/encode.py --backend openvino --model EXPORTED --input texts.jsonl

The fastest of the batch sizes counts, each tried --repeat times. Loading and a warm-up are not timed. `tokens` are real
ones: special tokens included, padding not, texts cut at --max-length; `squares` is the sum of the squares of the texts'
lengths, for counting operations. --export writes the model in the backend's form, once, and times nothing.
"""

import argparse
import importlib.metadata
import json
import pathlib
import time

import numpy
import threadpoolctl
import torch
from sentence_transformers import SentenceTransformer

# What a backend's vectors depend on, beside sentence-transformers and transformers.
PACKAGES = {"torch": ["torch"], "openvino": ["openvino", "optimum-intel"], "onnx": ["onnxruntime", "optimum-onnx"]}


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--model", required=True)
    parser.add_argument("--input", type=pathlib.Path, help='JSONL with "text" or "query"')
    parser.add_argument("--max-length", type=int, default=256)
    parser.add_argument("--batch-size", type=int, action="append", help="may be given several times; default 8, 16, 32, 64")
    parser.add_argument("--repeat", type=int, default=1)
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument("--backend", default="torch", choices=list(PACKAGES))
    parser.add_argument("--precision", default="f32", choices=["f32", "bf16"], help="of torch's weights and all its operations")
    parser.add_argument("--output", help="also save the vectors here (.npy)")
    parser.add_argument("--export", help="write the model here, in the backend's form, and end")
    arguments = parser.parse_args()
    torch.set_num_threads(arguments.threads)
    model = load(arguments)
    if arguments.export:
        model.save_pretrained(arguments.export)
        print(json.dumps({"exported": arguments.export}))
        return
    model.max_seq_length = arguments.max_length
    texts = read_texts(arguments.input)
    lengths = [len(ids) for ids in model.tokenizer(texts, truncation=True, max_length=arguments.max_length)["input_ids"]]
    encode(model, texts[:64], 32)

    sizes = arguments.batch_size or [8, 16, 32, 64]
    seconds = {size: [] for size in sizes}
    for turn in range(arguments.repeat):
        for size in sizes[::-1] if turn % 2 else sizes:
            start = time.perf_counter()
            vectors = encode(model, texts, size)
            seconds[size].append(time.perf_counter() - start)
    best = min(sizes, key=lambda size: min(seconds[size]))
    if arguments.output:
        numpy.save(arguments.output, vectors)
    print(json.dumps({
        "texts": len(texts), "tokens": sum(lengths), "squares": sum(n * n for n in lengths),
        "batch_size": best, "seconds": min(seconds[best]), "tokens_per_second": sum(lengths) / min(seconds[best]),
        "tried": {str(size): sum(lengths) / min(tried) for size, tried in seconds.items()},
        "versions": versions("sentence-transformers", "transformers", *PACKAGES[arguments.backend]),
        "libraries": threadpoolctl.threadpool_info(),
    }))


def load(arguments):
    if arguments.backend == "torch":
        dtype = {"f32": torch.float32, "bf16": torch.bfloat16}[arguments.precision]
        return SentenceTransformer(arguments.model, device="cpu", model_kwargs={"dtype": dtype})
    options = {"export": bool(arguments.export)}
    if arguments.backend == "openvino":
        options["ov_config"] = {"INFERENCE_NUM_THREADS": str(arguments.threads)}  # its own choice of precision
    else:
        import onnxruntime

        options |= {"provider": "CPUExecutionProvider", "session_options": onnxruntime.SessionOptions()}
        options["session_options"].intra_op_num_threads = arguments.threads
    return SentenceTransformer(arguments.model, device="cpu", backend=arguments.backend, model_kwargs=options)


def read_texts(path):
    rows = [json.loads(line) for line in path.read_text().splitlines() if line.strip()]
    return [row["text"] if "text" in row else row["query"] for row in rows]


def encode(model, texts, batch_size):
    with torch.inference_mode():
        return model.encode(texts, batch_size=batch_size, convert_to_numpy=True, show_progress_bar=False)


def versions(*packages):
    return {name: importlib.metadata.version(name) for name in packages}


if __name__ == "__main__":
    main()
