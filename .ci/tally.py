"""Counts tests and checks, and holds each skip against the list in .ci/skips.

    go test -json ./... | python3 .ci/tally.py [--at-least N]
    python3 .ci/tally.py --lines < summary        # PASS, FAIL and SKIP lines of parity/run

Prints a line a package, the output of whatever failed, and each skip with its reason. Appends "passed failed skipped"
to the file that CI_TOTALS names. Fails after a failed test or build, after a skip that is not on the list, and after one
for want of shared data where ../shared stands beside the checkout.
"""

import argparse
import collections
import fnmatch
import json
import os
import pathlib
import re
import sys

MODULE = "github.com/quarry-ml/quarry/"
SHARED = pathlib.Path(__file__).resolve().parent.parent.parent / "shared"
ABSENT = "shared data absent:"  # in the reason of every test that wants it


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--lines", action="store_true", help="read PASS/FAIL/SKIP lines in place of go test's JSON")
    parser.add_argument("--at-least", type=int, default=0, help="fail when fewer tests passed")
    arguments = parser.parse_args()
    passed, failed, skips = of_lines(sys.stdin) if arguments.lines else of_go_test(sys.stdin)
    refused = judge(skips, read_list(pathlib.Path(__file__).with_name("skips")), SHARED.exists())
    failed += refused
    if passed < arguments.at_least:
        print(f"FAIL {passed} tests passed, expected at least {arguments.at_least}")
        failed += 1
    if path := os.environ.get("CI_TOTALS"):
        with open(path, "a") as totals:
            totals.write(f"{passed} {failed} {len(skips) - refused}\n")
    print(f"{passed} passed, {failed} failed, {len(skips) - refused} skipped")
    sys.exit(1 if failed else 0)


def of_lines(stream):
    """Counts of a summary; parity/run has printed the lines already."""
    passed, failed, skips = 0, 0, []
    for line in stream:
        verdict, _, rest = line.strip().partition(" ")
        name, _, reason = rest.partition(": ")
        if verdict == "PASS":
            passed += 1
        elif verdict == "FAIL":
            failed += 1
        elif verdict == "SKIP":  # the rest is the check and its reason
            skips.append((name, reason))
    return passed, failed, skips


def of_go_test(stream):
    """Counts of go test -json, printed as it goes: a line a package, all output of failures."""
    passed, failed, skips = 0, 0, []
    output = collections.defaultdict(list)
    broken = set()  # packages with a failed test
    for line in stream:
        try:
            event = json.loads(line)
        except json.JSONDecodeError:
            print(line, end="")
            continue
        package, test, action = event.get("Package", ""), event.get("Test"), event["Action"]
        short = package.removeprefix(MODULE)
        if action == "build-output":
            print(event["Output"], end="")
        elif action == "output":
            output[package, test].append(event["Output"])
        elif action == "pass" and test:
            passed += 1
            output.pop((package, test), None)
        elif action == "skip" and test:
            skips.append((f"{short}.{test}", reason(output.pop((package, test), []))))
        elif action == "fail" and test:
            failed += 1
            broken.add(package)
            print(f"FAIL {short}.{test}\n" + "".join(output.pop((package, test), [])), end="", flush=True)
        elif action in ("pass", "fail") and package:
            print(f"{'ok  ' if action == 'pass' else 'FAIL'} {short or package} {event.get('Elapsed', 0):.1f} s", flush=True)
            if action == "fail" and package not in broken:  # it did not build, or it stopped between tests
                failed += 1
                leftover = [text for key in list(output) if key[0] == package for text in output.pop(key)]
                print(*leftover[-100:], sep="", flush=True)
    return passed, failed, skips


def reason(lines):
    """What a test said when it skipped: the text after file:line, in one line."""
    said = [line.strip() for line in lines if not re.match(r"\s*(=== |--- )", line)]
    return re.sub(r"^\S+\.go:\d+: ", "", " ".join(said)) or "no reason given"


def read_list(path):
    """The allowed skips: (pattern of the name, pattern of the reason)."""
    allowed = []
    for number, line in enumerate(path.read_text().splitlines(), 1):
        line = line.strip()
        if not line or line.startswith("#"):
            continue
        name, separator, why = line.partition(" | ")
        if not separator or not why.strip():
            sys.exit(f"{path}:{number}: want `name | reason`")
        allowed.append((name.strip(), why.strip()))
    return allowed


def judge(skips, allowed, shared_is_there):
    """Prints every skip and returns how many may not be: those not on the list, and those for want of what is there."""
    refused = 0
    for name, why in sorted(skips):
        verdict = "SKIP"
        if not any(fnmatch.fnmatchcase(name, n) and fnmatch.fnmatchcase(why, w) for n, w in allowed):
            verdict = "FAIL not in .ci/skips: skip of"
        elif shared_is_there and ABSENT in why:
            verdict = f"FAIL {SHARED} is there: skip of"
        refused += verdict != "SKIP"
        print(f"{verdict} {name}: {why}")
    return refused


if __name__ == "__main__":
    main()
