"""A report as one HTML page that needs nothing else, reads in two languages and prints well; charts are inline SVG."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from html import escape
from importlib.resources import files
from typing import Any, Final

from proxy.admin.report import Report
from proxy.settings.catalogue import text

KINDS: Final = ("passed", "would_reject", "rejected")
WIDTH, HEIGHT, LEFT, BOTTOM = 960, 220, 56, 24
FIGURES: Final = ("calls", "passed", "rejected", "would_reject", "replaced", "answered", "mean_seconds")
COLUMNS: Final[Mapping[str, Sequence[str]]] = {
    "trunks": ("trunk", "customer", *FIGURES),
    "rules": ("rule", "says", "calls", "rejected", "would_reject"),
    "audit": ("trunk", "customer", "says"),
    "customers": ("customer", "name", "state", "valid_from", "valid_to", "contact", "missing"),
    "callers": ("caller", "trunk", "count"),
}
NUMERIC: Final = frozenset(FIGURES) | {"count"}


def page(report: Report, language: str) -> str:
    """The page."""

    def said(key: str, **values: Any) -> str:
        return escape(text(f"report.{key}", language, **values))

    whom = report.trunk or report.customer
    title = said(f"title.{report.kind}", period=report.period)
    tiles = "".join(
        f"<div><b>{_shown(report.total[key])}</b><span>{said(f'column.{key}')}</span></div>" for key in FIGURES
    )
    sections = [
        f"<h1>{title}{' · ' + escape(whom) if whom else ''}</h1>",
        f"<p class=made>{said('made', node=report.node, at=report.made_at)}</p>",
        f"<section class=tiles>{tiles}</section>",
        f"<section><h2>{said('section.steps')}</h2>{_chart(report, said)}</section>",
    ]
    for section, columns in COLUMNS.items():
        rows = getattr(report, section)
        body = _table(columns, rows, said) if rows else f"<p class=none>{said('none')}</p>"
        sections.append(f"<section><h2>{said(f'section.{section}')}</h2>{body}</section>")
    style = files("proxy.admin").joinpath("report.css").read_text(encoding="utf-8")
    return (
        f'<!doctype html>\n<html lang="{"zh-CN" if language == "zh" else "en"}">\n<head><meta charset="utf-8">'
        f'<meta name="viewport" content="width=device-width, initial-scale=1"><title>{title}</title>\n'
        f"<style>\n{style}</style></head>\n<body>\n" + "\n".join(sections) + "\n</body>\n</html>\n"
    )


def _table(columns: Sequence[str], rows: Iterable[Mapping[str, Any]], said: Any) -> str:
    head = "".join(f"<th{_kind(key)}>{said(f'column.{key}')}</th>" for key in columns)
    body = "".join(
        "<tr>" + "".join(f"<td{_kind(key)}>{_shown(row.get(key))}</td>" for key in columns) + "</tr>\n" for row in rows
    )
    return f"<table><thead><tr>{head}</tr></thead>\n<tbody>{body}</tbody></table>"


def _kind(key: str) -> str:
    return " class=n" if key in NUMERIC else ""


def _shown(value: object) -> str:
    if value is None:
        return "–"
    if isinstance(value, list):
        return escape(", ".join(map(str, value)))
    return f"{value:,}" if isinstance(value, int | float) else escape(str(value))


def _chart(report: Report, said: Any) -> str:
    """Calls in time as stacked bars, with a legend; what each bar says stands in its title."""
    most = max((step["calls"] for step in report.steps), default=0)
    top = _round_up(most)
    wide = (WIDTH - LEFT) / max(1, len(report.steps))
    high = HEIGHT - BOTTOM - 8
    parts: list[str] = []
    for part in range(5):
        y = HEIGHT - BOTTOM - high * part / 4
        parts.append(f'<line x1="{LEFT}" x2="{WIDTH}" y1="{y:.1f}" y2="{y:.1f}"/>')
        parts.append(f'<text x="{LEFT - 6}" y="{y + 4:.1f}" class="y">{top * part // 4:,}</text>')
    for place, step in enumerate(report.steps):
        x, y = LEFT + place * wide, float(HEIGHT - BOTTOM)
        shown = "; ".join(f"{said(f'column.{kind}')} {step[kind]:,}" for kind in KINDS)
        parts.append(f"<g><title>{escape(step['begin'])}: {shown}</title>")
        for kind in KINDS:
            length = high * step[kind] / top
            y -= length
            size = f'width="{wide * 0.8:.1f}" height="{length:.1f}"'
            parts.append(f'<rect class="{kind}" x="{x + wide * 0.1:.1f}" y="{y:.1f}" {size}/>')
        parts.append("</g>")
        label = step["begin"][11:13] if report.kind == "daily" else step["begin"][8:10]
        parts.append(f'<text x="{x + wide / 2:.1f}" y="{HEIGHT - 6}" class="x">{escape(label)}</text>')
    legend = "".join(f"<li class={kind}>{said(f'column.{kind}')}</li>" for kind in KINDS)
    drawn = "".join(parts)
    return f'<ul class=legend>{legend}</ul><svg viewBox="0 0 {WIDTH} {HEIGHT}" role="img">{drawn}</svg>'


def _round_up(most: int) -> int:
    """A round number not below, divisible by four."""
    step = 4
    while step < most:
        step = step * 5 // 2 if str(step)[0] == "4" else step * 2
    return step
