# ruff: noqa: PTH100, PTH110, PTH114, PTH115
# Paths are text here, as in the program of the workers, which loads this file by its path.
"""What of the host's files code in the sandbox may see: libraries and the interpreter, to read.

The root of the sandbox is empty but for these. The standard library alone.
"""

from __future__ import annotations

import os
from collections.abc import Iterable

#: Shared libraries and what belongs to them. Links among these stay links.
SYSTEM = ("/usr", "/lib", "/lib32", "/lib64", "/libx32", "/bin", "/etc/ld.so.cache")

#: Devices that keep nothing and give nothing away.
DEVICES = ("/dev/null", "/dev/zero", "/dev/full", "/dev/random", "/dev/urandom")


def visible_paths(needed: Iterable[str]) -> list[str]:
    """``needed`` (those that exist) and `SYSTEM`, sorted, none inside another.

    Raises:
        OSError: if ``needed`` holds the root, so that nothing could be hidden.
    """
    paths = {os.path.abspath(path) for path in (*SYSTEM, *needed) if os.path.exists(path)}
    if "/" in paths:
        raise OSError("the interpreter's files are the root of the file system")
    kept: list[str] = []
    for path in sorted(paths):
        inside = any(path.startswith(other + "/") for other in kept)
        if not inside:
            kept.append(path)
    return kept


def system_link(path: str) -> str:
    """Where a link of `SYSTEM` leads; empty for what is none. Other paths are shown where they
    stand, whatever link leads to them."""
    return os.readlink(path) if path in SYSTEM and os.path.islink(path) else ""


def bubblewrap_arguments(needed: Iterable[str]) -> list[str]:
    """What bubblewrap is asked for: the isolation that `_child` makes itself where it can. The
    capability is for what bubblewrap has no option for; `_child` gives it up before code runs."""
    arguments = ["--unshare-all", "--die-with-parent", "--as-pid-1", "--new-session"]
    arguments += ["--uid", "65534", "--gid", "65534", "--cap-add", "CAP_SYS_ADMIN"]
    for path in visible_paths(needed):
        if link := system_link(path):
            arguments += ["--symlink", link, path]
        else:
            arguments += ["--ro-bind", path, path]
    for device in DEVICES:
        arguments += ["--dev-bind", device, device]
    return [*arguments, "--proc", "/proc", "--dir", "/scratch", "--remount-ro", "/", "--"]
