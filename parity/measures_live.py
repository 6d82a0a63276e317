"""Checks Quarry's measures against ranx, pytrec-eval-terrier and sentence-transformers, live.

Rankings: those of trec_eval's own test data (per topic), and fresh random ones with ties. The oracles' values go to a
temporary file; a Go test computes Quarry's and compares every one within 1e-12. Cranfield is judged by the command, from a
run file and BEIR's folder, and compared with pytrec_eval in the same way, every query and the mean.
"""

import json
import math

import pathlib
import random
import re
import subprocess
import tempfile

import numpy

import fixture
import report
from measures_fixture import by_beir, by_trec_eval, case, measures_of, ordered, random_cases


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


def cranfield_run(seed):
    """Judgments of Cranfield, as the folder has them, and a random run of it, with ties and without its last query."""
    lines = (report.shared("beir", "cranfield") / "qrels" / "test.tsv").read_text().splitlines()
    judged = {}
    for q, d, grade in (line.split("\t") for line in lines[1:]):
        judged.setdefault(q, {})[d] = int(grade)
    texts, _, _ = report.cranfield()
    generator, run = random.Random(seed), {}
    for q in list(judged)[:-1]:
        found = set(generator.sample(sorted(judged[q]), len(judged[q]) // 2 + 1)) | {q}  # a passage has the query's id
        found |= set(generator.sample(sorted(texts), 100 - len(found)))
        run[q] = [[d, generator.randrange(40) / 8] for d in sorted(found & texts.keys())]
    return judged, run


def compare_cranfield(judged, run, convention, oracle):
    """Runs quarry eval on a run file and BEIR's folder, and compares every measure of every query, and the means."""
    names = measures_of("trec_eval")
    with tempfile.TemporaryDirectory() as scratch:
        file = pathlib.Path(scratch) / "run.trec"
        file.write_text("".join(f"{q} Q0 {d} {i} {score} x\n" for q, hits in run.items() for i, (d, score) in enumerate(hits)))
        told = json.loads(report.quarry(
            "eval", "--run", file, "--data", report.shared("beir", "cranfield"), "--convention", convention,
            "--metrics", ",".join(names), "--per-query", "--json"))
    expected, found = oracle(judged, run), {row["id"]: row["measures"] for row in told["per_query"]}
    assert found.keys() == expected.keys() and told["queries"] == len(expected) == 224, (len(found), len(expected), told["queries"])
    for name in names:
        for q, values in expected.items():
            assert abs(found[q][name] - values[name]) <= 1e-12, f"{name} of query {q}: {found[q][name]}, pytrec_eval has {values[name]}"
        mean = math.fsum(values[name] for values in expected.values()) / len(expected)
        assert abs(told["metrics"][name] - mean) <= 1e-12, f"mean {name}: {told['metrics'][name]}, pytrec_eval has {mean}"


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
    for convention, oracle in [("trec_eval", by_trec_eval), ("beir", by_beir)]:
        with checks.check(f"quarry eval of Cranfield, {convention} (seed {seed})"):
            judged, run = cranfield_run(seed)
            compare_cranfield(judged, run, convention, oracle)
    checks.finish()
