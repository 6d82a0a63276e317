"""What a result was measured on: processor, path, versions, commit, date."""

import datetime
import json
import os
import pathlib
import platform
import re
import subprocess

import setting as settings


def describe(setting, command):
    """The stamp of a run's results."""
    doctor = json.loads(settings.run([*setting.quarry_command("doctor"), "--json"], setting.environment()))
    return {
        "processor": doctor["processor"], "cores": doctor["cores"], "system": f"{platform.system()} {platform.machine()}",
        "path": doctor["path"], "auto": doctor["precision"], "go": doctor["go"].removeprefix("go"),
        "python": platform.python_version(), "threads": setting.threads, "commit": commit(doctor["version"]),
        "date": datetime.date.today().isoformat(), "command": command, "load": load(),
    }


def commit(version):
    """The commit of the quarry that is measured, and whether the tree that it was built from differs from it: of a binary that
    QUARRY_BIN names what its version says, else what is checked out."""
    def git(*arguments):
        return subprocess.run(["git", *arguments], cwd=settings.ROOT, stdout=subprocess.PIPE, text=True, check=True).stdout.strip()

    if os.environ.get("QUARRY_GIVEN"):
        return f"{built_from(version)} (QUARRY_BIN), bench of {git('rev-parse', '--short', 'HEAD')}"
    changed = git("status", "--porcelain", "--", "*.go", "*.s", "go.mod")
    return git("rev-parse", "--short", "HEAD") + (" with changes" if changed else "")


def built_from(version):
    """The commit in a version such as v0.0.0-20261128043734-ea94902abcde+dirty, or in a revision behind it."""
    found = re.search(r"(?<![0-9a-f])([0-9a-f]{12,40})(?![0-9a-f])", re.sub(r"-\d{14}-", "-", version))
    if not found:
        return f"a binary of version {version}"
    return found[1][:7] + (" with changes" if "+dirty" in version else "")


def load():
    """The machine's load over the last minute, where it is known: on a busy machine figures mean little."""
    path = pathlib.Path("/proc/loadavg")
    return float(path.read_text().split()[0]) if path.exists() else None
