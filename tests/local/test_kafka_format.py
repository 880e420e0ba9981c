"""Brokers begin in a folder that Kafka's tool made, or in a copy of one."""

from __future__ import annotations

import sys
import uuid
from typing import TYPE_CHECKING

import pytest

from wattnet.local import ServiceFailedError
from wattnet.local._kafka import Kafka
from wattnet.local._kafka_format import format_folder
from wattnet.local._kafka_programs import install_kafka

if TYPE_CHECKING:
    from pathlib import Path

TOOL = """
import pathlib, sys
assert sys.argv[1:3] == ["kafka.tools.StorageTool", "format"] and "server.properties" in sys.argv
data = pathlib.Path("data", "__cluster_metadata-0")
data.mkdir(parents=True)
data.joinpath("levels").write_text("of features")
data.parent.joinpath("meta.properties").write_text(sys.argv[3].removeprefix("--cluster-id="))
"""


def formatted(folder: Path, *, tool: str, like: Path) -> tuple[str, str]:
    """The folder's features and ids, after this tool had its turn."""
    folder.mkdir()
    format_folder([sys.executable, "-c", tool], folder, like=like)
    data = folder / "data"
    return (data / "__cluster_metadata-0" / "levels").read_text(), (data / "meta.properties").read_text()


def test_the_tool_runs_once_and_copies_have_ids_of_their_own(tmp_path: Path) -> None:
    like = tmp_path / "made"
    levels, cluster_id = formatted(tmp_path / "first", tool=TOOL, like=like)
    copies = [formatted(tmp_path / name, tool="raise SystemExit(1)", like=like) for name in ("second", "third")]
    assert {text for text, _ in copies} == {levels}
    ids = [dict(line.split("=", 1) for line in text.splitlines()) for _, text in copies]
    assert {(one["version"], one["node.id"]) for one in ids} == {("1", "1")}
    assert len({cluster_id, *(one[name] for one in ids for name in ("cluster.id", "directory.id"))}) == 5
    assert [path.name for path in like.rglob("*")] == ["__cluster_metadata-0", "levels"], "no ids are kept"


def test_what_a_tool_says_that_fails_is_shown_and_nothing_is_kept(tmp_path: Path) -> None:
    with pytest.raises(ServiceFailedError, match=r"(?s)exit code 3.*out of luck"):
        formatted(tmp_path / "first", tool="print('out of luck'); raise SystemExit(3)", like=tmp_path / "made")
    assert not (tmp_path / "made").exists()


@pytest.mark.services
def test_a_cluster_id_may_begin_with_a_dash(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """One in 64 does. Kafka's tool takes it for no option; test_stack shows that Kafka runs with it."""
    monkeypatch.setattr("wattnet.local._kafka_format.uuid.uuid4", lambda: uuid.UUID(int=0xFB << 120))
    folder = tmp_path / "kafka"
    kafka = Kafka(folder, programs=install_kafka(progress=print), port=1, controller_port=2)
    kafka._formatted = tmp_path / "made"
    kafka.command()
    assert "cluster.id=-" in (folder / "data" / "meta.properties").read_text()
