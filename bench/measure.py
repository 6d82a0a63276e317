"""Measures rows of the table of targets.py and writes docs/benchmarks.md; bench/run calls it.

    bench/run                                 # every row; some hours
    bench/run encode-openvino search          # some
    bench/run --list
    bench/run --tiny                          # try every row on next to nothing; leaves docs/ alone

Peer and Quarry take turns on the same inputs, three times at least, with the same threads. Results are kept by row and
processor path in docs/results/benchmarks.json; a row that is not run keeps its last result there.
"""

import argparse
import importlib
import json
import os
import pathlib
import sys
import tempfile

import machine
import setting as settings
import tables
import targets

sys.path.insert(0, str(settings.ROOT / "parity"))
import report  # noqa: E402


def main():
    parser = argparse.ArgumentParser(prog="bench/run", description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("rows", nargs="*", metavar="ROW", help="all by default")
    parser.add_argument("--list", action="store_true", help="list the rows and end")
    parser.add_argument("--rounds", type=int, default=3, help="of peer and Quarry, in turn (3)")
    parser.add_argument("--threads", type=int, default=2, help="of each side (2)")
    parser.add_argument("--cpu", help="Quarry's processor path (the best there is)")
    parser.add_argument("--tiny", action="store_true", help="try the rows on next to nothing, a round each; figures mean nothing and are not kept")
    parser.add_argument("--data", type=pathlib.Path, default=os.environ.get("QUARRY_BENCH_DATA", settings.ROOT.parent / "shared" / "data"),
                        help="folder with eedi/, beir/ and tokenizers/ (QUARRY_BENCH_DATA, else ../shared/data)")
    parser.add_argument("--tokenizers", type=pathlib.Path, help="folder of tokenizers (--data/tokenizers)")
    parser.add_argument("--model", type=pathlib.Path, default=report.minilm(), help="directory of all-MiniLM-L6-v2")
    parser.add_argument("--work", type=pathlib.Path, help="where a scratch folder of 6 GB may be (the system's)")
    arguments = parser.parse_args()
    if arguments.list:
        for row in targets.ROWS:
            print(f"{row.name:16} {row.work}; against {row.peer}")
        return
    arguments.tokenizers = arguments.tokenizers or arguments.data / "tokenizers"
    chosen = [find(name) for name in arguments.rows] or targets.ROWS
    if arguments.tiny:
        arguments.rounds = 1
    elif arguments.rounds < 3:
        parser.error("--rounds: at least 3, but with --tiny")
    if not (arguments.data / "eedi").is_dir():
        parser.error(f"--data {arguments.data} holds no eedi/")
    with tempfile.TemporaryDirectory(dir=arguments.work) as folder:
        setting = settings.Setting(arguments, pathlib.Path(folder))
        stamp = machine.describe(setting, command(arguments))
        setting.path = stamp["path"]
        setting.tell(f"{stamp['processor']}, path {stamp['path']}, {setting.threads} threads, load {stamp['load']}, commit {stamp['commit']}")
        failed = []
        for row in chosen:
            try:
                keep(measure(setting, row, stamp), arguments.tiny)
            except settings.Failed as failure:
                failed.append(row.name)
                setting.tell(f"{row.name} failed: {failure}")
    if failed:
        sys.exit(f"not measured: {' '.join(failed)}")


def command(arguments):
    """The command line, but for where things are on this machine."""
    flags = [f"--{name} {value}" for name, value, usual in (
        ("rounds", arguments.rounds, 3), ("threads", arguments.threads, 2), ("cpu", arguments.cpu, None)) if value != usual]
    return " ".join(["bench/run", *arguments.rows, *flags])


def find(name):
    if name not in targets.BY_NAME:
        raise SystemExit(f"no row {name}; there are: {' '.join(targets.BY_NAME)}")
    return targets.BY_NAME[name]


def measure(setting, row, stamp):
    """The whole result of a row, and a line about it."""
    setting.tell(f"\n{row.name}: {row.work}; against {row.peer}")
    found = importlib.import_module(f"rows.{row.section}").measure(setting, row)
    result = {"row": row.name, "path": stamp["path"], **found, "on": stamp | {"load": machine.load()}}
    if "ratio" in result:
        wanted = row.wanted.get(stamp["path"])
        verdict = "no target here" if wanted is None else f"{'reached' if result['ratio'] >= wanted else 'not reached'}: {wanted:g}"
        setting.tell("; ".join([f"{row.name}: ratio {result['ratio']:.2f} ({verdict})", *tables.correctness(result)]))
        if result["peer"].get("libraries") == []:
            setting.tell("threadpoolctl: no library that it knows")
        for library in result["peer"].get("libraries", []):
            setting.tell("threadpoolctl: " + " ".join(f"{key}={value}" for key, value in library.items()))
    return result


def keep(result, tiny):
    """Prints a result, and puts it in its place unless it is only a trial."""
    print(json.dumps(result), flush=True)
    if not tiny:
        tables.add(result)
        tables.write()


if __name__ == "__main__":
    main()
