"""What the configuration gives to the control process: signing, verification, and who may ask for them."""

from __future__ import annotations

import asyncio
import ssl
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from proxy.admin.access import Access
from proxy.checks.policy import NAMES
from proxy.settings.load import load
from proxy.settings.model import Settings
from proxy.settings.problems import ProblemList
from proxy.sources.admin_files import AdminFiles, read_admin, tls_of
from proxy.sources.identity_files import IdentityFiles, read_identity
from proxy.sources.identity_services import authentication_of, verifier_of
from proxy.sources.shipping_files import NO_FILES, ShippingFiles, read_shipping
from proxy.sources.signing import Authentication
from proxy.sources.verification import Retired, Verifier


@dataclass(frozen=True, slots=True)
class Read:
    """A configuration and the files that it names, as far as they matter here."""

    settings: Settings
    identity: IdentityFiles
    admin: AdminFiles
    shipping: ShippingFiles = NO_FILES


def read(config: Path) -> Read:
    """Read it. Raises ConfigError."""
    settings = load(config, rules=NAMES)
    found = ProblemList()
    identity = read_identity(config, settings, (), found)
    admin = read_admin(config, settings.admin, found)
    shipping = read_shipping(config, settings.shipping, found)
    found.check()
    return Read(settings, identity, admin, shipping)


class Services:
    """
    The services under the last good configuration; none without one. `clock` gives epoch seconds. `tls` is how the
    admin address is spoken to.
    """

    def __init__(self, config: Path | None, clock: Callable[[], float]) -> None:
        """Read the configuration. Raises ConfigError, OSError."""
        self.verifier: Verifier | None = None
        self.authentication: Authentication | None = None
        self.access = Access(anybody=True)  # to nothing
        self.tls: ssl.SSLContext | None = None
        self.instance = "trunkward"
        self._config = config
        self._clock = clock
        self._read: Read | None = None
        self._retired = Retired()
        if config is not None:
            self._take(config, read(config))

    def shipped(self) -> object | None:
        """What records are to be shipped by, to be compared; None where they are not."""
        if self._read is None or self._read.settings.shipping.nats is None:
            return None
        return self._read.settings.shipping.nats, self._read.shipping

    @property
    def settings(self) -> Settings | None:
        """What the configuration says; None without one."""
        return None if self._read is None else self._read.settings

    async def reload(self) -> None:
        """Read the configuration anew; one that is not good leaves all as it is. Raises ConfigError, OSError."""
        if self._config is not None:
            self._take(self._config, await asyncio.to_thread(read, self._config))

    async def aclose(self) -> None:
        """End all that is under way."""
        await self._retired.aclose()
        if self.verifier is not None:
            await self.verifier.aclose()

    def _take(self, config: Path, new: Read) -> None:
        before, admin = self._read, new.settings.admin
        if before is None or before.admin != new.admin:
            self.tls = tls_of(config, admin, new.admin)
        self.access = Access(
            tokens=new.admin.tokens,
            certificates=bool(new.admin.client_ca),
            anybody=admin.is_local and not admin.guarded,
        )
        self.instance = new.settings.node.name
        identity = new.settings.identity
        if before is None or (before.settings.identity, before.identity) != (identity, new.identity):
            self._retired.add(self.verifier)  # what it knows was judged by other anchors
            self.verifier = verifier_of(identity, new.identity, self._clock)
            self.authentication = authentication_of(identity, new.identity, self._clock)
        self._read = new
