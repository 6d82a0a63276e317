"""Writes cmd/quarry/testdata/mteb/: rankings with ties, judgments, and the result file that MTEB makes of them.

    pip install --no-deps mteb==2.26.24, and what it imports beside parity/requirements.txt, in a venv of its own
    python parity/mteb_fixture.py

MTEB is in no requirements.txt: what it imports (datasets, polars, pyarrow) is large, and nothing else needs it.
`go test ./cmd/quarry` holds `quarry eval --mteb` to the file, and the script itself reads back Quarry's, if there is one.
"""

import json
import pathlib
import random

import fixture
from mteb._evaluators.retrieval_metrics import calculate_retrieval_scores, make_score_dict
from mteb.results.task_result import TaskResult

CUTOFFS = (1, 3, 5, 10, 20, 100, 1000)
QUARRYS = "cmd/quarry/testdata/mteb/quarry.json"


def rankings():
    source = random.Random(7)
    qrels, results = {}, {}
    for q in range(12):
        judged = source.sample(range(60), source.randint(1, 6))
        qrels[f"q{q}"] = {f"d{d}": source.choice([1, 1, 2, 0]) for d in judged}
        qrels[f"q{q}"][f"d{judged[0]}"] = 1
        # Scores of one digit: many tie.
        results[f"q{q}"] = {f"d{d}": source.randint(0, 9) / 8 for d in source.sample(range(60), 40)}
    return qrels, results


def main():
    target = fixture.output("cmd/quarry/testdata/mteb/qrels.txt").parent
    qrels, results = rankings()
    lines = [f"{q} 0 {d} {grade}" for q, judged in qrels.items() for d, grade in judged.items()]
    (target / "qrels.txt").write_text("\n".join(lines) + "\n")
    fixture.write_json(target / "run.json", results)
    found = calculate_retrieval_scores(results, qrels, CUTOFFS)
    scores = make_score_dict(
        ndcg=found.ndcg, _map=found.map, recall=found.recall, precision=found.precision, mrr=found.mrr,
        naucs={}, naucs_mrr={}, hit_rate=found.hit_rate, task_scores={},
    )
    scores.pop("accuracy")  # recall_at_1 under another name, for tasks with choices
    scores |= {"main_score": scores["ndcg_at_10"], "hf_subset": "default", "languages": ["eng-Latn"]}
    result = TaskResult(dataset_revision="1", task_name="tiny", mteb_version=None, scores={"test": [scores]}, evaluation_time=None)
    result.to_disk(target / "tiny.json")
    content = json.loads((target / "tiny.json").read_text())
    content = {"header": fixture.header("mteb", "pytrec-eval-terrier"), **content}
    (target / "tiny.json").write_text(json.dumps(content, indent=2) + "\n")
    quarrys = fixture.ROOT / QUARRYS
    if quarrys.exists():
        read = TaskResult.from_disk(quarrys)
        assert read.scores["test"][0]["main_score"] == content["scores"]["test"][0]["main_score"], read
        assert read.get_score() == read.scores["test"][0]["ndcg_at_10"]
    else:
        print(f"{QUARRYS} is not there: `go test ./cmd/quarry -run MTEB -update` writes it; then run this again")


if __name__ == "__main__":
    main()
