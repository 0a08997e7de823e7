"""The operational log."""

from __future__ import annotations

import io
import json

import structlog

from proxy.observe import log


def test_json_lines_with_level_name_and_time() -> None:
    stream = io.StringIO()
    try:
        first_way = log.configure(stream, json=True, level="info")
        speaker = log.get("trunkward")
        speaker.debug("unseen")
        speaker.warning("udp.small_buffer", octets=212992)
        first_way.drain()
        second_way = log.configure(stream, json=False, level="info")
        log.get("trunkward").info("node.ready")
        second_way.drain()
    finally:
        structlog.reset_defaults()
    first, second = stream.getvalue().splitlines()

    assert json.loads(first) | {"ts": ""} == {
        "name": "trunkward", "octets": 212992, "event": "udp.small_buffer", "level": "warning", "ts": "",
    }  # fmt: skip
    assert "node.ready" in second
