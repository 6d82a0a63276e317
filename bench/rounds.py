"""Peer and Quarry in turn, and what comes of it: medians, spread, and the ratio of the medians."""

import statistics


def alternate(rounds, peer, ours, tell):
    """Calls peer() and ours() in turn and returns the two lists of what they returned; tell gets a line a round."""
    theirs, own = [], []
    for turn in range(1, rounds + 1):
        theirs.append(peer())
        own.append(ours())
        tell(f"round {turn}: peer {theirs[-1]:,.4g}, quarry {own[-1]:,.4g}")
    return theirs, own


def compare(unit, theirs, own):
    """The part of a result that all rows share. Units of seconds are better small, all others large."""
    peer, quarry = statistics.median(theirs), statistics.median(own)
    ratio = peer / quarry if unit.startswith("s") else quarry / peer
    return {"unit": unit, "peer": series(theirs), "quarry": series(own), "ratio": ratio}


def series(values):
    """Spread is that of the values around their median: (greatest - least) / median."""
    median = statistics.median(values)
    return {"values": values, "median": median, "spread": (max(values) - min(values)) / median}
