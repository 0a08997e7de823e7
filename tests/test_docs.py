"""Documentation is true: links resolve, commands exist, configurations load, both READMEs say the same."""

from __future__ import annotations

import re
import shlex
import subprocess
import sys
import tomllib
from dataclasses import dataclass
from pathlib import Path

import click
import pytest

from proxy.cli import COMMANDS, main

ROOT = Path(__file__).resolve().parent.parent
PAGES = [*sorted(ROOT.glob("*.md")), *sorted((ROOT / "docs").rglob("*.md"))]
FENCE = re.compile(r"^( *)```([^\n]*)\n(.*?)^\1```$", re.MULTILINE | re.DOTALL)
LINK = re.compile(r"\[[^\]\n]*\]\(([^)\s]+)\)")
HEADING = re.compile(r"^(#{1,6}) +(.*?) *$", re.MULTILINE)
RUN_WORDS = {"setup", "test", "bench"}  # commands of ./run that are none of trunkward


@dataclass(frozen=True, slots=True)
class Block:
    """One fenced block: the words behind the backticks, and the text."""

    info: str
    text: str

    @property
    def file(self) -> str:
        """The file name that the first line gives the block, or ""."""
        return self.info.partition(" ")[2]


def blocks(page: Path) -> list[Block]:
    found = FENCE.findall(page.read_text(encoding="utf-8"))
    return [Block(info.strip(), re.sub(f"^{indent}", "", text, flags=re.MULTILINE)) for indent, info, text in found]


def prose(page: Path) -> str:
    return FENCE.sub("", page.read_text(encoding="utf-8"))


def anchors(page: Path) -> set[str]:
    """The anchors that GitHub gives the headings of a page."""
    plain = [re.sub(r"[`*_]", "", title).lower() for _, title in HEADING.findall(prose(page))]
    return {re.sub(r"[^\w\- ]", "", title).replace(" ", "-") for title in plain}


def named(page: Path) -> str:
    return str(page.relative_to(ROOT))


@pytest.mark.parametrize("page", PAGES, ids=named)
def test_links_resolve(page: Path) -> None:
    broken = []
    for target in LINK.findall(prose(page)):
        path, _, anchor = target.partition("#")
        if re.match(r"https?:", target):
            continue
        file = (page.parent / path).resolve() if path else page
        if not file.exists() or (anchor and anchor not in anchors(file)):
            broken.append(target)
    assert broken == []


def test_every_page_can_be_reached() -> None:
    index = ROOT / "docs" / "index.md"
    reached = {(index.parent / target.partition("#")[0]).resolve() for target in LINK.findall(prose(index))}
    assert [named(page) for page in PAGES if page != index and page not in reached] == []


def shell_lines(page: Path) -> list[str]:
    """The commands after `$ ` in console blocks that are ours, lines joined at backslashes."""
    texts = [block.text.replace("\\\n", " ") for block in blocks(page) if block.info == "console"]
    lines = [line[2:] for text in texts for line in text.splitlines() if line.startswith("$ ")]
    return [line for line in lines if line.split()[0] in ("trunkward", "./run")]


def fault(line: str) -> str:
    """Say what is wrong with a documented command line, "" for nothing."""
    words = shlex.split(line, comments=True)[1:]
    if line.startswith("./run") and words[0] in RUN_WORDS:
        return ""
    command: click.Command = main
    context = click.Context(main, info_name="trunkward")
    while isinstance(command, click.Group) and words and not words[0].startswith("-"):
        inner = command.get_command(context, words[0])
        if inner is None:
            return f"no command {words[0]}"
        command, words = inner, words[1:]
    options = {name for parameter in command.params for name in parameter.opts} | {"--help"}
    unknown = [word for word in words if re.match("--?[a-z]", word) and word.partition("=")[0] not in options]
    return f"no option {unknown}" if unknown else ""


@pytest.mark.parametrize("page", [page for page in PAGES if shell_lines(page)], ids=named)
def test_documented_commands_exist(page: Path) -> None:
    assert {line: fault(line) for line in shell_lines(page) if fault(line)} == {}


@pytest.mark.parametrize(
    "line",
    [
        "trunkward frobnicate",
        "trunkward number frobnicate",
        "trunkward check-config --frobnicate",
        "./run frobnicate",
    ],
)
def test_a_command_that_does_not_exist_would_be_found(line: str) -> None:
    assert fault(line) != ""


def configured() -> list[Path]:
    return [page for page in PAGES if any(block.file == "trunkward.yaml" for block in blocks(page))]


@pytest.mark.parametrize("page", configured(), ids=named)
def test_documented_configurations_load(page: Path, tmp_path: Path) -> None:
    for block in blocks(page):
        if block.file:
            (tmp_path / block.file).write_text(block.text, encoding="utf-8")
    result = subprocess.run(
        [
            sys.executable,
            "-P",
            "-m",
            "proxy",
            "check-config",
            "-c",
            str(tmp_path / "trunkward.yaml"),
            "--lang",
            "en",
        ],
        cwd=tmp_path,
        env={"PYTHONPATH": str(ROOT)},
        capture_output=True,
        text=True,
        check=False,
        timeout=60,
    )
    assert result.returncode == 0, result.stdout + result.stderr


def test_the_readme_shows_a_configuration() -> None:
    assert ROOT / "README.md" in configured()


def test_both_readmes_say_the_same() -> None:
    english, chinese = ROOT / "README.md", ROOT / "README.zh-CN.md"
    assert [level for level, _ in HEADING.findall(prose(english))] == [
        level for level, _ in HEADING.findall(prose(chinese))
    ]
    assert blocks(english) == blocks(chinese)
    switched = [
        {target.replace("README.zh-CN.md", "README.md") for target in LINK.findall(prose(page))}
        for page in (english, chinese)
    ]
    assert switched[0] == switched[1]


def test_the_readme_opens_with_the_two_commands() -> None:
    first = blocks(ROOT / "README.md")[0]
    assert first == Block("console", "$ ./run demo\n$ ./run test\n")


@pytest.mark.parametrize("page", ["README.md", "README.zh-CN.md"])
def test_every_command_is_in_the_table(page: str) -> None:
    text = (ROOT / page).read_text(encoding="utf-8")
    assert [name for name in COMMANDS if not re.search(rf"^\|.*`{name}[ `]", text, re.MULTILINE)] == []


def test_every_dependency_has_a_reason() -> None:
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    extras = [requirement for extra in project["optional-dependencies"].values() for requirement in extra]
    names = {re.split(r"[^\w.-]", requirement)[0] for requirement in [*project["dependencies"], *extras]}
    rows = re.findall(
        r"^\| ([\w.-]+) \|", (ROOT / "docs" / "dependencies.md").read_text(encoding="utf-8"), re.MULTILINE
    )
    assert sorted(names) == sorted(set(rows) - {"package"})
