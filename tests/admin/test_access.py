"""Who may use /stir: by a certificate, by a token, or because nobody else can reach it."""

from __future__ import annotations

import pytest

from proxy.admin.access import Access
from proxy.admin.asgi import Request
from tests.admin.stage import OTHER_TOKEN, TOKEN


def request(proven: bool = False, **fields: str) -> Request:
    async def nothing() -> dict[str, object]:
        return {}

    headers = [(key.encode(), value.encode("latin-1")) for key, value in fields.items()]
    return Request({"method": "POST", "raw_path": b"/stir/", "headers": headers}, nothing, proven=proven)


TOKENS = Access(tokens=[OTHER_TOKEN.encode(), TOKEN.encode()])
BOTH = Access(tokens=[TOKEN.encode()], certificates=True)


@pytest.mark.parametrize(
    ("value", "allowed"),
    [
        (f"Bearer {TOKEN}", True),
        (f"bearer  {OTHER_TOKEN} ", True),
        (f"Bearer {TOKEN}x", False),
        (f"Bearer {TOKEN[:-1]}", False),
        (f"Bearer {TOKEN}, Bearer {TOKEN}", False),
        (f"Basic {TOKEN}", False),
        (TOKEN, False),
        ("Bearer ", False),
        ("Bearer", False),
        ("Bearer \xff", False),
        ("", False),
    ],
)
def test_tokens(value: str, allowed: bool) -> None:
    assert TOKENS.allows(request(authorization=value)) is allowed


def test_certificates() -> None:
    assert not TOKENS.allows(request(proven=True))  # no CA of clients: nothing was to be proved
    assert BOTH.allows(request(proven=True))
    assert BOTH.allows(request(authorization=f"Bearer {TOKEN}"))
    assert not BOTH.allows(request())


def test_on_this_machine_anybody_but_web_pages() -> None:
    assert Access(anybody=True).allows(request())
    assert not Access(anybody=True).allows(request(origin="https://page.example"))
    assert not Access(anybody=True).allows(request(origin="null"))


def test_nothing_configured_is_no_access() -> None:
    assert not Access().allows(request(proven=True, authorization="Bearer "))
