"""Grafana's boards and alert rules as Python: `python -m grafana` writes them as Grafana reads them."""
