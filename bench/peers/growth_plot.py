"""Draws the points of rows/growth.py: the same points make the same SVG.

    python bench/peers/growth_plot.py --points points.jsonl --output docs/growth.svg
"""

import argparse
import json
import pathlib

import matplotlib

matplotlib.use("svg")
matplotlib.rcParams |= {"svg.hashsalt": "quarry", "font.size": 9, "axes.grid": True, "grid.alpha": 0.3}
from matplotlib import pyplot  # noqa: E402

PANELS = [
    ("embed", "length", "length", "tokens of a text", "tokens a second"),
    ("embed", "passages", "texts", "passages of 16 tokens", "tokens a second"),
    ("search", "passages", "texts", "passages, 512 queries, top 200", "seconds"),
]


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--points", required=True, type=pathlib.Path)
    parser.add_argument("--output", required=True, type=pathlib.Path)
    arguments = parser.parse_args()
    points = [json.loads(line) for line in arguments.points.read_text().splitlines()]
    figure, axes = pyplot.subplots(1, len(PANELS), figsize=(12, 3.6), layout="constrained")
    for axis, (what, by, key, label, unit) in zip(axes, PANELS):
        shown = [p for p in points if p["what"] == what and p["by"] == by]
        for workers in sorted({p["workers"] for p in shown}):
            line = [(p[key], p["median"]) for p in shown if p["workers"] == workers]
            axis.plot(*zip(*line), marker="o", markersize=3, label=f"{workers} worker" + "s" * (workers > 1))
        axis.set_xscale("log", base=2 if by == "length" else 10)
        axis.set_yscale("log" if what == "search" else "linear")
        axis.set_ylim(bottom=None if what == "search" else 0)
        axis.set_xlabel(label)
        axis.set_ylabel(unit)
        axis.legend(title="embed" if what == "embed" else "search", frameon=False)
    figure.savefig(arguments.output, metadata={"Date": None})
    print(json.dumps({"drawn": len(points)}))


if __name__ == "__main__":
    main()
