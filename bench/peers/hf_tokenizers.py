"""Times Hugging Face tokenizers on JSON lines {"text": …} from standard input and prints one JSON object; one thread.

    python bench/peers/hf_tokenizers.py [--rounds 5] DIR < texts.jsonl

Every way that the library has to encode texts is timed, all texts a round, in processor time; taking the ids out of the
results is not. bench/tokenize.py takes the fastest.
"""

import argparse
import json
import os
import pathlib
import sys
import time

os.environ |= {"TOKENIZERS_PARALLELISM": "false", "RAYON_NUM_THREADS": "1"}  # read when the library is loaded
import threadpoolctl  # noqa: E402
import tokenizers  # noqa: E402


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("directory", type=pathlib.Path)
    parser.add_argument("--rounds", type=int, default=5)
    arguments = parser.parse_args()
    tokenizer = tokenizers.Tokenizer.from_file(str(arguments.directory / "tokenizer.json"))
    tokenizer.no_padding()
    tokenizer.no_truncation()
    texts = [json.loads(line)["text"] for line in sys.stdin]
    ways = {
        "encode": lambda: [tokenizer.encode(text, add_special_tokens=False) for text in texts],
        "encode_batch": lambda: tokenizer.encode_batch(texts, add_special_tokens=False),
        "encode_batch_fast": lambda: tokenizer.encode_batch_fast(texts, add_special_tokens=False),  # without offsets
    }
    seconds = {way: [] for way in ways}
    for _ in range(arguments.rounds):
        for way, encode in ways.items():
            start = time.process_time()
            encoded = encode()
            seconds[way].append(time.process_time() - start)
            tokens = sum(len(e.ids) for e in encoded)
            del encoded
    print(json.dumps({"version": tokenizers.__version__, "seconds": seconds, "tokens": tokens, "libraries": threadpoolctl.threadpool_info()}))


if __name__ == "__main__":
    main()
