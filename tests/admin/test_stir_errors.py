"""Error objects."""

from __future__ import annotations

import json

from proxy.admin import stir_errors
from proxy.admin.stir_errors import INVALID, MAX_SHOWN, METHOD, Fault, Row


def test_a_service_exception() -> None:
    answer = Fault(INVALID, "iat", "x" * 1000).answer((("X-RequestID", "1"),))
    assert (answer.status, answer.kind, answer.fields) == (400, "application/json", (("X-RequestID", "1"),))
    said = {"messageId": "SVC4005", "text": "Invalid '%1' parameter value: %2", "variables": ["iat", "x" * MAX_SHOWN]}
    assert json.loads(answer.body) == {"requestError": {"serviceException": said}}


def test_a_policy_exception_with_a_field() -> None:
    answer = Fault(METHOD, fields=(("Allow", "POST"),)).answer(())
    said = {"messageId": "POL4050", "text": "Method not allowed"}
    assert (answer.status, answer.fields) == (405, (("Allow", "POST"),))
    assert json.loads(answer.body) == {"requestError": {"policyException": said}}


def test_no_two_rows_share_an_id_and_ours_are_numbered_by_their_status() -> None:
    rows = [value for value in vars(stir_errors).values() if isinstance(value, Row)]
    assert len({row.message_id for row in rows}) == len(rows) == 14
    assert [row for row in rows if row.message_id.startswith("POL") and row.message_id != f"POL{row.status}0"] == []
