"""The claims rph and sph by themselves."""

from __future__ import annotations

import pytest

from stirshaken.errors import MalformedError
from stirshaken.priority import authorised, callback


@pytest.mark.parametrize(
    ("claim", "expected"),
    [
        ({"auth": ["ets.0", "wps.0"]}, {"ets.0", "wps.0"}),
        ({"auth": ["ESNET.1"], "more": 1}, {"esnet.1"}),
        ({"auth": ["dsn.flash-override"]}, {"dsn.flash-override"}),
    ],
)
def test_authorised(claim: object, expected: set[str]) -> None:
    assert authorised(claim) == expected


@pytest.mark.parametrize(
    "claim",
    [None, [], "ets.0", {}, {"auth": "ets.0"}, {"auth": []}, {"auth": [0]}, {"auth": ["ets"]}, {"auth": ["ets."]}, {"auth": ["a.b.c"]}, {"auth": ["é.0"]}, {"auth": ["ets.0"] * 33}, {"auth": [["ets.0"]]}],
    ids=str,
)  # fmt: skip
def test_not_authorised(claim: object) -> None:
    with pytest.raises(MalformedError, match="rph"):
        authorised(claim)


def test_callback() -> None:
    assert callback("psap-callback") == "psap-callback"
    for claim in (None, "", "urgent", ["psap-callback"], {}):
        with pytest.raises(MalformedError, match="sph"):
            callback(claim)
