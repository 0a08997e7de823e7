"""A configuration file as a whole: every problem at once, each with its place and what was probably meant."""

from __future__ import annotations

from pathlib import Path

import pytest

from proxy.settings import load as loading
from proxy.settings.load import load, number_source
from proxy.settings.problems import ConfigError

RULES = frozenset({"caller", "caller.missing", "caller.not_allocated", "trunk", "trunk.suspended"})
GOOD = """\
node: {name: gw1}
listen:
  - {name: access, address: "192.0.2.1:5060"}
core:
  next_hops: [{uri: "sip:192.0.2.9"}]
directory: {url: "file:trunks.yaml"}
"""


def complaints(tmp_path: Path, written: str | bytes, lang: str = "en") -> list[str]:
    file = tmp_path / "c.yaml"
    file.write_bytes(written.encode() if isinstance(written, str) else written)
    with pytest.raises(ConfigError) as error:
        load(file, rules=RULES)
    lines = [problem.text(lang).replace(str(file), "c.yaml") for problem in error.value.problems]
    return [line.partition(" YAML: ")[0] + " YAML" if " YAML: " in line else line for line in lines]  # PyYAML's words


def test_a_good_file(tmp_path: Path) -> None:
    file = tmp_path / "c.yaml"
    policy = "policy: {caller: {action: tag}, caller.missing: {action: reject, status: 603}, trunk: {action: ignore}}\n"
    file.write_text(GOOD + policy, encoding="utf-8")
    settings = load(file, rules=RULES)
    assert settings.listen[0].address == ("192.0.2.1", 5060)
    assert {name: (entry.action, entry.status) for name, entry in settings.policy.items()} == {
        "caller": ("tag", None),
        "caller.missing": ("reject", 603),
        "trunk": ("ignore", None),
    }


