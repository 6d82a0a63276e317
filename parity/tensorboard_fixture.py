"""Writes format/tfevents/testdata/tensorboard.json: event files by TensorBoard's own writer, and what its reader makes of ours.

    python -m venv /tmp/tensorboard && /tmp/tensorboard/bin/pip install tensorboard==2.20.0 "setuptools<81"
    /tmp/tensorboard/bin/python parity/tensorboard_fixture.py

TensorBoard is in no requirements.txt, for nothing else needs it. `go test ./format/tfevents` compares the bytes;
`go test ./report/history` holds an export to what TensorBoard's reader found in report/history/testdata/tensorboard,
which `go test ./report/history -update` writes.
"""

import base64
import io
import math
import pathlib

from tensorboard.backend.event_processing.event_accumulator import EventAccumulator
from tensorboard.compat.proto.event_pb2 import Event
from tensorboard.compat.proto.summary_pb2 import Summary
from tensorboard.compat.proto.tensor_pb2 import TensorProto
from tensorboard.compat.proto.types_pb2 import DT_STRING
from tensorboard.plugins.text import metadata as text_plugin
from tensorboard.summary.writer.record_writer import RecordWriter
from tensorboard.util.tensor_util import make_ndarray

import fixture

EXPORT = pathlib.Path("report/history/testdata/tensorboard")

CASES = {
    "no step": [],
    "one step": [(1, {"train/loss": 2.5})],
    "the base and two steps": [(0, {"dev/map@25": 0.25}), (1, {"train/loss": 1.5, "train/learning_rate": 1e-4}), (300, {"dev/map@25": 0.5})],
    "odd values": [(2**40, {"zero": 0.0, "tiny": 1e-40, "negative": -1.0, "größer": 3e38})],
    "no value": [(7, {})],
    "a text": [(0, {"dev/map@25": 0.25}, {"convention": "trec_eval"}), (5, {"dev/map@25": 0.5})],
    "texts alone": [(3, {}, {"convention": "größer", "empty": ""})],
}


def by_tensorboard(steps):
    out = io.BytesIO()
    writer = RecordWriter(out)
    writer.write(Event(file_version="brain.Event:2").SerializeToString())
    for step, values, *texts in steps:
        # A simple_value of 0 is written: it belongs to a oneof.
        summary = Summary(value=[Summary.Value(tag=tag, simple_value=value) for tag, value in values.items()])
        for tag, words in (texts[0] if texts else {}).items():
            metadata = text_plugin.create_summary_metadata(display_name=None, description=None)
            summary.value.append(Summary.Value(tag=tag, metadata=metadata, tensor=TensorProto(
                dtype=DT_STRING, tensor_shape={"dim": [{"size": 1}]}, string_val=[words.encode()])))
        writer.write(Event(step=step, summary=summary).SerializeToString())
    return out.getvalue()


def found_in(folder):
    """Scalars and texts by tag, as TensorBoard's reader has them."""
    found = EventAccumulator(str(folder))
    found.Reload()
    tags = found.Tags()
    scalars = {tag: [[event.step, event.value] for event in found.Scalars(tag)] for tag in sorted(tags["scalars"])}
    words = sorted(found.PluginTagToContent("text"))
    assert words == sorted(tags["tensors"]), tags
    return scalars, {tag: [[event.step, make_ndarray(event.tensor_proto).item().decode()] for event in found.Tensors(tag)] for tag in words}


def main():
    target = fixture.output("format/tfevents/testdata/tensorboard.json")
    cases = []
    for name, steps in CASES.items():
        rows = [{"step": step, "values": [[tag, value] for tag, value in values.items()]} for step, values, *_ in steps]
        for row, (_, _, *texts) in zip(rows, steps):
            if texts:
                row["texts"] = [[tag, words] for tag, words in texts[0].items()]
        cases.append({"name": name, "steps": rows, "file": base64.b64encode(by_tensorboard(steps)).decode()})
    fixture.write_json(target, {"header": fixture.header("tensorboard", "protobuf"), "cases": cases})
    read = {path.name: found_in(path) for path in sorted((fixture.ROOT / EXPORT).iterdir()) if path.is_dir()}
    rounds = {name: scalars for name, (scalars, _) in read.items()}
    assert rounds and all(math.isfinite(v) for r in rounds.values() for tag in r.values() for _, v in tag), "no export to read"
    found = fixture.output("report/history/testdata/found-by-tensorboard.json")
    fixture.write_json(found, {"header": fixture.header("tensorboard", "protobuf"), "rounds": rounds, "texts": {name: texts for name, (_, texts) in read.items()}})


if __name__ == "__main__":
    main()
