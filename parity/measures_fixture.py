"""Writes eval/testdata/parity.json: random rankings with ties, and what the libraries make of them.

    python parity/measures_fixture.py

Some queries are judged 0 throughout, judged and not ranked, or ranked and not judged; some rankings repeat passages.
Oracles: ranx, pytrec-eval-terrier and sentence-transformers; Kaggle's average precision at k has no library, it is
written out here from its definition. `go test ./eval` compares; measures_live.py does so on fresh and real rankings.
"""

import random

import fixture

CUTOFFS = [1, 3, 10, 25]


def measures_of(convention):
    """The measures that the oracle of a convention can compute, by Quarry's names."""
    names = [f"{kind}@{k}" for kind in ("map", "recall", "hit", "ndcg", "precision", "mrr") for k in CUTOFFS]
    if convention in ("trec_eval", "beir", "ranx"):
        return names + ["map", "mrr", "ndcg", "r-precision"]
    if convention == "kaggle":
        return [n for n in names if n.startswith("map")]
    return names


def by_trec_eval(judged, run):
    import pytrec_eval

    cuts = ",".join(map(str, CUTOFFS))
    families = {"map_cut", "recall", "success", "ndcg_cut", "P"}
    wanted = {f"{f}.{cuts}" for f in families} | {"map", "ndcg", "recip_rank", "Rprec"}
    theirs = {"map@": "map_cut_", "recall@": "recall_", "hit@": "success_", "ndcg@": "ndcg_cut_", "precision@": "P_"}
    whole = {"map": "map", "mrr": "recip_rank", "ndcg": "ndcg", "r-precision": "Rprec"}
    found = pytrec_eval.RelevanceEvaluator(judged, wanted).evaluate({q: dict(hits) for q, hits in run.items()})

    def value(values, measure):
        if measure in whole:
            return values[whole[measure]]
        kind, k = measure.split("@")
        if kind == "mrr":  # trec_eval cuts no recip_rank: a rank beyond k is none
            rank = values["recip_rank"]
            return rank if rank >= 1 / int(k) else 0.0
        return values[theirs[kind + "@"] + k]

    return {q: {m: value(values, m) for m in measures_of("trec_eval")} for q, values in found.items()}


def by_beir(judged, run):
    """BEIR's EvaluateRetrieval (ignore_identical_ids, its default): pytrec_eval without the passages of the queries' ids."""
    return by_trec_eval(judged, {q: [hit for hit in hits if hit[0] != q] for q, hits in run.items()})


def by_ranx(judged, run):
    from ranx import Qrels, Run, evaluate

    names = {m: m.replace("hit@", "hit_rate@") for m in measures_of("ranx")}
    queries = sorted(run)
    # ranx sorts by score with an unstable sort beyond 15 hits, so longer rankings are given as untied ranks.
    untied = {q: {d: (s if len(run[q]) <= 15 else float(-i)) for i, (d, s) in enumerate(run[q])} for q in queries}
    values = evaluate(Qrels({q: judged[q] for q in queries}), Run(untied), list(names.values()), return_mean=False)
    return {q: {m: float(values[n][i]) for m, n in names.items()} for i, q in enumerate(queries)}


def by_sentence_transformers(judged, run):
    from sentence_transformers.sentence_transformer.evaluation import InformationRetrievalEvaluator

    kinds = {"map": "map@k", "recall": "recall@k", "hit": "accuracy@k", "ndcg": "ndcg@k", "precision": "precision@k", "mrr": "mrr@k"}
    expected = {}
    for q, hits in run.items():
        positives = {d for d, grade in judged[q].items() if grade > 0}
        if not positives:
            continue
        evaluator = InformationRetrievalEvaluator(
            {q: q}, {d: d for d, _ in hits}, {q: positives}, mrr_at_k=CUTOFFS, ndcg_at_k=CUTOFFS,
            accuracy_at_k=CUTOFFS, precision_recall_at_k=CUTOFFS, map_at_k=CUTOFFS)
        # The other way round: the order of ties is the evaluator's own, and not that of what it is given.
        values = evaluator.compute_metrics([[{"corpus_id": d, "score": s} for d, s in reversed(hits)]])
        expected[q] = {}
        for m in measures_of("sentence-transformers"):
            kind, k = m.split("@")
            expected[q][m] = float(values[kinds[kind]][int(k)])
    return expected


