"""The fixture `scale`."""

from __future__ import annotations

import pytest
from scale import Scale


@pytest.fixture
def scale(request: pytest.FixtureRequest) -> Scale:
    """How large this run is."""
    return Scale(float(request.config.getoption("--soak")))
