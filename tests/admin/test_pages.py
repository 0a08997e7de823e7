"""Paths and methods of both addresses."""

from __future__ import annotations

import asyncio

import pytest

from proxy.admin.pages import metrics_pages
from tests.admin.stage import App, Heard


def ask(path: str, method: str = "GET", address: str = "admin", **how: object) -> Heard:
    async def main() -> Heard:
        app = App(None, 0.0)
        if address == "metrics":
            app.pages = metrics_pages(app.health)
        try:
            return await app.ask(path, method=method, **how)  # type: ignore[arg-type]
        finally:
            await app.aclose()

    return asyncio.run(main())


@pytest.mark.parametrize("method", ["GET", "HEAD"])
def test_health_is_open_whoever_asks(method: str) -> None:
    heard = ask("/healthz", method, fields={"origin": "https://page.example"})
    assert (heard.status, heard.json, heard.fields["connection"]) == (200, {"status": "ok"}, "close")


@pytest.mark.parametrize(
    ("path", "address"),
    [
        ("/", "admin"),
        ("/metrics", "admin"),
        ("/stir", "admin"),
        ("/%68ealthz", "admin"),
        ("http://a/healthz", "admin"),
        ("/healthz", "metrics"),
        ("/stir/v1/signing", "metrics"),
    ],
)
def test_other_paths(path: str, address: str) -> None:
    heard = ask(path, address=address)
    assert (heard.status, heard.fields["content-type"], heard.json["status"]) == (404, "application/problem+json", 404)


@pytest.mark.parametrize("path", ["/healthz", "/readyz"])
def test_other_methods(path: str) -> None:
    heard = ask(path, "DELETE")
    assert (heard.status, heard.fields["allow"], heard.json["status"]) == (405, "GET, HEAD", 405)


def test_what_is_below_a_path_decides_about_methods() -> None:
    assert ask("/stir/v1/signing", "DELETE").error == (405, "POL4050", [])
