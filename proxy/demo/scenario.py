"""What the demo shows: three trunks, and a call of each kind with the verdict that must follow."""

from __future__ import annotations

from dataclasses import dataclass

from proxy.demo.signers import EXPIRED, GOOD

HOST = "127.0.0.1"  # the proxy, the callee, metrics and admin
# callers: three customers' trunks, another operator's, and no trunk
BLOCKING, MONITORED, PEER, REPLACED, STRANGER = "127.0.0.2", "127.0.0.3", "127.0.0.4", "127.0.0.5", "127.0.0.9"
HOSTS = (BLOCKING, MONITORED, PEER, REPLACED, STRANGER)

CONFIG = """\
node: {{name: demo, mode: block, workers: 1, answer_strangers: false, state: "{home}/state"}}
listen:
  - {{name: access, transport: udp, address: "{host}:{sip}"}}
core:
  next_hops: [{{uri: "sip:{callee}", priority: 1, weight: 10}}]
directory: {{url: "file:trunks.yaml", max_shrink: 20%}}
numbering: {{country: "86", emergency: ["110", "119", "120", "122"]}}
identity:
  verify: when-present
  trust_anchors: [anchors.pem]
  max_iat_age: 60s
  repositories: {{allow: ["{repository}"], private: true, ca: web.pem}}
  sign: {{key: sp.key, certificate_url: "https://{repository}/sp.pem", spc: "1234"}}
replacement: {{from: true}}
records: {{directory: "{home}/records", mask_numbers: false, retention: 180d}}
metrics: {{address: "{host}:{metrics}"}}
admin: {{address: "{host}:{admin}"}}
"""

TRUNKS = f"""\
customers:
  - {{id: acme, name: "Acme 呼叫中心"}}
  - {{id: bolt, name: "Bolt 快递"}}
  - {{id: dove, name: "Dove 酒店"}}
  - {{id: carrier, name: "另一家运营商 / another operator"}}
trunks:
  - id: acme-1
    customer: acme
    role: access
    mode: block
    sources: ["{BLOCKING}/32"]
    gateway: ["sip:{BLOCKING}:5060"]
    pilot_number: "+862488880000"
    dial_plan: {{country: "86", area: "24", strip: ["9"]}}
    allocations:
      - {{first: "+862488880000", last: "+862488880099", purpose: "customer service"}}
      - {{number: "+864008001234", purpose: "hotline"}}
      - {{first: "+862488880200", last: "+862488880299", valid_to: 2020-12-31, purpose: "given back"}}
  - id: bolt-1
    customer: bolt
    role: access
    mode: monitor
    sources: ["{MONITORED}/32"]
    gateway: ["sip:{MONITORED}:5060"]
    pilot_number: "+862166660000"
    dial_plan: {{country: "86", area: "21"}}
    allocations:
      - {{first: "+862166660000", last: "+862166660099", purpose: "delivery calls"}}
  - id: dove-1
    customer: dove
    role: access
    mode: block
    sources: ["{REPLACED}/32"]
    gateway: ["sip:{REPLACED}:5060"]
    pilot_number: "+862488870000"
    dial_plan: {{country: "86", area: "24"}}
    policy: {{caller.not_allocated: {{action: replace}}}}
    allocations:
      - {{first: "+862488870000", last: "+862488870099", purpose: "rooms"}}
  - id: carrier-1
    customer: carrier
    role: peer
    mode: block
    sources: ["{PEER}/32"]
    gateway: ["sip:{PEER}:5060"]
    identity: {{verify: required, min_attestation: B}}
"""


SILENCE = 0  # the status of a call that nobody answers


@dataclass(frozen=True, slots=True)
class Expected:
    """
    What the record and the caller must say: `status` is what the caller gets (SILENCE: no answer at all); `rule`
    stands among the findings ("" for no findings); `signed` is the attestation that the call was signed with on its
    way ("" for none).
    """

    verdict: str
    enforced: bool
    status: int
    rule: str = ""
    signed: str = ""


@dataclass(frozen=True, slots=True)
class Token:
    """A token that a call brings: who it says calls, how old it is in seconds, where its certificate is."""

    orig: str
    age: float = 0.0
    path: str = GOOD


SIGNED = Expected("pass", enforced=True, status=200, signed="A")
VALID = Expected("pass", enforced=True, status=200)
CURED = Expected("replace", enforced=True, status=200, rule="caller.not_allocated", signed="A")
EMERGENCY = Expected("pass", enforced=True, status=200, rule="caller.not_allocated")  # recorded, never rejected


@dataclass(frozen=True, slots=True)
class Kind:
    """
    One kind of call; `key` names its text in the catalogue (`demo.kind.<key>`).

    `host` is the address that it comes from; `sender` the From value; `claims` more fields; `token` what its
    Identity says.
    """

    key: str
    host: str
    sender: str
    expected: Expected
    claims: tuple[tuple[str, str], ...] = ()
    token: Token | None = None
    called: str = "02155556666"


def _number(number: str) -> str:
    return f"<sip:{number}@pbx.example.net>"


def _rejected(rule: str, status: int = 403) -> Expected:
    return Expected("reject", enforced=True, status=status, rule=rule)


def _noted(rule: str) -> Expected:
    return Expected("reject", enforced=False, status=200, rule=rule, signed="B")


ABROAD = _number("+862755550001")  # a number of the other operator
KINDS = (
    Kind("allocated", BLOCKING, _number("02488880001"), SIGNED),
    Kind("service_number", BLOCKING, _number("4008001234"), SIGNED),
    Kind("not_allocated", BLOCKING, _number("02488889999"), _rejected("caller.not_allocated")),
    Kind("replaced", REPLACED, _number("02488889999"), CURED),
    Kind(
        "good_pai",
        BLOCKING,
        _number("95588"),
        _rejected("caller.not_allocated"),
        (("P-Asserted-Identity", _number("+862488880001")),),
    ),
    Kind("display_name", BLOCKING, f'"10086" {_number("02488880001")}', _rejected("caller.display_name")),
    Kind(
        "anonymous",
        BLOCKING,
        '"Anonymous" <sip:anonymous@anonymous.invalid>',
        _rejected("caller.anonymous", 433),
    ),
    Kind(
        "redirected",
        BLOCKING,
        _number("02488880001"),
        _rejected("caller.redirected"),
        (("Diversion", f"{_number('+8613800138000')};reason=unconditional"),),
    ),
    Kind("expired", BLOCKING, _number("02488880201"), _rejected("caller.not_allocated")),
    Kind("emergency", BLOCKING, _number("95588"), EMERGENCY, called="110"),
    Kind("stranger", STRANGER, _number("02488880001"), _rejected("trunk.unknown", SILENCE)),
    Kind("monitor_good", MONITORED, _number("02166660001"), SIGNED),
    Kind("monitor_spoofed", MONITORED, _number("95588"), _noted("caller.not_allocated")),
    Kind("token", PEER, ABROAD, VALID, token=Token("862755550001")),
    Kind("unsigned", PEER, ABROAD, _rejected("identity.missing", 428)),
    Kind("token_spoofed", PEER, _number("95588"), _rejected("identity.mismatch", 438), token=Token("862755550001")),
    Kind("token_stale", PEER, ABROAD, _rejected("identity.stale"), token=Token("862755550001", age=600)),
    Kind(
        "token_expired",
        PEER,
        ABROAD,
        _rejected("identity.untrusted", 437),
        token=Token("862755550001", path=EXPIRED),
    ),
)