@pytest.mark.parametrize(
    ("old", "new", "expected"),
    [
        pytest.param("{name: gw1}", "{name: gw1, mode: moniter}", ["1:25: node.mode: 'moniter' is not one of: block, monitor, did you mean 'monitor'?"], id="choice"),
        pytest.param("{name: gw1}", "{nam: gw1}", ["1:1: node.name: is missing", "1:8: node.nam: unknown key, did you mean 'name'?"], id="unknown-key"),
        pytest.param("{name: gw1}", "{name: gw1, workers: 65}", ["1:28: node.workers: 65 is not one of: auto, 1 … 64"], id="workers"),
        pytest.param("{name: gw1}", "{name: gw1, workers: true}", ["1:28: node.workers: True is not one of: auto, 1 … 64"], id="workers-boolean"),
        pytest.param("{name: gw1}", "{name: 1}", ['1:14: node.name: must be text; write it in quotes: "1"'], id="name-unquoted"),
        pytest.param("{name: gw1}", "{name: ~}", ["1:14: node.name: has no value"], id="no-value"),
        pytest.param("{name: gw1}", "gw1", ["1:7: node: must be a mapping (key: value)"], id="no-mapping"),
        pytest.param("node:", "workers: {count: 2}\nnode:", ["1:1: workers: unknown key"], id="later-section"),
        pytest.param("core:", "core:\n  resolver: {ttl: 5s}", ["5:3: core.resolver: unknown key"], id="later-key"),
        pytest.param("directory:", "records: {compress: gzip}\ndirectory:", ["6:11: records.compress: unknown key"], id="unknown-record-key"),
        pytest.param("directory:", "records: {retention: 1h}\ndirectory:", ["6:22: records.retention: must be from 1d to 36500d"], id="retention"),
        pytest.param("directory:", "records: {mask_numbers: no}\ndirectory:", ["6:25: records.mask_numbers: must be true or false"], id="boolean"),
        pytest.param("directory:", "records: {queue: 10}\ndirectory:", ["6:18: records.queue: 10 is no whole number from 1000 to 10000000"], id="whole-number"),
        pytest.param("name: access,", "name: access, transport: ws,", ["3:31: listen[0].transport: 'ws' is not available in this version; available: udp, tcp, tls"], id="transport-later"),
        pytest.param("name: access,", "name: access, transport: udb,", ["3:31: listen[0].transport: 'udb' is not one of: udp, tcp, tls, did you mean 'udp'?"], id="transport"),
        pytest.param("192.0.2.1:5060", "0.0.0.0:5060", ["3:29: listen[0].address: listens on every address, so peers must be told one: add advertise"], id="any-ipv4"),
        pytest.param("192.0.2.1:5060", "[::]:5060", ["3:29: listen[0].address: listens on every address, so peers must be told one: add advertise"], id="any-ipv6"),
        pytest.param('"192.0.2.1:5060"', '"0.0.0.0:5060", advertise: "0.0.0.0:5060"', ["3:56: listen[0].advertise: peers cannot be told every address; give the one they reach"], id="advertise-any"),
        pytest.param("core:", '  - {name: access, address: "192.0.2.1:5060"}\ncore:', ["4:12: listen[1].name: the same name as listen[0].name", "4:29: listen[1].address: the same address as listen[0].address"], id="twice"),
        pytest.param('listen:\n  - {name: access, address: "192.0.2.1:5060"}', "listen: []", ["2:9: listen: must have at least one entry"], id="no-listener"),
        pytest.param("listen:\n  -", "listen:\n   ", ["3:5: listen: must be a list"], id="no-list"),
        pytest.param("sip:192.0.2.9", "sip:999.1.1.1:5060", ["5:21: core.next_hops[0].uri: '999.1.1.1' is neither an IP address nor a DNS name"], id="host-name"),
        pytest.param("sip:192.0.2.9", "sip:192.0.2.1:5060", ["5:21: core.next_hops[0].uri: 'sip:192.0.2.1:5060' is this node's own address: calls would come back to it"], id="own-address"),
        pytest.param('[{uri: "sip:192.0.2.9"}]', "[]", ["5:14: core.next_hops: must have at least one entry"], id="no-next-hop"),
        pytest.param("core:", "core:\n  ring_timeout: 0s", ["5:17: core.ring_timeout: must be from 1s to 1h"], id="ring-timeout"),
        pytest.param("core:", "core:\n  probe: {interval: 999ms, down_after: 0}", ["5:21: core.probe.interval: must be 0s, or from 1s to 1h", "5:40: core.probe.down_after: 0 is no whole number from 1 to 100"], id="probe"),
        pytest.param("core:", "core:\n  failover_after: 31s", ["5:19: core.failover_after: must be from 500ms to 30s"], id="failover-after"),
        pytest.param('[{uri: "sip:192.0.2.9"}]', '[{uri: "sip:192.0.2.9"}, {uri: "sip:192.0.2.9:5060"}]', ["5:45: core.next_hops[1].uri: the same address as core.next_hops[0].uri"], id="same-next-hop"),
        pytest.param("file:trunks.yaml", "mysql://d/d", ["6:18: directory.url: 'mysql://d/d' is no directory; write file:PATH, sqlite:PATH or postgresql://user@host/database"], id="scheme"),
        pytest.param("file:trunks.yaml", "file:", ["6:18: directory.url: 'file:' is no directory; write file:PATH, sqlite:PATH or postgresql://user@host/database"], id="no-path"),
        pytest.param("file:trunks.yaml", "file://host/trunks.yaml", ["6:18: directory.url: 'file://host/trunks.yaml' is no directory; write file:PATH, sqlite:PATH or postgresql://user@host/database"], id="file-of-another-host"),
        pytest.param("directory:", "numbering: {country: 86, emergency: [110]}\ndirectory:", ['6:22: numbering.country: must be text; write it in quotes: "86"', '6:38: numbering.emergency[0]: must be text; write it in quotes: "110"'], id="unquoted"),
        pytest.param("directory:", "policy: {caller.not_alocated: {action: tag}}\ndirectory:", ["6:10: policy.caller.not_alocated: there is no rule or rule family 'caller.not_alocated', did you mean 'caller.not_allocated'?"], id="rule"),
        pytest.param("directory:", "policy: {caller: {action: tag, status: 403}}\ndirectory:", ["6:40: policy.caller.status: only the action reject has a status"], id="status-without-reject"),
        pytest.param("directory:", "policy: {trunk: {action: replace}, caller: {action: replace, status: 603}}\ndirectory:", ["6:26: policy.trunk.action: no number can be put in its place; replace is for caller.* but caller.display_name"], id="replace"),
        pytest.param("directory:", "policy: {caller: {action: reject, status: 200}}\ndirectory:", ["6:43: policy.caller.status: 200 is no status for a rejection; one of: 403, 404, 428, 433, 436, 437, 438, 480, 503, 603, 607, 608"], id="status"),
        pytest.param("directory:", "policy: [caller]\ndirectory:", ["6:9: policy: must be a mapping (key: value)"], id="policy-list"),
        pytest.param("directory:", 'metrics: {address: "127.0.0.1:8080"}\ndirectory:', ["1:1: admin.address: the same address as metrics.address"], id="one-port-for-two"),
        pytest.param("directory:", 'shipping: {nats: {servers: ["nats://n1"], user: gw1}}\ndirectory:', ["6:49: shipping.nats.user: needs password beside it"], id="nats-no-password"),
        pytest.param("directory:", 'shipping: {nats: {servers: ["nats://n1"], password: p}}\ndirectory:', ["6:53: shipping.nats.password: needs user beside it"], id="nats-no-user"),
        pytest.param("directory:", 'shipping: {nats: {servers: ["nats://n1"], user: a, password: p, credentials: c}}\ndirectory:', ["6:49: shipping.nats.user: stands beside credentials; one of the two proves who we are"], id="nats-both"),
        pytest.param("directory:", 'shipping: {nats: {servers: ["nats://n1"], tls: {ca: c}}}\ndirectory:', ["6:48: shipping.nats.tls: is of no use with nats://; write tls:// in servers"], id="nats-no-tls"),
        pytest.param("directory:", 'shipping: {nats: {servers: ["tls://n1"], tls: {key: c}}}\ndirectory:', ["6:53: shipping.nats.tls.key: needs certificate beside it"], id="nats-tls-no-certificate"),
        pytest.param("directory:", 'shipping: {nats: {servers: ["nats://u:secret@n1"]}}\ndirectory:', ["6:29: shipping.nats.servers[0]: '…' is no NATS server; write nats://host:4222 or tls://host:4222, without a password in it"], id="nats-password-in-url"),
        pytest.param("directory:", "admin: {certificate: a.pem}\ndirectory:", ["6:22: admin.certificate: needs key beside it"], id="admin-no-key"),
        pytest.param("directory:", "admin: {key: a.pem}\ndirectory:", ["6:14: admin.key: needs certificate beside it"], id="admin-no-certificate"),
        pytest.param("directory:", "admin: {client_ca: a.pem}\ndirectory:", ["6:20: admin.client_ca: needs certificate beside it"], id="admin-client-ca-without-tls"),
        pytest.param("directory:", 'identity: {trust_anchors: [a.pem]}\nadmin: {address: "192.0.2.1:8080"}\ndirectory:', ["7:18: admin.address: everybody who reaches 192.0.2.1 could sign and verify over HTTP (/stir); add client_ca (with certificate and key) or tokens, or listen on 127.0.0.1"], id="admin-open-verification"),
        pytest.param("directory:", 'identity: {sign: {key: k, certificate_url: "https://a.example/c"}}\nadmin: {address: "[::]:8080"}\ndirectory:', ["7:18: admin.address: everybody who reaches :: could sign and verify over HTTP (/stir); add client_ca (with certificate and key) or tokens, or listen on 127.0.0.1"], id="admin-open-signing"),
        pytest.param("{name: gw1}", "{name: gw1, name: &x gw2}", ["1:19: node.name: stands here a second time; the first is in line 1", "1:25: node.name: anchors (&) and aliases (*) are not allowed; write the value out"], id="yaml"),
        pytest.param("node: {name: gw1}", "node: {name: gw1", ["2:7: is no YAML"], id="no-yaml"),
    ],
)  # fmt: skip
def test_problems(old: str, new: str, expected: list[str], tmp_path: Path) -> None:
    assert old in GOOD
    assert complaints(tmp_path, GOOD.replace(old, new, 1)) == [f"c.yaml:{each}" for each in expected]


