"""The demo's signers: one certificate that is good today, one that was good yesterday."""

from __future__ import annotations

import ssl
from pathlib import Path

import pytest
from cryptography import x509

from proxy.demo import signers
from stirshaken.certificate import load_anchors, load_chain, validate
from stirshaken.claims import SignedCall
from stirshaken.findings import Result, Rule
from stirshaken.numbers import Identifier
from stirshaken.verify import verify

NOW = 1_800_000_000.0
BASE = "https://127.0.0.1:8443"
CALL = SignedCall(Identifier("tn", "862755550001"), (Identifier("tn", "862155556666"),))


@pytest.mark.parametrize(
    ("path", "result", "rules"),
    [(signers.GOOD, Result.PASSED, set()), (signers.EXPIRED, Result.FAILED, {Rule.UNTRUSTED})],
)
def test_values_are_what_they_are_called(path: str, result: Result, rules: set[Rule]) -> None:
    made = signers.make(NOW)
    chain = validate(load_chain(made.pages[path]), load_anchors(made.anchors), NOW)
    value = made.value(BASE, CALL.orig.value, CALL.dest[0].value, NOW, path)

    found = verify(CALL, [value.encode()], {BASE + path: chain}, NOW)

    assert (found.result, {finding.rule for finding in found.findings}) == (result, rules)


def test_the_web_server_is_known_by_its_address(tmp_path: Path) -> None:
    _, trusted = signers.web_server("127.0.0.1", tmp_path, NOW)

    names = x509.load_pem_x509_certificate(trusted).extensions.get_extension_for_class(x509.SubjectAlternativeName)
    assert [str(address) for address in names.value.get_values_for_type(x509.IPAddress)] == ["127.0.0.1"]
    assert ssl.create_default_context(cadata=trusted.decode()).cert_store_stats()["x509_ca"] == 1
