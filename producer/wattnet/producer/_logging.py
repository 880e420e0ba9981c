"""The loggers: 'wattnet.producer' for this package, 'wattnet.producer.librdkafka' for the client inside it.

As a library should, it shows nothing unless the program configures logging.
"""

from __future__ import annotations

import logging

logger = logging.getLogger("wattnet.producer")
logger.addHandler(logging.NullHandler())
librdkafka_logger = logging.getLogger("wattnet.producer.librdkafka")
