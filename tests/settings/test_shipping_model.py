"""shipping in the configuration: defaults, what is refused, and that no password is shown with it."""

from __future__ import annotations

from typing import Any

import pytest
from pydantic import ValidationError

from proxy.settings.shipping_model import Nats, Shipping

SERVERS = ["nats://127.0.0.1:4222"]


def read(**said: Any) -> Nats:
    return Nats.model_validate({"servers": SERVERS, **said})


def test_defaults() -> None:
    assert Shipping().nats is None
    found = read()
    assert (found.stream, found.subject, found.replicas, found.keep, found.max_bytes) == (
        "TRUNKWARD", "trunkward", 1, 7 * 86400, None,
    )  # fmt: skip
    assert (found.credentials, found.user, found.password, found.is_tls) == (None, None, None, False)
    assert read(servers=["tls://a.example"]).is_tls
    assert read(keep="0s").keep == 0


@pytest.mark.parametrize(
    "server", ["nats://n1", "nats://n1.example:4222", "tls://192.0.2.1:4443", "nats://[2001:db8::1]:4222"]
)
def test_servers(server: str) -> None:
    assert read(servers=[server]).servers == (server,)


@pytest.mark.parametrize(
    ("said", "where", "kind"),
    [
        pytest.param({"servers": []}, ("servers",), "at_least_one", id="no-server"),
        pytest.param({"servers": ["nats://a", "tls://b"]}, ("servers",), "nats_mixed", id="mixed"),
        *[
            pytest.param({"servers": [server]}, ("servers", 0), "nats_server", id=f"server-{server}")
            for server in ("127.0.0.1:4222", "http://a", "nats://", "nats://a:0", "nats://a:65536", "nats://a/x", "nats://a b", 5, "nats://u:secret@a")
        ],
        pytest.param({"stream": "a.b"}, ("stream",), "nats_stream", id="stream"),
        pytest.param({"stream": ""}, ("stream",), "nats_stream", id="no-stream"),
        pytest.param({"subject": "a.>"}, ("subject",), "nats_subject", id="wildcard"),
        pytest.param({"subject": "a..b"}, ("subject",), "nats_subject", id="empty-word"),
        pytest.param({"subject": 5}, ("subject",), "nats_subject", id="subject-that-is-a-number"),
        pytest.param({"replicas": 6}, ("replicas",), "whole", id="replicas"),
        pytest.param({"keep": "30m"}, ("keep",), "none_or_between", id="keep"),
        pytest.param({"max_bytes": 1000}, ("max_bytes",), "whole", id="max-bytes"),
        pytest.param({"tls": {"cert": "x"}}, ("tls", "cert"), "extra_forbidden", id="unknown-key"),
    ],
)  # fmt: skip
def test_what_is_refused(said: dict[str, Any], where: tuple[str | int, ...], kind: str) -> None:
    with pytest.raises(ValidationError) as caught:
        read(**said)
    (error,) = caught.value.errors()
    assert (error["loc"], error["type"].removeprefix("config.")) == (where, kind)
    assert "secret" not in str(error.get("ctx"))


def test_a_capture_server() -> None:
    found = Shipping.model_validate({"hep": {"address": "192.0.2.1:9060"}}).hep
    assert found is not None
    assert (found.address, found.id, found.key, found.calls) == (("192.0.2.1", 9060), 2001, None, "rejected")


@pytest.mark.parametrize(
    "said",
    [{}, {"address": "homer:9060"}, {"id": -1}, {"id": 2**32}, {"calls": "reject"}, {"key": 5}, {"transport": "tcp"}],
)
def test_no_capture_server(said: dict[str, Any]) -> None:
    with pytest.raises(ValidationError):
        Shipping.model_validate({"hep": {"address": "192.0.2.1:9060", **said} if said else {}})
