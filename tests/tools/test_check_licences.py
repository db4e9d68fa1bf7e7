"""The licence check lets pass what may be passed on and refuses what may not."""

import sys
from pathlib import Path

import pytest

sys.path.insert(0, str(Path(__file__).resolve().parents[2] / "tools"))

from check_licences import fault, locked_python


@pytest.mark.quick
@pytest.mark.parametrize("licence", ["MIT", "LGPL-3.0-only", "Apache-2.0 OR GPL-2.0", "GPLv2 or later / MPL 1.1"])
def test_good_ones_pass(licence: str) -> None:
    assert fault(licence) == ""


@pytest.mark.quick
@pytest.mark.parametrize(
    "licence", ["AGPL-3.0", "GNU Affero General Public License v3", "GPL-3.0-only", "", "Secret EULA"]
)
def test_bad_ones_are_named(licence: str) -> None:
    assert fault(licence)


@pytest.mark.quick
def test_the_lock_files_are_read() -> None:
    assert {"django", "psycopg", "shapely"} <= {name.lower() for name in locked_python()}
