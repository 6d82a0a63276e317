"""Alternates Hugging Face tokenizers and Quarry's tokenizer on the same texts, one thread each, and prints their rates.

    $(parity/environment) bench/tokenize.py [--model DIR] [--input texts.jsonl] [--turns 3] [--rounds 5]

Rates are of processor time, which other work on the machine disturbs less than the clock's: each turn times the peer and
then Quarry, loading and reading not counted, and takes the median round. The peer is as fast as the fastest of its ways
to encode (bench/peers/hf_tokenizers.py). No special tokens, nothing cut off; both must find as many tokens.
"""

import argparse
import json
import pathlib
import statistics
import subprocess
import sys
import tempfile

HERE = pathlib.Path(__file__).resolve().parent
sys.path.insert(0, str(HERE.parent / "parity"))
import report  # noqa: E402
import texts  # noqa: E402


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--model", default=report.minilm(), type=pathlib.Path)
    parser.add_argument("--input", type=pathlib.Path, help='JSONL with "text"; default: texts of Eedi and Cranfield')
    parser.add_argument("--turns", type=int, default=3, help="of both, one after the other")
    parser.add_argument("--rounds", type=int, default=5, help="a turn")
    arguments = parser.parse_args()
    sources = {arguments.input.name: [json.loads(line)["text"] for line in arguments.input.read_text().splitlines()]} \
        if arguments.input else real_texts()
    with tempfile.TemporaryDirectory() as folder:
        binary = pathlib.Path(folder) / "rate"
        subprocess.run(["go", "build", "-o", binary, "./model/tokenizer/internal/rate"], cwd=report.ROOT, check=True)
        peer = [sys.executable, HERE / "peers" / "hf_tokenizers.py"]
        for name, source in sources.items():
            print(json.dumps({"texts_of": name} | compare(peer, [binary], source, arguments)), flush=True)


def real_texts():
    """Long mathematical questions with markup, short labels, and abstracts in plain English."""
    eedi, cranfield = report.shared("eedi"), report.shared("beir", "cranfield")
    return {
        "eedi train": list(texts.lines(eedi / "train.jsonl", "query")),
        "eedi corpus": list(texts.lines(eedi / "corpus.jsonl", "text")),
        "cranfield corpus": list(texts.lines(cranfield / "corpus.jsonl.gz", "text")),
    }


def compare(peer, ours, source, arguments):
    given = "".join(json.dumps({"text": text}, ensure_ascii=False) + "\n" for text in source).encode()
    size = sum(len(text.encode()) for text in source)
    rates = {"tokenizers": [], "quarry": []}
    for turn in range(1, arguments.turns + 1):
        theirs = measure(peer, given, arguments)
        fastest = min(theirs["seconds"], key=lambda way: statistics.median(theirs["seconds"][way]))
        own = measure(ours, given, arguments)
        tokens = own["tokens"]
        if theirs["tokens"] != tokens:
            raise SystemExit(f"tokenizers finds {theirs['tokens']} tokens, Quarry {tokens}")
        for name, seconds in [("tokenizers", theirs["seconds"][fastest]), ("quarry", own["seconds"])]:
            rates[name].append(statistics.median(seconds))
        print(f"turn {turn}: tokenizers {theirs['version']} {fastest} {tokens / rates['tokenizers'][-1]:,.0f} tokens/s, "
              f"quarry {tokens / rates['quarry'][-1]:,.0f} tokens/s", file=sys.stderr, flush=True)
    medians = {name: statistics.median(seconds) for name, seconds in rates.items()}
    return {
        "texts": len(source), "bytes": size, "tokens": tokens,
        "tokens_per_second": {name: [round(tokens / s) for s in seconds] for name, seconds in rates.items()},
        "megabytes_per_second": {name: round(size / s / 1e6, 2) for name, s in medians.items()},
        "ratio_of_medians": round(medians["tokenizers"] / medians["quarry"], 2),
    }


def measure(command, given, arguments):
    command = [*command, "--rounds", arguments.rounds, arguments.model]
    done = subprocess.run(list(map(str, command)), input=given, stdout=subprocess.PIPE, check=True)
    return json.loads(done.stdout)


if __name__ == "__main__":
    main()
