"""Prints the versions of what torch_trainer.py imports, and what threadpoolctl says of the libraries that this loads."""

import argparse
import importlib.metadata
import json

import numpy  # noqa: F401 for its libraries
import sentence_transformers  # noqa: F401
import threadpoolctl
import torch


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--threads", type=int, required=True)
    torch.set_num_threads(parser.parse_args().threads)
    print(json.dumps({
        "versions": {name: importlib.metadata.version(name) for name in ("torch", "transformers", "sentence-transformers")},
        "libraries": threadpoolctl.threadpool_info()}))


if __name__ == "__main__":
    main()
