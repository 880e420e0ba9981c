"""Benchmarks: everything that the README quotes, measured side by side. Run `python -m benchmarks`."""
