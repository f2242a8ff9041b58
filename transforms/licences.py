"""Licences by their SPDX names, whatever way a corpus writes them."""

from __future__ import annotations

import re
from collections.abc import Collection

from packaging.licenses import InvalidLicenseExpression, canonicalize_license_expression

#: Names in use that SPDX does not know, in lower case with single hyphens, and what they stand for.
#: Those that name no version mean the only one there is.
_ALIASES = {
    "apache": "Apache-2.0", "apache-2": "Apache-2.0", "apache-v2": "Apache-2.0",
    "apache-v2.0": "Apache-2.0", "apache-license-2.0": "Apache-2.0",
    "apache-license-version-2.0": "Apache-2.0", "mit-license": "MIT", "the-mit-license": "MIT",
    "odc-by": "ODC-By-1.0", "pddl": "PDDL-1.0", "odbl": "ODbL-1.0", "cc0": "CC0-1.0",
    "unlicense": "Unlicense",
}  # fmt: skip
_GAP = re.compile(r"[\s_-]+")
_JOINED = re.compile(r"\s*[,;]\s*")


def canonical(name: str) -> str:
    """The SPDX expression that ``name`` means: ``cc by 4.0`` is ``CC-BY-4.0``, and ``mit,
    apache-2.0`` is ``MIT AND Apache-2.0``, because it is not said that one of them is enough. What
    SPDX does not know stays as it is written.

        >>> canonical("apache 2.0")
        'Apache-2.0'
    """
    whole = _known(name)  # "Apache License, Version 2.0" is one
    if whole is not None:
        return whole
    return " AND ".join(_known(part) or part for part in _JOINED.split(name.strip()) if part)


def is_allowed(licence: str, allowed: Collection[str]) -> bool:
    """Whether text under ``licence`` may be read if ``allowed`` are: of what is joined by AND all,
    of what is joined by OR any. No licence is never allowed. Both as `canonical` gives them; an
    expression with brackets is taken more strictly than it is meant, never less."""
    names = {name.casefold() for name in allowed}
    licence = licence.casefold()
    return bool(licence) and (
        licence in names
        or all(
            any(choice.strip("() ") in names for choice in part.split(" or "))
            for part in licence.split(" and ")
        )
    )


def _known(name: str) -> str | None:
    """The SPDX expression for ``name``, if there is one."""
    spelt = _GAP.sub("-", name.strip().lower().replace(",", " ")).removesuffix("-international")
    for spelling in (name, _ALIASES.get(spelt, spelt)):
        try:
            return str(canonicalize_license_expression(spelling))
        except InvalidLicenseExpression:
            continue
    return None
