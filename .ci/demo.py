"""Runs `quarry demo`, alone on the machine (.ci/alone), and holds it to the time and memory that are promised of it.

    python3 .ci/demo.py QUARRY FOLDER --seconds 120 --gib 2
"""

import argparse
import pathlib
import resource
import subprocess
import sys
import time


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("quarry", help="the built binary")
    parser.add_argument("folder", help="where the demo is to be")
    parser.add_argument("--seconds", type=float, required=True, help="the longest that it may take")
    parser.add_argument("--gib", type=float, required=True, help="the most memory that it may take")
    arguments = parser.parse_args()
    start = time.monotonic()
    alone = pathlib.Path(__file__).with_name("alone")
    code = subprocess.run([alone, arguments.quarry, "demo", "--dir", arguments.folder]).returncode
    seconds = time.monotonic() - start
    peak = resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss  # kibibytes, but bytes on a Mac
    gib = peak / (2**30 if sys.platform == "darwin" else 2**20)
    print(f"the demo took {seconds:.0f} s and {gib:.2f} GiB")
    if code:
        sys.exit(f"exit code {code}")
    if seconds > arguments.seconds:
        sys.exit(f"longer than {arguments.seconds:g} s")
    if gib > arguments.gib:
        sys.exit(f"more than {arguments.gib:g} GiB")


if __name__ == "__main__":
    main()