@pytest.mark.parametrize(
    "more",
    [
        pytest.param('admin: {address: "192.0.2.1:8080"}', id="nothing-to-ask-for"),
        pytest.param('identity: {}\nadmin: {address: "192.0.2.1:8080"}', id="an-identity-that-does-nothing"),
        pytest.param('identity: {trust_anchors: [a]}\nadmin: {address: "192.0.2.1:8080", tokens: t}', id="tokens"),
        pytest.param('identity: {trust_anchors: [a]}\nadmin: {address: "192.0.2.1:8080", client_ca: c, certificate: c, key: k}', id="mutual-tls"),
        pytest.param('identity: {trust_anchors: [a]}\nadmin: {address: "127.8.0.1:8080"}', id="loopback"),
        pytest.param('identity: {trust_anchors: [a]}\nadmin: {address: "[::1]:8080"}', id="loopback-ipv6"),
    ],
)  # fmt: skip
def test_admin_addresses_that_are_not_open_to_all(more: str, tmp_path: Path) -> None:
    file = tmp_path / "c.yaml"
    file.write_text(f"{GOOD}{more}\n", encoding="utf-8")
    assert load(file, rules=RULES).admin.address[1] == 8080


def test_everything_at_once(tmp_path: Path) -> None:
    written = """\
node: {name: gw 1, name: gw2}
listen:
  - {name: access, adress: "192.0.2.1:5060"}
core: {next_hops: [{uri: "sip:gw_.example-.1"}, {uri: "sip:192.0.2.9", priority: high}]}
policy:
  caller.mising: {action: rejekt}
"""
    assert complaints(tmp_path, written) == [
        "c.yaml:1:1: directory: is missing",
        "c.yaml:1:20: node.name: stands here a second time; the first is in line 1",
        "c.yaml:3:5: listen[0].address: is missing",
        "c.yaml:3:20: listen[0].adress: unknown key, did you mean 'address'?",
        "c.yaml:4:26: core.next_hops[0].uri: 'gw_.example-.1' is neither an IP address nor a DNS name",
        "c.yaml:4:82: core.next_hops[1].priority: 'high' is no whole number from 0 to 65535",
        "c.yaml:6:3: policy.caller.mising: there is no rule or rule family 'caller.mising', did you mean 'caller.missing'?",
        "c.yaml:6:27: policy.caller.mising.action: 'rejekt' is not one of: reject, replace, tag, ignore, did you mean 'reject'?",
    ]  # fmt: skip
    chinese = complaints(tmp_path, written, "zh")
    assert chinese[3] == "c.yaml:3:20: listen[0].adress: 未知的键，是不是想写 'address'？"
    assert len(chinese) == 8


