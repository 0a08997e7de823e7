"""The page of a report: whole, in both languages, self-contained, and safe whatever the records hold."""

from __future__ import annotations

from html.parser import HTMLParser

import pytest

from proxy.admin.report_page import _round_up, page
from tests.admin.test_report import made

VOID = {"meta", "rect", "line", "br"}


class Page(HTMLParser):
    """Reads a page; every element must be closed in order."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.open: list[str] = []
        self.seen: list[tuple[str, dict[str, str | None]]] = []
        self.words: list[str] = []
        self.feed(text)
        assert self.open == []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.seen.append((tag, dict(attrs)))
        if tag not in VOID:
            self.open.append(tag)

    def handle_startendtag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.seen.append((tag, dict(attrs)))

    def handle_endtag(self, tag: str) -> None:
        assert self.open.pop() == tag

    def handle_data(self, data: str) -> None:
        self.words.append(data)


@pytest.mark.parametrize(
    ("language", "words"),
    [
        ("en", ("Daily report 2026-11-23", "Trunks to look at", "do-not-originate number")),
        ("zh", ("日报 2026-11-23", "定期排查：需关注的中继", "禁止主叫的号码")),
    ],
)
def test_it_says_what_the_report_says(language: str, words: tuple[str, ...]) -> None:
    read = Page(page(made(language=language), language))
    assert all(word in read.words for word in (*words, "+862488880001", "caller.dno", "sites, proof", "acme & Söhne"))
    assert dict(read.seen[0][1])["lang"] == ("zh-CN" if language == "zh" else "en")


def test_nothing_is_loaded_and_nothing_runs() -> None:
    text = page(made(), "en")
    read = Page(text)
    assert not {tag for tag, _ in read.seen} & {"script", "link", "img", "iframe", "object"}
    assert not any(
        name in ("src", "href") or name.startswith("on") for _, attributes in read.seen for name in attributes
    )
    assert "&lt;script&gt;" in text
    assert "http" not in text.replace("</html>", "")


def test_bars_are_as_high_as_their_share() -> None:
    read = Page(page(made("monthly"), "en"))
    bars = [attributes for tag, attributes in read.seen if tag == "rect"]
    heights = [float(str(bar["height"])) for bar in bars[:3]]
    assert len(bars) == 90
    assert heights[0] / 8 == pytest.approx(heights[1], rel=0.02)
    assert heights[1:] == [heights[1]] * 2
    assert {float(str(bar["height"])) for bar in bars[3:]} == {0.0}


@pytest.mark.parametrize(
    ("most", "round_"), [(0, 4), (4, 4), (5, 10), (11, 20), (21, 40), (41, 100), (1_000_001, 2_000_000)]
)
def test_the_scale_ends_at_a_round_number(most: int, round_: int) -> None:
    assert _round_up(most) == round_
