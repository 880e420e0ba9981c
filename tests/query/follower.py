"""A program that follows zone_load and writes down what it is given; killed, it goes on where its notes end."""

from __future__ import annotations

import json
import os
from pathlib import Path
from typing import Any

from wattnet.query import Client


def notes(path: Path) -> list[dict[str, Any]]:
    """What it wrote, without a last line that a kill cut off."""
    lines = path.read_bytes().split(b"\n")[:-1] if path.exists() else []
    return [json.loads(line) for line in lines]


def main() -> None:
    path = Path(os.environ["NOTES"])
    kept = notes(path)
    path.write_bytes(b"".join(json.dumps(note).encode() + b"\n" for note in kept))
    token = kept[-1]["token"] if kept else None
    with Client.from_env() as client, path.open("ab", buffering=0) as file:
        for change in client.follow("zone_load", start="2025-01-01T00:00Z", resume=token, poll_interval_s=0.05):
            metric = change.metric
            note = [metric.labels["zone"], metric.timestamp.isoformat(), metric.value]
            file.write(json.dumps({"change": note, "token": change.token}).encode() + b"\n")


if __name__ == "__main__":
    main()