@pytest.mark.parametrize(
    ("written", "expected"),
    [
        pytest.param("", "c.yaml: is empty", id="empty"),
        pytest.param("# nothing\n", "c.yaml: is empty", id="only-a-comment"),
        pytest.param("- a\n", "c.yaml:1:1: must be a mapping (key: value)", id="a-list"),
        pytest.param(b"a: 1\n\xe5\x8f\xb7: \xff", "c.yaml:2:4: is not UTF-8 from here on; save the file as UTF-8", id="no-utf8"),
        pytest.param("a: 1".encode("utf-16"), "c.yaml:1:1: is not UTF-8 from here on; save the file as UTF-8", id="utf-16"),
    ],
)  # fmt: skip
def test_no_configuration_at_all(written: str | bytes, expected: str, tmp_path: Path) -> None:
    assert complaints(tmp_path, written) == [expected]


def test_a_file_that_is_not_there_or_no_file(tmp_path: Path) -> None:
    for path, reason in ((tmp_path / "none.yaml", "No such file or directory"), (tmp_path, "Is a directory")):
        with pytest.raises(ConfigError) as error:
            load(path, rules=RULES)
        assert str(error.value) == f"{path}: cannot be read: {reason}"


def test_a_file_that_is_too_large(tmp_path: Path) -> None:
    assert complaints(tmp_path, b"#" * loading.MAX_OCTETS) == ["c.yaml: is larger than 32 MiB"]


def test_a_byte_order_mark_is_no_fault(tmp_path: Path) -> None:
    (tmp_path / "c.yaml").write_text(GOOD, encoding="utf-8-sig")
    assert load(tmp_path / "c.yaml", rules=RULES).node.name == "gw1"


@pytest.mark.parametrize(
    ("written", "expected"),
    [
        pytest.param("nonsense: 1\n" + GOOD, ("trunks.yaml", "86", 4), id="other-faults"),
        pytest.param('directory: {url: "file:d.yaml"}\nnumbering: {country: "49", emergency: ["112"]}', ("d.yaml", "49", 1), id="numbering"),
        pytest.param('directory: {url: "file:d.yaml"}\nnumbering: {country: 49}', ("d.yaml", "86", 4), id="numbering-broken"),
    ],
)  # fmt: skip
def test_the_directory_of_a_broken_configuration_is_still_found(
    written: str, expected: tuple[str, str, int], tmp_path: Path
) -> None:
    (tmp_path / "c.yaml").write_text(written, encoding="utf-8")
    source = number_source(tmp_path / "c.yaml", None)
    assert source is not None
    assert (source.path, source.country, len(source.emergency)) == (tmp_path / expected[0], *expected[1:])


@pytest.mark.parametrize("written", ["", "a: [", "directory: 5", "directory: {url: x}", "- directory"])
def test_a_directory_that_cannot_be_found(written: str, tmp_path: Path) -> None:
    (tmp_path / "c.yaml").write_text(written, encoding="utf-8")
    assert number_source(tmp_path / "c.yaml", None) is None


def test_the_directory_of_good_settings(tmp_path: Path) -> None:
    (tmp_path / "c.yaml").write_text(GOOD, encoding="utf-8")
    source = number_source(tmp_path / "c.yaml", load(tmp_path / "c.yaml", rules=RULES))
    assert source is not None
    assert (source.is_file, source.path, sorted(source.emergency)) == (
        True,
        tmp_path / "trunks.yaml",
        ["110", "119", "120", "122"],
    )
