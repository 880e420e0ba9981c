"""`python -m grafana`: write the boards and alert rules, as Grafana reads them, beside this file."""

from __future__ import annotations

import json
from pathlib import Path

import yaml
from grafana_foundation_sdk.cog.encoder import JSONEncoder

from grafana.alerts import alerts
from grafana.compare import compare
from grafana.overview import overview
from grafana.pipeline import pipeline
from grafana.revisions import revisions
from grafana.zone import zone

FOLDER = Path(__file__).parent
HEADER = "# Written by `python -m grafana`: change grafana/alerts.py.\n"


def written() -> dict[Path, str]:
    """Each file with its text."""
    files = {}
    for make in (overview, zone, compare, revisions, pipeline):
        board = make().build()
        # A board without variables would have no list of them.
        board.templating.list_val = board.templating.list_val or []
        for number, panel in enumerate(board.panels or [], start=1):
            panel.id_val = number
        read = json.loads(json.dumps(board, cls=JSONEncoder))
        for link in read["links"]:
            del link["placement"]  # the SDK knows only one, in a menu; without it links stand above the panels
        text = json.dumps(read, indent=1, sort_keys=True)
        files[FOLDER / "dashboards" / f"{make.__name__}.json"] = f"{text}\n"
    files[FOLDER / "provisioning" / "alerting" / "rules.yaml"] = HEADER + yaml.safe_dump(
        alerts(), sort_keys=False, width=120
    )
    return files


if __name__ == "__main__":
    for path, text in written().items():
        path.write_text(text, encoding="utf-8")
