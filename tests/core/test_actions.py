"""Actions."""

from __future__ import annotations

from proxy.core.actions import Send


def test_send_shows_its_first_line() -> None:
    assert repr(Send(b"BYE sip:h SIP/2.0\r\nVia: x\r\n\r\n", ("10.0.0.1", 5060), 0)) == (
        "Send(b'BYE sip:h SIP/2.0', to=('10.0.0.1', 5060), listener=0)"
    )
