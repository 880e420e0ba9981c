"""docker-compose.yml brought up, where there is a Docker engine."""

from __future__ import annotations

import json
import os
import shutil
import urllib.request
from base64 import b64encode
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from command import Command
from dotenv import dotenv_values

from wattnet.examples import US_GRID_2022_METRICS

if TYPE_CHECKING:
    from collections.abc import Iterator

ROOT = Path(__file__).parents[2]


@pytest.fixture
def stack(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """The stack of the example's settings, all services healthy; the folder holds its .env. Its volumes go with it."""
    from docker.errors import DockerException
    from testcontainers.compose import DockerCompose
    from testcontainers.core.docker_client import DockerClient

    try:
        DockerClient()
    except DockerException as exc:
        pytest.skip(f"no Docker engine: {exc}")
    # A project of its own: its volumes are removed, and somebody may have a stack of that file here.
    monkeypatch.setenv("COMPOSE_PROJECT_NAME", "wattnet-test")
    shutil.copy(ROOT / ".env.example", tmp_path / ".env")
    with DockerCompose(ROOT, compose_file_name="docker-compose.yml", env_file=str(tmp_path / ".env"), build=True):
        yield tmp_path


@pytest.mark.docker
@pytest.mark.timeout(1800)  # the images may have to be downloaded
def test_the_stack_of_docker_compose_does_what_the_demo_does(stack: Path) -> None:
    """The year of eight grids there and back, exactly once, and Grafana with its data source."""
    done = Command(stack)("demo", "--against", "compose", timeout_s=900)
    assert done.returncode == 0, done.stderr
    assert f"every offset is stored exactly once ({US_GRID_2022_METRICS:,} messages)" in done.stdout
    assert f"metrics FINAL has {US_GRID_2022_METRICS:,} rows, 0 before." in done.stdout

    password = dotenv_values(stack / ".env")["GRAFANA_ADMIN_PASSWORD"]
    login = b64encode(f"admin:{password}".encode()).decode()
    port = os.environ.get("GRAFANA_PORT", "3000")
    request = urllib.request.Request(
        f"http://127.0.0.1:{port}/api/datasources", headers={"Authorization": f"Basic {login}"}
    )
    with urllib.request.urlopen(request, timeout=30) as answer:  # noqa: S310  the same
        assert "grafana-clickhouse-datasource" in {one["type"] for one in json.load(answer)}