def by_kaggle(judged, run):
    expected = {}
    for q, hits in run.items():
        positives = {d for d, grade in judged[q].items() if grade > 0}
        if not positives:
            continue
        expected[q] = {}
        for k in CUTOFFS:
            hit, total, predicted = 0, 0.0, set()
            for rank, (d, _) in enumerate(hits[:k], 1):
                if d in positives and d not in predicted:
                    hit += 1
                    total += hit / rank
                predicted.add(d)
            expected[q][f"map@{k}"] = total / min(k, len(positives))
    return expected


ORACLES = {"trec_eval": by_trec_eval, "beir": by_beir, "ranx": by_ranx, "sentence-transformers": by_sentence_transformers, "kaggle": by_kaggle}


def ordered(hits):
    """Quarry's order: score descending, ties by id ascending."""
    return sorted(hits, key=lambda hit: (-hit[1], hit[0]))


def case(name, judged, run, conventions=tuple(ORACLES)):
    """One set of judgments and rankings, with the values of each convention's oracle."""
    expected = {c: ORACLES[c](judged, run) for c in conventions}
    return {"name": name, "judged": judged, "run": run, "expected": expected}


def random_case(name, generator, passages, hits, levels):
    """Five queries; scores are eighths out of few levels, so that many tie (and 32 bits hold them)."""
    ids = [f"d{i}" for i in range(passages - 5)] + [f"q{i}" for i in range(1, 6)]  # five passages have the ids of queries
    judged, run = {}, {}
    for q in ("q1", "q2", "q3", "q4", "q5"):
        judged[q] = {d: generator.choice([0, 1, 1, 2, 3]) for d in generator.sample(ids, generator.randint(2, passages // 3))}
        judged[q][generator.choice(ids)] = 1
        run[q] = ordered([[d, generator.randrange(levels) / 8] for d in generator.sample(ids, hits)])
    return case(name, judged, run)


def zeros_case(name, generator, conventions):
    """One query whose judgments are all 0, and among the others one without a hit that is judged."""
    drawn = random_case("", generator, 30, 12, 6)
    judged, run = drawn["judged"], drawn["run"]
    judged["q2"] = dict.fromkeys([d for d, _ in run["q2"]][:4], 0)
    judged["q3"] = {"d_elsewhere": 1}
    return case(name, judged, run, conventions)


def unranked_case(name, generator):
    """Of five judged queries one is not ranked, and of six ranked ones two are not judged: trec_eval scores those with both."""
    drawn = random_case("", generator, 30, 12, 6)
    judged, run = drawn["judged"], drawn["run"]
    run["q6"], run["q7"] = run["q1"], run.pop("q4")
    return case(name, judged, run, ["trec_eval", "beir"])


def repeated_case(name, generator):
    """Every ranking names some passages a second and a third time, a positive among them: only Kaggle's measure takes that."""
    drawn = random_case("", generator, 30, 12, 6)
    judged, run = drawn["judged"], drawn["run"]
    for q, hits in run.items():
        again = [[d, 0.0] for d, _ in generator.choices(hits, k=6)] + [[max(judged[q], key=judged[q].get), 0.0]]
        for hit in again + again[:2]:
            hits.insert(generator.randint(1, len(hits)), hit)
        run[q] = [[d, float(-rank)] for rank, (d, _) in enumerate(hits)]  # ranks decide, and ids repeat
    return case(name, judged, run, ["kaggle"])


def random_cases(seed):
    generator = random.Random(seed)
    return [
        random_case("short, tied", generator, 30, 12, 6),
        random_case("long, tied", generator, 90, 60, 10),
        random_case("long, few ties", generator, 90, 60, 100_000),
        random_case("shorter than a cutoff", generator, 20, 4, 4),
        zeros_case("judged 0 throughout", generator, list(ORACLES)),
        unranked_case("judged or ranked alone", generator),
        repeated_case("passages ranked twice", generator),
    ]


if __name__ == "__main__":
    made_by = fixture.header("ranx", "pytrec-eval-terrier", "sentence-transformers")
    fixture.write_json(fixture.output("eval/testdata/parity.json"), {"made_by": made_by, "cases": random_cases(seed=1)})
