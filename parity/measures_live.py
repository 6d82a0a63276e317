"""Checks Quarry's measures against ranx, pytrec-eval-terrier and sentence-transformers, live.

Rankings: those of trec_eval's own test data (per topic), and fresh random ones with ties. The oracles' values go to a
temporary file; a Go test computes Quarry's and compares every one within 1e-12.
"""

import pathlib
import random
import re
import subprocess
import tempfile

import numpy

import fixture
import report
from measures_fixture import case, ordered, random_cases


def trec_eval_case():
    folder = report.shared("trec-eval")
    judged, run = {}, {}
    for line in (folder / "qrels.test").read_text().splitlines():
        q, _, d, grade = line.split()
        judged.setdefault(q, {})[d] = int(grade)
    for line in (folder / "results.test").read_text().splitlines():
        q, _, d, _, score, _ = line.split()
        run.setdefault(q, []).append([d, float(numpy.float32(score))])  # trec_eval keeps 32 bits
    run = {q: ordered(hits) for q, hits in run.items()}
    judged = {q: grades for q, grades in judged.items() if q in run}  # ranx wants the same queries in both
    return case("trec-eval", judged, run)


def compare(cases):
    """What the Go test says of each case and convention: {name: passed}, and its whole output."""
    with tempfile.TemporaryDirectory() as folder:
        path = pathlib.Path(folder) / "oracle.json"
        fixture.write_json(path, {"made_by": {}, "cases": cases})
        command = ["go", "test", "./eval", "-count=1", "-v", "-run", "TestParity", "-args", f"-parity={path}"]
        output = subprocess.run(command, cwd=report.ROOT, text=True, capture_output=True).stdout
    verdicts = re.findall(r"--- (PASS|FAIL|SKIP): TestParity/(\S+/\S+)", output)
    return {name: verdict == "PASS" for verdict, name in verdicts}, output


if __name__ == "__main__":
    checks = report.Checks()
    seed = random.randrange(1 << 30)
    cases = random_cases(seed)
    try:
        cases.append(trec_eval_case())
    except report.Skip as reason:
        checks.skip("measures of trec-eval", str(reason))
    passed, output = compare(cases)
    for item in cases:
        for convention in item["expected"]:
            name = f"{item['name'].replace(' ', '_')}/{convention}"
            with checks.check(f"measures of {name} (seed {seed})"):
                assert passed.get(name), output[-1500:]
    checks.finish()
