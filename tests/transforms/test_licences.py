"""Licences by their SPDX names."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tracemine.transforms.licences import canonical, is_allowed


@pytest.mark.parametrize(
    ("written", "name"),
    [
        ("MIT", "MIT"), ("mit", "MIT"), (" MIT License ", "MIT"), ("apache-2.0", "Apache-2.0"),
        ("Apache 2.0", "Apache-2.0"), ("apache_v2", "Apache-2.0"), ("cc-by-4.0", "CC-BY-4.0"),
        ("CC BY 4.0", "CC-BY-4.0"), ("CC BY-SA 3.0", "CC-BY-SA-3.0"), ("odc-by", "ODC-By-1.0"),
        ("mit, apache-2.0", "MIT AND Apache-2.0"), ("MIT or Apache-2.0", "MIT OR Apache-2.0"),
        ("mit, in-house", "MIT AND in-house"), ("In-House", "In-House"), ("", ""), (" , ", ""),
        ("LicenseRef-own", "LicenseRef-own"), ("(", "("),
    ],
)  # fmt: skip
def test_spellings(written: str, name: str) -> None:
    assert canonical(written) == name
    assert canonical(name) == name


@pytest.mark.parametrize(
    ("licence", "allowed", "is_so"),
    [
        ("MIT", ("MIT",), True),
        ("MIT", ("Apache-2.0",), False),
        ("", ("MIT",), False),
        ("MIT", (), False),
        ("MIT AND CC-BY-NC-4.0", ("MIT",), False),
        ("MIT AND Apache-2.0", ("Apache-2.0", "MIT"), True),
        ("MIT OR GPL-3.0-only", ("MIT",), True),
        ("(MIT OR GPL-3.0-only) AND Apache-2.0", ("MIT",), False),
        ("(MIT OR GPL-3.0-only) AND Apache-2.0", ("MIT", "Apache-2.0"), True),
        ("in-house", ("In-House",), True),
        ("CC-BY-4.0", ("CC-BY-NC-4.0",), False),
    ],
)
def test_what_is_allowed(licence: str, allowed: tuple[str, ...], is_so: bool) -> None:
    assert is_allowed(licence, allowed) is is_so


@given(st.text(alphabet="mitMIT ANDOR()apache-2.0,;+", max_size=40))
def test_no_text_breaks_it(text: str) -> None:
    name = canonical(text)
    assert is_allowed(name, (name,)) is bool(name)
    assert not is_allowed(name, ("GPL-3.0-only",))


def test_a_name_with_a_comma_is_one_licence() -> None:
    assert canonical("Apache License, Version 2.0") == "Apache-2.0"
    assert canonical("CC-BY-SA 4.0 International") == "CC-BY-SA-4.0"
    assert canonical("mit, apache-2.0") == "MIT AND Apache-2.0"


@pytest.mark.parametrize(
    ("written", "name"),
    [
        ("MIT/Apache-2.0", "MIT OR Apache-2.0"), ("apache 2.0 / mit", "Apache-2.0 OR MIT"),
        ("mit / cc-by-4.0", "MIT AND CC-BY-4.0"), ("MIT/GPL-3.0", "MIT AND GPL-3.0"),
        ("MIT/Apache-2.0/CC-BY-NC-4.0", "MIT AND Apache-2.0 AND CC-BY-NC-4.0"),
        ("MIT or ISC/CC-BY-4.0", "(MIT OR ISC) AND CC-BY-4.0"),
        ("CC-BY-4.0/CC-BY-NC-4.0, MIT", "CC-BY-4.0 AND CC-BY-NC-4.0 AND MIT"),
        ("MIT/Apache-2.0, CC-BY-4.0", "(MIT OR Apache-2.0) AND CC-BY-4.0"),
        ("MIT/our-own", "MIT/our-own"), ("CC0 1.0 Universal", "CC0-1.0"),
        ("Creative Commons Attribution-ShareAlike 3.0 Unported", "CC-BY-SA-3.0"),
        ("Creative Commons Attribution 4.0 International Public License", "CC-BY-4.0"),
        ("gpl-3", "GPL-3.0"), ("GPLv3+", "GPL-3.0-or-later"), ("LGPL v2.1", "LGPL-2.1"),
        ("GNU General Public License v3.0", "GPL-3.0"), ("The MIT License (MIT)", "MIT"),
        ("3-Clause BSD License", "BSD-3-Clause"), ("BSD 3-Clause License", "BSD-3-Clause"),
        ("https://opensource.org/licenses/MIT", "MIT"), ("opensource.org/license/mit/", "MIT"),
        ("https://spdx.org/licenses/Apache-2.0.html", "Apache-2.0"),
        ("http://www.apache.org/licenses/LICENSE-2.0.txt", "Apache-2.0"),
        ("https://creativecommons.org/licenses/by-nc-sa/4.0/", "CC-BY-NC-SA-4.0"),
        ("https://creativecommons.org/licenses/by/4.0/deed.en", "CC-BY-4.0"),
        ("https://creativecommons.org/publicdomain/zero/1.0/", "CC0-1.0"),
        ("https://www.gnu.org/licenses/gpl-3.0.en.html", "GPL-3.0"),
        ("https://example.org/licenses/mit", "https://example.org/licenses/mit"),
        ("['mit']", "MIT"), ('["mit", "cc-by-4.0"]', "MIT AND CC-BY-4.0"), ("[]", ""),
    ],
)  # fmt: skip
def test_forms_in_which_corpora_state_a_licence(written: str, name: str) -> None:
    assert canonical(written) == name
    assert canonical(name) == name


@pytest.mark.parametrize(
    "limited",
    [
        "MIT (non-commercial)", "Apache 2.0, research only", "CC-BY-4.0 NonCommercial",
        "Creative Commons Attribution 4.0 for academic use", "MIT-like", "mit / non-commercial",
        "cc-by-4.0 / cc-by-nc-4.0", "CC-BY-NC-SA-4.0/MIT", "mit (code) / cc-by-nc-4.0 (texts)",
        "MIT or academic use", "unknown or MIT", "formerly MIT or Apache-2.0", "Apache 2.0 or so",
        "(MIT or CC-BY-NC-4.0) by subset", "Non-commercial (text) or MIT",
        "either MIT or CC-BY-4.0, by subset", "MIT and/or CC-BY-NC-4.0", "MIT\nCC-BY-NC-4.0",
    ],
)  # fmt: skip
def test_what_limits_a_licence_is_not_lost(limited: str) -> None:
    assert not is_allowed(canonical(limited), ("MIT", "Apache-2.0", "CC-BY-4.0"))
