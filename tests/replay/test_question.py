"""A call that is only asked about: read as the node would read it, judged by every check."""

from __future__ import annotations

import shutil
from datetime import date
from pathlib import Path
from typing import Any

import pytest

from proxy.checks import CHAIN
from proxy.parts import Loaded, load_all
from proxy.replay.question import Explained, Question, QuestionError, RefusedError, ask
from proxy.settings.catalogue import text
from tests.checks.calls import TODAY
from tests.story import request

OURS, THEIRS, CALLED = "02488880001", "13900139000", "13800138000"


@pytest.fixture
def loaded(tmp_path: Path, root: Path) -> Loaded:
    """The shipped configuration in mode block."""
    shutil.copytree(root / "config", tmp_path / "config")
    file = tmp_path / "config" / "trunkward.yaml"
    file.write_text(file.read_text().replace("mode: monitor", "mode: block"))
    return load_all(file)


def asked(loaded: Loaded, today: date = TODAY, **parts: Any) -> Explained:
    return ask(loaded, Question(**({"trunk_id": "acme-1", "caller": OURS, "called": CALLED} | parts)), today)


def rules(answer: Explained) -> list[str]:
    return [item.rule for item in answer.verdict.findings]


@pytest.mark.parametrize(
    ("parts", "action", "broken"),
    [
        pytest.param({}, "pass", [], id="allocated"),
        pytest.param({"caller": "+862488880001"}, "pass", [], id="e164"),
        pytest.param({"caller": f'"Acme" <sip:{OURS}@pbx>'}, "pass", [], id="a-whole-from"),
        pytest.param({"caller": "tel:+862488880001"}, "pass", [], id="a-uri"),
        pytest.param({"caller": THEIRS}, "reject", ["caller.not_allocated"], id="not-allocated"),
        pytest.param({"caller": "alice"}, "reject", ["caller.malformed"], id="no-number"),
        pytest.param({"caller": "\udcff"}, "reject", ["caller.malformed"], id="argv-that-is-no-utf8"),
        pytest.param({"pai": (OURS, THEIRS)}, "reject", ["caller.not_allocated", "caller.conflict"], id="second-pai"),
        pytest.param({"diversion": (THEIRS,)}, "reject", ["caller.redirected"], id="diversion"),
        pytest.param({"display": 'say "10086" \\'}, "reject", ["caller.display_name"], id="display-name"),
        pytest.param({"caller": THEIRS, "called": "110"}, "pass", ["caller.not_allocated"], id="emergency"),
        pytest.param({"trunk_id": None, "source": "127.0.0.2"}, "pass", [], id="by-source"),
        pytest.param({"trunk_id": None, "source": "127.0.0.1", "caller": THEIRS}, "pass", [], id="the-core-side-is-not-checked"),
        pytest.param({"caller": "95013000", "today": date(2030, 1, 1)}, "reject", ["caller.not_allocated"], id="expired-then"),
        pytest.param({"caller": "95013000", "today": date(2029, 12, 31)}, "pass", [], id="in-force-then"),
    ],
)  # fmt: skip
def test_verdict(parts: dict[str, Any], action: str, broken: list[str], loaded: Loaded) -> None:
    answer = asked(loaded, **parts)
    assert (answer.verdict.action, rules(answer)) == (action, broken)
    assert [name for name, _ in answer.verdict.results] == [check.name for check in CHAIN]


def test_a_whole_message(loaded: Loaded) -> None:
    answer = asked(loaded, caller=None, called=None, message=request("INVITE", caller=f"<sip:{THEIRS}@h>;tag=a"))
    assert (answer.call.caller, answer.call.called) == ("+8613900139000", "+8613800138000")
    assert (answer.verdict.action, answer.verdict.enforced) == ("reject", True)


