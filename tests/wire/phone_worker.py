# SPDX-License-Identifier: GPL-2.0-or-later
"""
One pjsua2 phone as a process of its own: commands and events are JSON lines on stdin and stdout.

Commands: call (to, from, headers), hangup, media, quit. Events: ready, incoming, confirmed, disconnected,
media, ended. An incoming call is answered by itself: 180, then 200. A process of its own because pjsua2
allows one Endpoint a process, for ever, and because its assertions end the process.
"""

from __future__ import annotations

import gc
import json
import os
import selectors
import sys
from typing import Any

import pjsua2 as pj

_OUT = os.fdopen(os.dup(1), "w", encoding="utf-8", buffering=1)
os.dup2(2, 1)  # pjsua2 writes to fd 1 before its log settings apply


def emit(event: str, **values: Any) -> None:
    """Write one event."""
    _OUT.write(json.dumps({"event": event, **values}) + "\n")


class PhoneCall(pj.Call):  # type: ignore[misc]
    """One call; the last response is kept because it can only be read inside the callback."""

    def onCallState(self, prm: Any) -> None:  # noqa: N802
        """Report that the call stands or is over."""
        info = self.getInfo()
        if info.state == pj.PJSIP_INV_STATE_CONFIRMED:
            emit("confirmed", status=info.lastStatusCode)
        elif info.state == pj.PJSIP_INV_STATE_DISCONNECTED:
            try:
                message = prm.e.body.tsxState.src.rdata.wholeMsg
            except (AttributeError, pj.Error):
                message = ""
            emit("disconnected", status=info.lastStatusCode, reason=info.lastReason, message=message)

    def onCallMediaState(self, prm: Any) -> None:  # noqa: N802
        """Join the call's audio with the null device, both ways."""
        devices = pj.Endpoint.instance().audDevManager()
        for index, media in enumerate(self.getInfo().media):
            if media.type == pj.PJMEDIA_TYPE_AUDIO and media.status == pj.PJSUA_CALL_MEDIA_ACTIVE:
                audio = self.getAudioMedia(index)
                devices.getCaptureDevMedia().startTransmit(audio)
                audio.startTransmit(devices.getPlaybackDevMedia())

    def report_media(self) -> None:
        """Report codec and RTP packets of the audio stream; zeros while there is none."""
        if not self.isActive() or not self.hasMedia():
            emit("media", codec="", sent=0, received=0)
            return
        rtcp = self.getStreamStat(0).rtcp
        codec = self.getStreamInfo(0).codecName
        emit("media", codec=codec, sent=rtcp.txStat.pkt, received=rtcp.rxStat.pkt)


class PhoneAccount(pj.Account):  # type: ignore[misc]
    """The one account; incoming calls wait in `ringing` until the pump answers them."""

    def __init__(self) -> None:
        super().__init__()
        self.ringing: list[PhoneCall] = []

    def onIncomingCall(self, prm: Any) -> None:  # noqa: N802
        """Report the INVITE as it came; answering here can abort the process, so the pump does it."""
        emit("incoming", message=prm.rdata.wholeMsg)
        self.ringing.append(PhoneCall(self, prm.callId))


class Worker:
    """The phone: endpoint, account, at most one call."""

    def __init__(self, host: str, port: int) -> None:
        self.endpoint = _endpoint(host, port)
        self.account = PhoneAccount()
        self.account.create(_account(host, port))
        self.call: PhoneCall | None = None
        self.running = True

    def pump(self) -> None:
        """Let pjsua2 work, then answer what rings."""
        while self.endpoint.libHandleEvents(0) > 0:
            pass
        while self.account.ringing:
            self.call = self.account.ringing.pop()
            for code in (180, 200):
                answer = pj.CallOpParam()
                answer.statusCode = code
                self.call.answer(answer)

    def obey(self, command: dict[str, Any]) -> None:
        """Carry out one command."""
        match command["do"]:
            case "call":
                self.dial(command["to"], command["from"], command.get("headers", {}))
            case "hangup" if self.call is not None:
                self.call.hangup(pj.CallOpParam(True))
            case "media" if self.call is not None:
                self.call.report_media()
            case "quit":
                self.running = False

    def dial(self, to: str, sender: str, headers: dict[str, str]) -> None:
        """Call `to` as `sender`."""
        param = pj.CallOpParam(True)
        param.txOption.localUri = sender
        for name, value in headers.items():
            header = pj.SipHeader()
            header.hName, header.hValue = name, value
            param.txOption.headers.append(header)
        self.call = PhoneCall(self.account)
        self.call.makeCall(to, param)

    def close(self) -> None:
        """Let go of every object before the library goes: a late one aborts the process."""
        self.call = None
        self.account.ringing.clear()
        gc.collect()
        self.account.shutdown()
        del self.account
        gc.collect()
        self.endpoint.libDestroy()


def _endpoint(host: str, port: int) -> Any:
    endpoint = pj.Endpoint()
    endpoint.libCreate()
    config = pj.EpConfig()
    config.uaConfig.threadCnt = 0
    config.uaConfig.mainThreadOnly = True
    config.uaConfig.maxCalls = 4
    config.logConfig.level = 3
    config.logConfig.consoleLevel = 3
    config.medConfig.noVad = True  # silence must be sent too: packets are what is counted
    endpoint.libInit(config)
    transport = pj.TransportConfig()
    transport.boundAddress = host
    transport.port = port
    endpoint.transportCreate(pj.PJSIP_TRANSPORT_UDP, transport)  # UDP only: with TCP present it would switch
    endpoint.libStart()
    endpoint.audDevManager().setNullDev()
    for codec in endpoint.codecEnum2():
        endpoint.codecSetPriority(codec.codecId, 255 if codec.codecId.startswith("PCMA/") else 1)
    return endpoint


def _account(host: str, port: int) -> Any:
    account = pj.AccountConfig()
    account.idUri = f"sip:phone@{host}:{port}"
    account.mediaConfig.transportConfig.boundAddress = host
    return account


def main() -> None:
    """Run until `quit` or the end of stdin."""
    worker = Worker(sys.argv[1], int(sys.argv[2]))
    emit("ready")
    os.set_blocking(0, False)
    unread = b""
    with selectors.DefaultSelector() as ready:
        ready.register(0, selectors.EVENT_READ)
        while worker.running:
            worker.pump()
            if not ready.select(0.005):
                continue
            data = os.read(0, 65536)
            worker.running = bool(data)
            *lines, unread = (unread + data).split(b"\n")
            for line in lines:
                worker.obey(json.loads(line))
    worker.close()
    emit("ended")


if __name__ == "__main__":
    main()
