"""Signing and verification over HTTP (ATIS-1000082), for a switch that asks instead of routing calls through us."""

from __future__ import annotations

import re
import uuid
from collections import Counter
from collections.abc import Awaitable, Callable, Mapping
from typing import Any, Final

from proxy.admin import stir_errors as errors
from proxy.admin.access import CHALLENGE
from proxy.admin.asgi import MAX_BODY, Answer, Request, TooLarge, TooSlow, json_line
from proxy.admin.services import Services
from proxy.admin.stir_errors import JSON, Fault
from proxy.admin.stir_requests import VerificationRequest, signing_request, verification_request
from proxy.checks.attestation import FAILED, NONE, PASSED, proves_number
from proxy.checks.verdict import STIR
from proxy.observe import log
from proxy.sources.verification import Question
from stirshaken.claims import SignedCall
from stirshaken.errors import MalformedError
from stirshaken.findings import Result
from stirshaken.verify import Verification

ROOT: Final = "/stir/"
OWNER: Final = "http"  # on whose account certificates are fetched
MAX_UNDER_WAY: Final = 64
COUNTER: Final = "stir_requests_total"
Served = tuple[str, Mapping[str, object]]  # what is counted, and what is answered

_ID: Final = re.compile(r"[!-~]{1,128}")
_TYPE: Final = re.compile(r'application/json[ \t]*(?:;[ \t]*charset="?utf-8"?[ \t]*)?', re.IGNORECASE)
_ACCEPTABLE: Final = frozenset({"*/*", "application/*", "application/json"})
_REFUSED: Final = {401: "unauthorised", 404: "unavailable", 503: "unavailable", 500: "error"}


class Stir:
    """The two services; `counts` are the counters of this process."""

    def __init__(self, services: Services, counts: Counter[tuple[str, ...]]) -> None:
        self._services = services
        self._counts = counts
        self._under_way = 0
        self._serve: Mapping[str, tuple[str, Callable[[bytes], Awaitable[Served]]]] = {
            f"{ROOT}v1/signing": ("signing", self._sign),
            f"{ROOT}v1/verification": ("verification", self._verify),
        }

    async def answer(self, request: Request) -> Answer:
        """Serve a request, or say in an error object why not."""
        fields = self._ids(request)
        kind, serve = self._serve.get(request.path, ("", None))
        try:
            result, said = await self._served(request, serve)
            answer = Answer(200, JSON, json_line(said), fields)
        except Fault as fault:
            answer = fault.answer(fields)
            result = _REFUSED.get(answer.status, "refused")
        except Exception as error:  # noqa: BLE001  # a defect of ours must not end the connection without a word
            log.get("control").error("stir.failed", kind=kind, error=type(error).__name__)
            answer, result = Fault(errors.INTERNAL).answer(fields), "error"
        if kind:
            self._counts[COUNTER, kind, result] += 1
        return answer

    async def _served(self, request: Request, serve: Callable[[bytes], Awaitable[Served]] | None) -> Served:
        if not self._services.access.allows(request):
            raise Fault(errors.UNAUTHORISED, fields=(CHALLENGE,))
        if serve is None:
            raise Fault(errors.NOT_FOUND)
        if request.method != "POST":
            raise Fault(errors.METHOD, fields=(("Allow", "POST"),))
        if self._under_way >= MAX_UNDER_WAY:
            raise Fault(errors.BUSY, fields=(("Retry-After", "1"),))
        self._under_way += 1
        try:
            return await serve(await _body(request))
        finally:
            self._under_way -= 1

    async def _sign(self, body: bytes) -> Served:
        service = self._services.authentication
        if service is None:
            raise Fault(errors.NOT_FOUND, "this node signs nothing: identity.sign is not configured")
        asked = signing_request(body)
        if not service.is_fresh(asked.iat):
            raise Fault(errors.INVALID, "iat", "too far from now")
        try:
            value = service.sign(asked.orig, asked.dest, asked.attest, asked.origid, asked.iat)
        except MalformedError as error:
            raise Fault(errors.INVALID, "signingRequest", error.reason) from None
        return "signed", {"signingResponse": {"identity": value}}

    async def _verify(self, body: bytes) -> Served:
        service = self._services.verifier
        if service is None:
            raise Fault(errors.NOT_FOUND, "this node verifies nothing: identity.trust_anchors is not configured")
        found = await service.answer(_question(verification_request(body)))
        result = str(found.result) if found.decisive is not None else "missing"
        return result, {"verificationResponse": _response(found)}

    def _ids(self, request: Request) -> tuple[tuple[str, str], ...]:
        """Both ids as the client gave them; where it did not, one for the request, and the node's name."""
        names = (("X-RequestID", str(uuid.uuid4())), ("X-InstanceID", self._services.instance))
        given = {name: request.field(name.lower().encode()) or "" for name, _ in names}
        return tuple((name, given[name] if _ID.fullmatch(given[name]) else made) for name, made in names)


async def _body(request: Request) -> bytes:
    """The body of a request whose header says that it is one. Raises Fault."""
    length = request.field(b"content-length")
    if length is None:
        raise Fault(errors.NO_LENGTH)
    if len(length) > len(str(MAX_BODY)) or int(length) > MAX_BODY:
        raise Fault(errors.TOO_LARGE, str(MAX_BODY))
    if int(length) == 0:
        raise Fault(errors.NO_BODY)
    if not _TYPE.fullmatch(request.field(b"content-type") or ""):
        raise Fault(errors.MEDIA_TYPE, JSON)
    accept = request.field(b"accept")
    if accept is not None and not _accepts(accept):
        raise Fault(errors.NOT_ACCEPTABLE, accept)
    try:
        return await request.body()
    except TooLarge:
        raise Fault(errors.TOO_LARGE, str(MAX_BODY)) from None
    except TooSlow:
        raise Fault(errors.TIMEOUT) from None


def _accepts(accept: str) -> bool:
    """Whether JSON is among what a client takes (RFC 9110 §12.5.1)."""
    for item in accept.split(","):
        kind, _, params = item.partition(";")
        refused = re.fullmatch(r"[ \t]*q=0(?:\.0*)?[ \t]*", params, re.IGNORECASE)
        if kind.strip(" \t").lower() in _ACCEPTABLE and not refused:
            return True
    return False


def _question(asked: VerificationRequest) -> Question:
    """
    The same call may be asked about again; a token that comes with other numbers or another time is a replay: a
    request has no Call-ID to tell calls by.
    """
    called = tuple(each.value for each in asked.dest)
    key = "|".join((asked.orig.value, *sorted(called), str(asked.time))).encode()
    signed = SignedCall(asked.orig, asked.dest, float(asked.time), fingerprints=None)
    return Question(asked.values, signed, "", key, called, OWNER)


def _response(found: Verification) -> dict[str, Any]:
    """A verstat, and unless all is proved the reason, as the node would give it in SIP."""
    if found.result is Result.PASSED:
        return {"verstat": PASSED if proves_number(found) else NONE}
    verstat = FAILED if found.result is Result.FAILED and found.decisive is not None else NONE
    findings = (found.decisive.findings if found.decisive is not None else ()) or found.findings
    if not findings:
        return {"reasondesc": "not every check could be made", "verstat": verstat}
    code, text = STIR[f"identity.{findings[0].rule}"]
    described = "; ".join(dict.fromkeys(finding.detail for finding in findings))
    return {"reasoncode": code, "reasontext": text, "reasondesc": described, "verstat": verstat}
