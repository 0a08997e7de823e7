"""The demo's repository: real HTTPS, its pages and nothing else."""

from __future__ import annotations

import asyncio
import ssl
from pathlib import Path
from time import time

import pytest

from proxy.demo import repository, signers
from stirshaken.fetch import Fetcher, FetchError
from stirshaken.x5u import Allowed

HOST = "127.0.0.1"


def fetched(path: str, tmp_path: Path) -> bytes:
    async def scene() -> bytes:
        tls, trusted = signers.web_server(HOST, tmp_path, time() - 60)
        client = ssl.create_default_context(cadata=trusted.decode())
        async with repository.serving(HOST, tls, {"/sp.pem": b"chain"}) as port:
            allowed = Allowed(frozenset({(HOST, port)}), private=True)
            async with Fetcher(ssl_context=client, allowed=allowed) as fetcher:
                return (await fetcher.fetch(f"https://{HOST}:{port}{path}")).body

    return asyncio.run(scene())


def test_a_page_is_served(tmp_path: Path) -> None:
    assert fetched("/sp.pem", tmp_path) == b"chain"


def test_no_other_page_is(tmp_path: Path) -> None:
    with pytest.raises(FetchError, match="status"):
        fetched("/sp.key", tmp_path)
