"""Build the compiled half of the package where there is a C compiler; without one the package is pure Python.

The limited API makes one file serve every CPython from 3.10 on, so a wheel is one for each platform, not for each Python.
"""

from __future__ import annotations

import os
import shlex
import shutil
import subprocess
import sys
import sysconfig
from pathlib import Path
from typing import Any

from hatchling.builders.hooks.plugin.interface import BuildHookInterface

NAME = "_speedups.abi3.so"
PURE = "NO_LEAKS_PURE"
"""Set where a wheel for every platform is to be built."""


class CustomBuildHook(BuildHookInterface[Any]):
    """Adds the compiled module to a wheel, or puts it beside its source for an editable installation."""

    def initialize(self, version: str, build_data: dict[str, Any]) -> None:
        """Compile; where that cannot be, say so and go on without."""
        if self.target_name != "wheel":
            return
        package = Path(self.root, "src", "no_leaks")
        target = package / NAME if version == "editable" else Path(self.directory, "compiled", NAME)
        why = _obstacle() or _compile(package / "_speedups.c", target)
        if why:
            self.app.display_warning(f"pytest-no-leaks is installed without its compiled half: {why}")
            return
        build_data["pure_python"] = False
        build_data["tag"] = f"cp310-abi3-{sysconfig.get_platform().replace('-', '_').replace('.', '_')}"
        if version != "editable":
            build_data["force_include"][str(target)] = f"no_leaks/{NAME}"


def _obstacle() -> str:
    if os.environ.get(PURE):
        return f"{PURE} is set"
    if sys.implementation.name != "cpython" or os.name != "posix" or sysconfig.get_config_var("Py_GIL_DISABLED"):
        return "it is for CPython on a POSIX system, with the global lock"
    return ""


def _compile(source: Path, target: Path) -> str:
    """Compile one file; return "" or why it could not be."""
    compiler = shlex.split(os.environ.get("CC") or sysconfig.get_config_var("CC") or "cc")
    if shutil.which(compiler[0]) is None:
        compiler = [next((name for name in ("cc", "gcc", "clang") if shutil.which(name)), "")]
    if not compiler[0]:
        return "no C compiler was found"
    target.parent.mkdir(parents=True, exist_ok=True)
    shared = ["-bundle", "-undefined", "dynamic_lookup"] if sys.platform == "darwin" else ["-shared"]
    include = sysconfig.get_path("include")
    command = [*compiler, "-O2", "-fPIC", *shared, f"-I{include}", str(source), "-o", str(target)]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    return "" if done.returncode == 0 else f"{shlex.join(command)} failed: {done.stderr.strip()[-2000:]}"
