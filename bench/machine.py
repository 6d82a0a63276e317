"""What a result was measured on: processor, path, versions, commit, date."""

import datetime
import json
import os
import pathlib
import platform
import subprocess

import setting as settings


def describe(setting, command):
    """The stamp of a run's results."""
    doctor = json.loads(settings.run([*setting.quarry_command("doctor"), "--json"], setting.environment()))
    return {
        "processor": doctor["processor"], "cores": doctor["cores"], "system": f"{platform.system()} {platform.machine()}",
        "path": doctor["path"], "auto": doctor["precision"], "go": doctor["go"].removeprefix("go"),
        "python": platform.python_version(), "threads": setting.threads, "commit": commit(),
        "date": datetime.date.today().isoformat(), "command": command, "load": load(),
    }


def commit():
    """The commit that is checked out, and whether the tree differs from it."""
    def git(*arguments):
        return subprocess.run(["git", *arguments], cwd=settings.ROOT, stdout=subprocess.PIPE, text=True, check=True).stdout.strip()

    if os.environ.get("QUARRY_GIVEN"):
        return f"a binary that QUARRY_BIN named, bench of {git('rev-parse', '--short', 'HEAD')}"
    changed = git("status", "--porcelain", "--", "*.go", "*.s", "go.mod")
    return git("rev-parse", "--short", "HEAD") + (" with changes" if changed else "")


def load():
    """The machine's load over the last minute, where it is known: on a busy machine figures mean little."""
    path = pathlib.Path("/proc/loadavg")
    return float(path.read_text().split()[0]) if path.exists() else None