@pytest.mark.parametrize(
    ("parts", "key"),
    [
        pytest.param({"trunk_id": "acme"}, "explain.no_such_trunk", id="no-such-trunk"),
        pytest.param({"trunk_id": None}, "explain.needs_trunk", id="no-trunk"),
        pytest.param({"trunk_id": None, "source": "pbx"}, "explain.no_address", id="source-is-a-name"),
        pytest.param({"trunk_id": None, "source": "127.0.0.2:5060"}, "explain.no_address", id="source-with-port"),
        pytest.param({"caller": None}, "explain.needs_numbers", id="nobody-calls"),
        pytest.param({"called": ""}, "explain.needs_numbers", id="nobody-is-called"),
        pytest.param({"message": b""}, "explain.unreadable", id="empty-message"),
        pytest.param({"message": b"INVITE sip:1@h SIP/2.0\r\n\r\n"}, "explain.unreadable", id="fields-missing"),
        pytest.param({"message": request("OPTIONS")}, "explain.no_invite", id="no-invite"),
        pytest.param({"called": "1 2"}, "explain.unreadable", id="space-in-the-number"),
        pytest.param({"caller": "1\r\nX: y"}, "explain.unreadable", id="line-end-in-the-number"),
    ],
)
def test_no_call(parts: dict[str, Any], key: str, loaded: Loaded) -> None:
    with pytest.raises(QuestionError) as caught:
        asked(loaded, **parts)
    assert caught.value.key == key
    assert not isinstance(caught.value, RefusedError)
    for lang in ("en", "zh"):
        assert "{" not in caught.value.text(lang)


def test_a_stranger_is_refused(loaded: Loaded) -> None:
    with pytest.raises(RefusedError) as caught:
        asked(loaded, trunk_id=None, source="127.0.0.9")
    assert caught.value.text("en") == "127.0.0.9 belongs to no trunk: the call is refused."


def test_for_programs(loaded: Loaded) -> None:
    answer = asked(loaded, caller=THEIRS, pai=("alice",)).as_dict()
    assert {key: answer[key] for key in ("trunk", "customer", "caller", "called", "mode", "verdict", "enforced")} == {
        "trunk": "acme-1", "customer": "acme", "caller": "+8613900139000", "called": "+8613800138000",
        "mode": "block", "verdict": "reject", "enforced": True,
    }  # fmt: skip
    assert [(claim["header"], claim["reading"]) for claim in answer["claims"]] == [("From", "number"), ("P-Asserted-Identity", "malformed")]  # fmt: skip
    assert [item["rule"] for item in answer["findings"]] == ["caller.malformed", "caller.not_allocated"]
    assert answer["answer"]["status"] == 403
    assert asked(loaded).as_dict()["answer"] is None


@pytest.mark.parametrize("check", CHAIN, ids=lambda check: check.name)
def test_a_check_says_the_same_in_the_catalogue(check: Any) -> None:
    assert text(f"says.{check.name}", "en") == check.says
    assert text(f"says.{check.name}", "zh").endswith("。")


@pytest.mark.parametrize(
    ("parts", "summary"),
    [
        pytest.param({}, "The call passes as a call of trunk acme-1.", id="pass"),
        pytest.param({"caller": THEIRS}, 'The call is rejected: SIP 403 Forbidden, Reason: Q.850;cause=21;text="caller.not_allocated"', id="reject"),
        pytest.param({"caller": THEIRS, "called": "110"}, "The call passes whatever it breaks: 110 is an emergency number.", id="emergency"),
        pytest.param({"called": "110"}, "The call passes as a call of trunk acme-1.", id="emergency-that-breaks-nothing"),
    ],
)  # fmt: skip
def test_summary(parts: dict[str, Any], summary: str, loaded: Loaded) -> None:
    assert asked(loaded, **parts).summary("en") == summary


def test_rows_hold_the_evidence(loaded: Loaded) -> None:
    rows = {row["check"]: row for row in asked(loaded, caller=THEIRS).rows("zh")}
    assert rows["caller"]["value"] == f"<sip:{THEIRS}@trunkward.invalid>;tag=explain"
    assert (rows["caller"]["outcome"], rows["trunk"]["outcome"]) == ("未通过", "通过")
    assert rows["trunk"]["detail"] == "中继及其客户均在用，今天在合同期内。"
