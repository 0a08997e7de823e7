"""
A build hook that compiles the rooms on every call's way and the library with mypyc; behaviour stays the same.

It runs only when it is asked for, because it needs a C compiler:
HATCH_BUILD_HOOK_ENABLE_CUSTOM=true pip wheel . An editable install is never compiled.
"""

from __future__ import annotations

import os
import shutil
import sysconfig
import tempfile
from pathlib import Path
from typing import Any

from hatchling.builders.hooks.plugin.interface import BuildHookInterface
from mypyc.build import mypycify
from setuptools import Distribution
from setuptools.command.build_ext import build_ext

ROOMS = ("sip", "transaction", "call", "checks", "core", "net")
# What of the library waits for networks gains nothing from it.
INTERPRETED = ("fetch.py", "repository.py", "references.py", "certificates.py")


class CustomBuildHook(BuildHookInterface):  # type: ignore[type-arg]  # hatchling finds it by being the only one here
    """Adds the compiled modules to a wheel."""

    def initialize(self, version: str, build_data: dict[str, Any]) -> None:
        """Compile, and say what goes where in the wheel."""
        if version == "editable":
            return
        self._built = Path(tempfile.mkdtemp(prefix="trunkward-build-"))
        for library in compile_rooms(Path(self.root), self._built):
            build_data["force_include"][str(library)] = str(library.relative_to(self._built / "lib"))
        build_data["pure_python"] = False
        build_data["infer_tag"] = True

    def finalize(self, version: str, build_data: dict[str, Any], artifact_path: str) -> None:
        """Clear up."""
        if version != "editable":
            shutil.rmtree(self._built, ignore_errors=True)


def compile_rooms(root: Path, to: Path) -> list[Path]:
    """Compile the rooms below `root` into `to`/lib; returns the libraries."""
    rooms = [path for room in ROOMS for path in (root / "proxy" / room).glob("*.py")]
    library = [path for path in (root / "stirshaken").glob("*.py") if path.name not in INTERPRETED]
    sources = sorted(map(str, rooms + library))
    level = os.environ.get("TRUNKWARD_BUILD_OPT", "3")  # a test of behaviour takes 0: half the time
    extensions = mypycify(["--config-file=", *sources], opt_level=level, target_dir=str(to / "c"))
    command = build_ext(Distribution({"name": "trunkward", "ext_modules": extensions}))
    command.build_lib = str(to / "lib")
    command.build_temp = str(to / "o")
    command.ensure_finalized()
    command.run()
    return sorted((to / "lib").rglob("*" + sysconfig.get_config_var("EXT_SUFFIX")))
