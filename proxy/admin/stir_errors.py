"""The errors of ATIS-1000082: what can be wrong with a request, and how it is said."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

from proxy.admin.asgi import Answer, json_line

MAX_SHOWN: Final = 200  # characters of a value of the request that an error repeats
JSON: Final = "application/json"


@dataclass(frozen=True, slots=True)
class Row:
    """One row of the table; `%1` and `%2` stand for variables."""

    message_id: str
    text: str
    status: int


NO_BODY: Final = Row("SVC4000", "Missing request body", 400)
MISSING: Final = Row("SVC4001", "Missing mandatory parameter '%1'", 400)
NOT_ACCEPTABLE: Final = Row("SVC4002", "Requested response body type '%1' is not supported", 406)
NOT_FOUND: Final = Row("SVC4003", "Requested resource was not found", 404)
MEDIA_TYPE: Final = Row("SVC4004", "Unsupported request body type, expected '%1'", 415)
INVALID: Final = Row("SVC4005", "Invalid '%1' parameter value: %2", 400)
UNPARSED: Final = Row("SVC4006", "Failed to parse received message body: %1", 400)
NO_LENGTH: Final = Row("SVC4007", "Missing mandatory Content-Length header", 411)
METHOD: Final = Row("POL4050", "Method not allowed", 405)
INTERNAL: Final = Row("POL5000", "Internal Server Error. Please try again later", 500)
# Ours, numbered as those of the table are: the status, and a 0
UNAUTHORISED: Final = Row("POL4010", "A client certificate or a bearer token is needed", 401)
TIMEOUT: Final = Row("POL4080", "The request body did not come in time", 408)
TOO_LARGE: Final = Row("POL4130", "Request body is larger than %1 octets", 413)
BUSY: Final = Row("POL5030", "Too many requests are under way. Please try again later", 503)


class Fault(Exception):
    """A request that is not served, and why."""

    def __init__(self, row: Row, *variables: str, fields: tuple[tuple[str, str], ...] = ()) -> None:
        super().__init__(row.message_id, *variables)
        self.row = row
        self._variables = [variable[:MAX_SHOWN] for variable in variables]
        self._fields = fields

    def answer(self, fields: tuple[tuple[str, str], ...]) -> Answer:
        """The error object (OMA-TS-REST_NetAPI_Common); `fields` are header fields to go with it."""
        kind = "policyException" if self.row.message_id.startswith("POL") else "serviceException"
        said: dict[str, object] = {"messageId": self.row.message_id, "text": self.row.text}
        if self._variables:
            said["variables"] = self._variables
        return Answer(self.row.status, JSON, json_line({"requestError": {kind: said}}), (*fields, *self._fields))
