"""Draws the points of bench/scale: the same points make the same SVG.

    python bench/scale_plot.py docs/results/scale-PATH.jsonl docs/scale-PATH.svg
"""

import json
import pathlib
import sys

import matplotlib

matplotlib.use("svg")
matplotlib.rcParams |= {"svg.hashsalt": "quarry", "font.size": 9, "axes.grid": True, "grid.alpha": 0.3}
from matplotlib import pyplot  # noqa: E402

ROWS = [("seconds", "seconds", 1, "log"), ("peak_bytes", "MiB at most, mapped files apart", 1 << 20, "linear")]


def draw(points, path):
    """A column for each of passages, queries and depth, of time and of memory."""
    columns = [by for by in ("passages", "queries", "depth") if any(p["by"] == by for p in points)]
    figure, axes = pyplot.subplots(len(ROWS), len(columns), figsize=(4 * len(columns), 6), layout="constrained", squeeze=False)
    for axis_row, (key, label, unit, scale) in zip(axes, ROWS):
        for axis, by in zip(axis_row, columns):
            shown = [p for p in points if p["by"] == by]
            axis.plot([p[by] for p in shown], [p[key] / unit for p in shown], marker="o", markersize=3)
            axis.set_xscale("log")
            axis.set_yscale(scale)
            if scale == "linear":
                axis.set_ylim(bottom=0)
            others = ", ".join(f"{shown[0][name]:,} {name}" if name != "depth" else f"depth {shown[0][name]:,}"
                               for name in ("passages", "queries", "depth") if name != by)
            axis.set_xlabel(f"{by} ({others})")
            axis.set_ylabel(label)
    figure.savefig(path, metadata={"Date": None})


if __name__ == "__main__":
    lines = pathlib.Path(sys.argv[1]).read_text().splitlines()
    draw([p for p in map(json.loads, lines) if "by" in p], sys.argv[2])
