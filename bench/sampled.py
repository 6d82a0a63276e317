"""Runs of quarry whose memory is looked at: what bench/memory and bench/scale share."""

import os
import pathlib
import re
import subprocess
import tempfile
import time

ROOT = pathlib.Path(__file__).resolve().parent.parent


def build(folder):
    """The quarry that QUARRY_BIN names, else one that is built into a folder."""
    if os.environ.get("QUARRY_BIN"):
        return os.environ["QUARRY_BIN"]
    quarry = os.path.join(folder, "quarry")
    subprocess.run(["go", "build", "-o", quarry, "./cmd/quarry"], cwd=ROOT, check=True, env={**os.environ, "CGO_ENABLED": "0"})
    return quarry


def size(text):
    """The bytes of a size such as 2GiB."""
    number, unit = re.fullmatch(r"([0-9.]+)\s*(MiB|GiB)", text).groups()
    return int(float(number) * {"MiB": 1 << 20, "GiB": 1 << 30}[unit])


def run(command, kill_after=None, **options):
    """Runs a command, to its end or until it is killed; returns its exit code, the seconds, the most bytes of RssAnon + RssShmem
    that a look every 5 ms found, and what it said on standard error."""
    started, peak = time.monotonic(), 0
    with tempfile.TemporaryFile("w+") as told:
        child = subprocess.Popen(list(map(str, command)), stderr=told, **options)
        while child.poll() is None:
            peak = max(peak, anonymous(child.pid))
            time.sleep(0.005)
            if kill_after is not None and time.monotonic() - started > kill_after:
                child.kill()
        told.seek(0)
        return child.returncode, time.monotonic() - started, peak, told.read()


def anonymous(pid):
    """RssAnon + RssShmem of a process, in bytes."""
    try:
        with open(f"/proc/{pid}/status") as f:
            return sum(int(line.split()[1]) << 10 for line in f if line.startswith(("RssAnon:", "RssShmem:")))
    except OSError:
        return 0
