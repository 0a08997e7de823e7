"""Lines between processes: short messages, descriptors, and the end."""

from __future__ import annotations

import os

import pytest

from proxy.net.line import LOADED, READY, HungUp, Said, hear, line, say


def test_messages_and_descriptors() -> None:
    ours, theirs = line()
    with ours, theirs:
        assert hear(theirs) is None
        file = os.memfd_create("test")
        os.write(file, b"values")
        assert say(ours, READY)
        assert say(ours, LOADED, b"7", file)
        os.close(file)
        assert hear(theirs) == Said(READY)
        said = hear(theirs)
        assert said is not None
        assert (said.kind, said.text, os.pread(said.file, 10, 0)) == (LOADED, b"7", b"values")
        assert not os.get_inheritable(said.file)
        os.close(said.file)


def test_the_other_side_is_gone() -> None:
    ours, theirs = line()
    with ours:
        theirs.close()
        assert not say(ours, READY)
        with pytest.raises(HungUp):
            hear(ours)
