"""Requests and answers as ASGI carries them."""

from __future__ import annotations

import asyncio
import json
from typing import Any

import pytest

from proxy.admin import asgi
from proxy.admin.asgi import MAX_BODY, Request, TooLarge, TooSlow, problem, send_answer


def request(*parts: bytes, more: bool = False, **fields: str) -> Request:
    """A request whose body comes in parts; with `more` the rest never comes."""
    left = list(parts)

    async def receive() -> dict[str, Any]:
        if not left:
            await asyncio.sleep(60)
        return {"type": "http.request", "body": left.pop(0), "more_body": bool(left) or more}

    given = {"content-length": str(sum(map(len, parts)))} | {
        key.replace("_", "-"): value for key, value in fields.items()
    }
    headers = [(key.encode(), value.encode()) for key, value in given.items()]
    return Request({"method": "POST", "raw_path": b"/a%2fb", "headers": headers}, receive)


def sent(of: Request, *, last: bool = False) -> tuple[int, dict[str, str], bytes]:
    events: list[Any] = []

    async def send(event: Any) -> None:
        events.append(event)

    asyncio.run(send_answer(of, problem(404, "nothing here", ("Allow", "GET")), send, last=last))
    start, body = events
    return start["status"], {key.decode(): value.decode() for key, value in start["headers"]}, body["body"]


def test_the_path_is_as_it_came_and_fields_are_joined() -> None:
    made = Request({"method": "GET", "raw_path": b"/a%2fb", "headers": [(b"accept", b"a"), (b"accept", b"b")]}, None)  # type: ignore[arg-type]
    assert (made.path, made.field(b"accept"), made.field(b"host"), made.unread) == ("/a%2fb", "a, b", None, False)


def test_a_body() -> None:
    made = request(b"a", b"", b"b")
    assert made.unread
    assert asyncio.run(made.body()) == b"ab"
    assert not made.unread


def test_a_body_that_is_too_large() -> None:
    asyncio.run(request(b"a" * MAX_BODY).body())
    with pytest.raises(TooLarge):
        asyncio.run(request(b"a" * MAX_BODY, b"a").body())


def test_a_body_that_does_not_come(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(asgi, "BODY_SECONDS", 0.05)
    with pytest.raises(TooSlow):
        asyncio.run(request(b"a", more=True).body())


def test_a_client_that_goes() -> None:
    async def receive() -> dict[str, Any]:
        return {"type": "http.disconnect"}

    made = Request({"method": "POST", "raw_path": b"/", "headers": [(b"content-length", b"1")]}, receive)
    with pytest.raises(TooSlow):
        asyncio.run(made.body())


def test_a_problem_document() -> None:
    status, fields, body = sent(request())
    assert (status, fields["content-type"], fields["allow"]) == (404, "application/problem+json", "GET")
    assert int(fields["content-length"]) == len(body)
    assert json.loads(body) == {"type": "about:blank", "title": "Not Found", "status": 404, "detail": "nothing here"}
    assert "connection" not in fields


@pytest.mark.parametrize(
    ("parts", "more", "fields", "closes"),
    [
        pytest.param([b"a"], False, {}, False, id="read-to-its-end-first"),
        pytest.param([b"a"], True, {}, True, id="does-not-end"),
        pytest.param([b"a" * 600_000] * 3, False, {}, True, id="too-much-to-read"),
        pytest.param([b"a"], False, {"expect": "100-continue"}, True, id="not-begun"),
    ],
)
def test_the_rest_of_a_body(parts: list[bytes], more: bool, fields: dict[str, str], closes: bool, monkeypatch: pytest.MonkeyPatch) -> None:  # fmt: skip
    monkeypatch.setattr(asgi, "DRAIN_SECONDS", 0.1)
    assert ("connection" in sent(request(*parts, more=more, **fields))[1]) is closes


def test_the_last_answer_of_a_connection() -> None:
    assert sent(request(), last=True)[1]["connection"] == "close"
