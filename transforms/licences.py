"""Licences by their SPDX names, whatever way a corpus writes them."""

from __future__ import annotations

import re
from collections.abc import Collection, Iterable

from packaging.licenses import InvalidLicenseExpression, canonicalize_license_expression

#: Names in use that SPDX does not know, in lower case with single hyphens, and what they stand for.
#: Those that name no version mean the only one there is.
_ALIASES = {
    "apache": "Apache-2.0", "apache-2": "Apache-2.0", "apache-v2": "Apache-2.0",
    "apache-v2.0": "Apache-2.0", "apache-license-2.0": "Apache-2.0", "apache2": "Apache-2.0",
    "apache-license-version-2.0": "Apache-2.0", "apache-software-license-2.0": "Apache-2.0",
    "mit-mit": "MIT", "expat": "MIT", "bsd-2": "BSD-2-Clause", "bsd-3": "BSD-3-Clause",
    "2-clause-bsd": "BSD-2-Clause", "3-clause-bsd": "BSD-3-Clause",
    "odc-by": "ODC-By-1.0", "pddl": "PDDL-1.0", "odbl": "ODbL-1.0", "cc0": "CC0-1.0",
    "unlicense": "Unlicense", "mpl-2": "MPL-2.0",
}  # fmt: skip
#: Words in the names of Creative Commons' and GNU's licences, and their letters.
_LETTERS = (
    ("creative-commons-zero", "cc0"), ("creative-commons", "cc"), ("attribution", "by"),
    ("non-commercial", "nc"), ("noncommercial", "nc"), ("share-alike", "sa"), ("sharealike", "sa"),
    ("lesser-general-public-license", "lgpl"), ("affero-general-public-license", "agpl"),
    ("general-public-license", "gpl"), ("no-derivatives", "nd"), ("noderivatives", "nd"),
    ("noderivs", "nd"),
)  # fmt: skip
#: Words at the end of a name that tell nothing apart.
_IDLE = re.compile(r"(?:-(?:international|unported|universal|public|licen[cs]e|deed))+$")
_GNU = re.compile(
    r"(?:gnu-)?(?P<name>[al]?gpl)-?v?(?P<version>\d)(?:\.(?P<minor>\d))?(?P<later>\+)?"
)
#: Where licences are published, and the name of which the path speaks.
_PLACES = re.compile(
    r"(?:https?://)?(?:www\.)?(?:"
    r"(?:opensource\.org|spdx\.org|gnu\.org)/licen[cs]es?/(?:old-licenses/)?(?P<name>[\w.+-]+?)"
    r"|apache\.org/licenses/license-(?P<apache>[\d.]+?)"
    r"|creativecommons\.org/licenses/(?P<cc>[a-z-]+/\d\.\d)(?:/[a-z.-]*)?"
    r"|creativecommons\.org/publicdomain/zero/(?P<zero>\d\.\d)(?:/[a-z.-]*)?"
    r")(?:\.(?:html?|txt|json|en)){0,2}/?",
    re.IGNORECASE,
)
_GAP = re.compile(r"[\s_-]+")
_JOINED = re.compile(r"\s*[,;]\s*")
#: What Rust's packages wrote with a slash where one of the two is enough. Elsewhere a slash parts
#: code from data, or one half of the data from the other, and both hold.
_EITHER = frozenset({"MIT", "Apache-2.0"})


def canonical(name: str) -> str:
    """The SPDX expression that ``name`` means: ``cc by 4.0`` is ``CC-BY-4.0``, and ``mit,
    apache-2.0`` is ``MIT AND Apache-2.0``, because it is not said that one of them is enough. A
    slash says no more than a comma, but in ``MIT/Apache-2.0``: that is how Rust's packages write
    OR. A page where a licence is published is that licence. What SPDX does not know stays as it is
    written.

        >>> canonical("apache 2.0")
        'Apache-2.0'
    """
    whole = _known(name)  # "Apache License, Version 2.0" is one
    if whole is not None:
        return whole
    if listed := re.fullmatch(r"\s*\[(.*)\]\s*", name, re.DOTALL):
        name = re.sub(r"[\"']", "", listed[1])
    parts = [_known(part) or _slashed(part) or part for part in _JOINED.split(name.strip()) if part]
    return _all_of(parts)


def _slashed(name: str) -> str | None:
    """``MIT/CC-BY-4.0`` as an expression, if each of its parts is known."""
    known = [part for part in map(_known, name.split("/")) if part]
    if len(known) <= name.count("/"):
        return None
    return " OR ".join(known) if _EITHER.issuperset(known) else _all_of(known)


def _all_of(parts: Iterable[str]) -> str:
    parts = list(dict.fromkeys(parts))
    if len(parts) > 1:
        parts = [f"({part})" if " OR " in part else part for part in parts]
    return " AND ".join(parts)


def is_allowed(licence: str, allowed: Collection[str]) -> bool:
    """Whether text under ``licence`` may be read if ``allowed`` are: of what is joined by AND all,
    of what is joined by OR any, if all that it joins are licences: "no longer MIT or Apache-2.0"
    is none of them. No licence is never allowed. Both as `canonical` gives them; an expression
    with brackets is taken more strictly than it is meant, never less."""
    names = {name.casefold() for name in allowed}
    licence = licence.casefold()
    return bool(licence) and (
        licence in names or all(_is_part_allowed(part, names) for part in licence.split(" and "))
    )


def _is_part_allowed(part: str, names: Collection[str]) -> bool:
    choices = [choice.strip("() ") for choice in part.split(" or ")]
    return any(choice in names for choice in choices) and (
        len(choices) == 1 or all(map(_known, choices))
    )


def _known(name: str) -> str | None:
    """The SPDX expression for ``name``, if there is one."""
    bare = name.strip()
    place = _PLACES.fullmatch(bare)
    if place:
        spelt = _name_of(place)
    else:
        spelt = _GAP.sub("-", re.sub(r"[,()]", " ", bare.lower()).strip())
        spelt = _IDLE.sub("", spelt)
        for words, letters in _LETTERS:
            spelt = spelt.replace(words, letters)
        spelt = re.sub(r"^(?:the-)?(apache|mit|bsd-\d(?:-clause)?)-licen[cs]e\b", r"\1", spelt)
        spelt = re.sub(r"^apache-(?:version|v)-?", "apache-", spelt)
    if gnu := _GNU.fullmatch(spelt):
        later = "-or-later" if gnu["later"] else ""
        spelt = f"{gnu['name']}-{gnu['version']}.{gnu['minor'] or '0'}{later}"
    for spelling in (bare, _ALIASES.get(spelt, spelt)):
        try:
            return str(canonicalize_license_expression(spelling))
        except InvalidLicenseExpression:
            continue
    return None


def _name_of(place: re.Match[str]) -> str:
    if place["cc"]:
        return "cc-" + place["cc"].lower().replace("/", "-")
    if place["zero"]:
        return f"cc0-{place['zero']}"
    return (f"apache-{place['apache']}" if place["apache"] else place["name"]).lower()
