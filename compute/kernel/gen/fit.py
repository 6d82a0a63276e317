"""Fits the polynomials of exp and erf that the kernels use and prints their coefficients and errors.

Weighted least squares with Lawson's reweighting, in float64, coefficients then rounded to float32.
Run: python3 fit.py (numpy only). The output is what constants.go holds.
"""
import math
import numpy as np


def lawson(basis, target, weight, rounds=400):
    w = np.ones(len(target))
    best = None
    for _ in range(rounds):
        s = np.sqrt(w) * weight
        c, *_ = np.linalg.lstsq(basis * s[:, None], target * s, rcond=None)
        err = np.abs((basis @ c - target) * weight)
        if best is None or err.max() < best[0]:
            best = (err.max(), c)
        w = w * (err + 1e-3 * err.max())
        w /= w.sum() / len(w)
    return best[1]


def fit_exp():
    # exp(r) = 1 + r + r^2 * p(r) on |r| <= ln2 / 2.
    r = np.cos(np.linspace(0, math.pi, 4000)) * (math.log(2) / 2) * 1.01
    r = r[np.abs(r) > 1e-3]
    target = (np.exp(r) - 1 - r) / r**2
    basis = np.stack([r**k for k in range(5)], 1)
    c = lawson(basis, target, r**2 / np.exp(r))
    c32 = c.astype(np.float32)
    full = 1 + r + r**2 * (basis @ c32.astype(np.float64))
    print("exp", [float(x) for x in c32], "max relative error", np.max(np.abs(full / np.exp(r) - 1)))


def fit_erf():
    # erf(x) = x * P(x^2) / Q(x^2) on |x| <= 3.925, Q(0) = 1: linearised against the last Q.
    x = np.cos(np.linspace(0, math.pi / 2, 6000)) * 3.925
    x = x[x > 1e-4]
    f = np.array([math.erf(v) for v in x]) / x
    z = x**2
    np_, nq = 7, 5
    q = np.ones_like(z)
    for _ in range(30):
        basis = np.concatenate([np.stack([z**k for k in range(np_)], 1), np.stack([-f * z**k for k in range(1, nq)], 1)], 1)
        c = lawson(basis, f, 1 / (f * q), rounds=60)
        q = 1 + sum(c[np_ + k - 1] * z**k for k in range(1, nq))
    p32 = c[:np_].astype(np.float32)
    q32 = np.concatenate([[1.0], c[np_:]]).astype(np.float32)
    p = sum(float(p32[k]) * z**k for k in range(np_))
    q = sum(float(q32[k]) * z**k for k in range(nq))
    print("erf P", [float(v) for v in p32])
    print("erf Q", [float(v) for v in q32], "max relative error", np.max(np.abs(p / q / f - 1)))


fit_exp()
fit_erf()
