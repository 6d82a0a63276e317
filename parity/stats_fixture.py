"""Writes stats/testdata/tests.json: paired tests and corrections as scipy and statsmodels have them.

    python -m venv V && V/bin/pip install scipy==1.17.1 statsmodels==0.14.6
    V/bin/python parity/stats_fixture.py

scipy: ttest_rel, binomtest, an exact permutation_test (all sign patterns), false_discovery_control. statsmodels: multipletests
(holm, fdr_bh), and for rows that share a group the t test of OLS on a constant with clustered covariance. `go test ./stats` compares.
"""

import numpy
from scipy import stats
from statsmodels.regression.linear_model import OLS
from statsmodels.stats.multitest import multipletests

import fixture


def paired(name, generator, n, levels, shift):
    """n pairs whose differences are tenths, some of them zero."""
    first = generator.integers(0, levels, n) / 10
    second = first + generator.integers(-levels, levels + 1, n) / 10 + shift
    return {"name": name, "first": first.round(6).tolist(), "second": second.round(6).tolist()}


def with_tests(case):
    first, second = numpy.array(case["first"]), numpy.array(case["second"])
    difference = second - first
    better, worse = int((difference > 1e-9).sum()), int((difference < -1e-9).sum())
    case["t"] = float(stats.ttest_rel(second, first).pvalue)
    case["sign"] = float(stats.binomtest(better, better + worse).pvalue)
    case["better"], case["worse"] = better, worse
    if len(first) <= 16:
        exact = stats.permutation_test((second, first), lambda x, y, axis: numpy.mean(x - y, axis=axis), permutation_type="samples", vectorized=True, n_resamples=numpy.inf)
        case["randomisation"] = float(exact.pvalue)
    return case


def clustered(name, generator, sizes):
    groups = [f"g{i}" for i, size in enumerate(sizes) for _ in range(size)]
    first = generator.random(len(groups)).round(3)
    second = (first + generator.normal(0.05, 0.3, len(groups)) + numpy.repeat(generator.normal(0, 0.2, len(sizes)), sizes)).round(3)
    codes = numpy.unique(groups, return_inverse=True)[1]
    fit = OLS(second - first, numpy.ones(len(groups))).fit(cov_type="cluster", cov_kwds={"groups": codes}, use_t=True)
    return {"name": name, "first": first.tolist(), "second": second.tolist(), "groups": groups, "t": float(fit.pvalues[0])}


def correction(p):
    bh = multipletests(p, method="fdr_bh")[1]
    assert numpy.allclose(bh, stats.false_discovery_control(p))
    return {"p": list(p), "holm": multipletests(p, method="holm")[1].tolist(), "bh": bh.tolist()}


if __name__ == "__main__":
    draw = numpy.random.default_rng(7)
    cases = [
        with_tests(paired("twelve pairs", draw, 12, 5, 0.1)),
        with_tests(paired("sixteen pairs, no effect", draw, 16, 4, 0)),
        with_tests(paired("two pairs", draw, 2, 5, 0.2)),
        with_tests(paired("two hundred pairs", draw, 200, 6, 0.05)),
        clustered("groups of one to four", draw, [1, 2, 3, 4, 1, 2, 3, 4, 2, 2]),
        clustered("forty groups", draw, [3] * 40),
    ]
    corrections = [correction(p) for p in (
        [0.01, 0.04, 0.03, 0.005], [0.5], [0.2, 0.2, 0.2], [1.0, 0.0, 0.9, 0.05, 0.011, 0.02], draw.random(20).round(4).tolist())]
    made_by = fixture.header("scipy", "statsmodels", "numpy")
    fixture.write_json(fixture.output("stats/testdata/tests.json"), {"made_by": made_by, "cases": cases, "corrections": corrections})
