"""The operational log: structlog on standard error, octets written directly; never a number, never a secret."""

from __future__ import annotations

import sys
from typing import Any, Final, TextIO, cast

import structlog
from structlog.typing import FilteringBoundLogger, Processor

from proxy.observe.lines import Lines

_written: Final[list[Lines]] = []  # the one that is written to, once there is one
LEVELS: Final = {"debug": 10, "info": 20, "warning": 30, "error": 40}


def configure(stream: TextIO, *, json: bool, level: str) -> Lines:
    """Log to `stream` from now on, without ever waiting for it: JSON lines, or lines for people."""
    lines = Lines(stream)
    _written[:] = [lines]
    shared: list[Processor] = [
        structlog.processors.add_log_level,
        structlog.processors.TimeStamper(fmt="iso", utc=True, key="ts"),
    ]
    renderer: list[Processor] = (
        [structlog.processors.dict_tracebacks, structlog.processors.JSONRenderer()]
        if json
        else [structlog.dev.ConsoleRenderer(colors=stream.isatty())]
    )
    structlog.configure(
        processors=[*shared, *renderer],
        wrapper_class=structlog.make_filtering_bound_logger(LEVELS[level]),
        logger_factory=structlog.WriteLoggerFactory(cast("TextIO", lines)),
        cache_logger_on_first_use=True,
    )
    return lines


def drain() -> None:
    """Wait until what was said is written, for a moment at the most: for who ends without a word to the interpreter."""
    for lines in _written:
        lines.drain()


def get(name: str, **fields: Any) -> FilteringBoundLogger:
    """A logger that says who speaks."""
    logger: FilteringBoundLogger = structlog.get_logger().bind(name=name, **fields)
    return logger


def to_stderr(level: str = "info") -> FilteringBoundLogger:
    """Log for people on standard error, as commands do."""
    configure(sys.stderr, json=False, level=level)
    return get("trunkward")
