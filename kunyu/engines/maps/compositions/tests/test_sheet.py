"""Sheets on paper: scale true to 0.1 %, what an official map carries, rights, PDF read back (R-092, R-169)."""

from __future__ import annotations

import ctypes
import re
import unicodedata
from collections.abc import Callable
from typing import Any

import numpy as np
import pypdfium2 as pdfium
import pypdfium2.raw as raw
import pytest
from django.db import connection
from pyproj import Geod, Transformer

from kunyu.engines.maps.compositions import sheet
from kunyu.engines.maps.compositions.definition import PAPERS, Layout, read_definition
from kunyu.engines.maps.compositions.errors import BadComposition
from kunyu.engines.maps.compositions.looks import Look
from kunyu.engines.maps.compositions.planes import nice_scale
from kunyu.engines.maps.tests import county as truth
from kunyu.engines.maps.tests.conftest import county  # noqa: F401 - the fixture
from kunyu.engines.maps.tests.county import PARCELS, County
from kunyu.engines.security import scope
from kunyu.engines.security.models import User
from kunyu.engines.security.services import grant
from kunyu.engines.security.session import principal_of

RED = "#e60001"


def look(layout: dict[str, Any] | None = None, style: list[dict[str, Any]] | None = None, **more: Any) -> Look:
    layer: dict[str, Any] = {"collection": PARCELS}
    if style:
        layer["style"] = style
    definition = read_definition(
        {"title_zh": "坤舆县土地利用现状图", "layers": [layer], "layout": layout or {}, **more}
    )
    return Look("c-test", 3, definition.title_zh, definition, {})


@pytest.fixture
def printer(county: County, db: None) -> scope.Principal:  # noqa: F811
    """The steward with the right to download as well."""
    user = User.objects.get(username="t-steward")
    grant(user, (scope.DOWNLOAD,), actor=scope.operator("tests"))
    return principal_of(user)


def text_of(data: bytes) -> str:
    page = pdfium.PdfDocument(data)[0]
    # fonts map a glyph to the first of its code points, which may be a radical of the same form
    return re.sub(r"\s+", "", unicodedata.normalize("NFKC", page.get_textpage().get_text_range()))


def red_bounds_mm(data: bytes) -> tuple[float, float, float, float]:
    """Left, bottom, right, top in millimetres of everything filled in RED, from the path objects of the page."""
    page = pdfium.PdfDocument(data)[0]
    corners = []
    for one in page.get_objects(max_depth=4):
        if one.type != raw.FPDF_PAGEOBJ_PATH:
            continue
        r, g, b, a = (ctypes.c_uint() for _ in range(4))
        mode, is_stroked = ctypes.c_int(), ctypes.c_int()
        raw.FPDFPageObj_GetFillColor(one.raw, r, g, b, a)
        raw.FPDFPath_GetDrawMode(one.raw, mode, is_stroked)
        if (r.value, g.value, b.value) == (0xE6, 0, 1) and mode.value:
            corners.append(one.get_bounds())
    assert corners, "no red path on the page"
    found = np.array(corners)
    low, high = found[:, :2].min(axis=0), found[:, 2:].max(axis=0)
    return tuple(np.array([*low, *high]) * 25.4 / 72)  # type: ignore[return-value]


@pytest.mark.parametrize(
    ("paper", "orientation", "scale"),
    [("A4", "landscape", 25_000), ("A4", "portrait", 50_000), ("A0", "landscape", 5_000)],
)
def test_distances_on_paper_are_true(printer: scope.Principal, paper: str, orientation: str, scale: float) -> None:
    """One parcel printed in red alone: its sides on paper times the scale are its sides on the ellipsoid, to 0.1 %."""
    number = 190  # column 10, row 9
    one = [{"id": "f", "type": "fill", "filter": ["==", ["get", "TBBH"], str(number)], "paint": {"fill-color": RED}}]
    layout = {"paper": paper, "orientation": orientation, "scale": scale, "graticule": "none", "legend": False}
    extent = [truth.WEST, truth.SOUTH, truth.WEST + 0.04, truth.SOUTH + 0.04]
    printed = sheet.print_sheet(printer, look(layout, one, extent=extent), "pdf", {})
    page = pdfium.PdfDocument(printed.data)[0]
    short, long = PAPERS[paper]
    wanted = (long, short) if orientation == "landscape" else (short, long)
    assert np.array(page.get_size()) * 25.4 / 72 == pytest.approx(wanted, abs=0.1)
    left, bottom, right, top = red_bounds_mm(printed.data)
    west = truth.WEST + truth.SIDE * ((number - 1) % 20)
    south = truth.SOUTH + truth.SIDE * ((number - 1) // 20)
    geod = Geod(ellps="GRS80")
    height = geod.inv(west, south, west, south + truth.SIDE)[2]
    width = geod.inv(west, south + truth.SIDE / 2, west + truth.SIDE, south + truth.SIDE / 2)[2]
    assert printed.scale == scale
    # bounds of a parcel that leans by the convergence, against the plane; sides of the plane against the ellipsoid
    assert (top - bottom) * scale / 1000 == pytest.approx(_leant(printed, west, south, 1), rel=0.001)
    assert (right - left) * scale / 1000 == pytest.approx(_leant(printed, west, south, 0), rel=0.001)
    plane = _corners(printed, west, south)
    assert np.hypot(*(plane[3] - plane[0])) == pytest.approx(height, rel=0.001)
    assert np.hypot(*(plane[1] - plane[0])) == pytest.approx(width, rel=0.001)


def _leant(printed: sheet.Printed, west: float, south: float, axis: int) -> float:
    """Width (0) or height (1) in metres of the parcel's bounds on the plane, projected apart from the code under test."""
    return float(np.ptp(_corners(printed, west, south)[:, axis]))


def _corners(printed: sheet.Printed, west: float, south: float) -> np.ndarray:
    corners = np.array([(west, south), (west + 0.002, south), (west + 0.002, south + 0.002), (west, south + 0.002)])
    return np.column_stack(Transformer.from_crs(4490, printed.epsg, always_xy=True).transform(*corners.T))


def test_what_an_official_sheet_carries(printer: scope.Principal) -> None:
    """Title, scale in figures, legend, versions, unit, label, and the approval number or the notice that there is none."""
    here = [truth.WEST, truth.SOUTH, truth.WEST + 0.04, truth.SOUTH + 0.042]
    layout = {"unit": "坤舆县自然资源局", "author": "张工", "scale": 30_000, "approval_number": "GS(2026)0001号"}
    said = text_of(sheet.print_sheet(printer, look(layout, extent=here), "pdf", {}).data)
    for text in ("坤舆县土地利用现状图", "1:30,000", "图例", "0103旱地", "0701", "坤舆县自然资源局", "张工", "审图号：GS(2026)0001号",
                 "990101第2版", "c-test第3版", "高斯-克吕格投影", "敏感"):  # fmt: skip
        assert unicodedata.normalize("NFKC", text) in said, text
    assert "0601" not in said, "the legend lists the classes that are on the sheet"
    plain = text_of(sheet.print_sheet(printer, look({"scale": 30_000}), "pdf", {}).data)
    assert "无审图号" in plain and "审图号:" not in plain


def test_versions_dates_and_label_are_recorded(printer: scope.Principal) -> None:
    printed = sheet.print_sheet(printer, look(), "pdf", {"valid_at": "2025-06-01"})
    assert printed.versions[PARCELS]["valid_at"] == "2025-06-01"
    assert printed.versions[PARCELS]["versions"] == {"990101": 2, "990102": 1}
    assert printed.label.secrecy == 2 and printed.collections == (PARCELS,)


def test_who_may_not_download_prints_nothing(county: County, db: None) -> None:  # noqa: F811
    with pytest.raises(BadComposition, match="下载权限"):
        sheet.print_sheet(
            principal_of(User.objects.get(username="t-neighbour")), look(extent=[113, 34, 114, 35]), "pdf", {}
        )


def test_every_paper_has_room_for_its_map() -> None:
    """The map takes most of every sheet, and nothing overlaps it."""
    for paper in PAPERS:
        for orientation in ("landscape", "portrait"):
            place = sheet.arrange(Layout(paper, orientation))
            assert place.frame.width > 0.5 * place.width and place.frame.height > 0.4 * place.height
            assert place.legend is not None and place.frame.bottom <= place.foot.y
            assert place.legend.x >= place.frame.right or place.legend.y >= place.frame.bottom
            assert place.foot.bottom <= place.height


def test_round_scales() -> None:
    assert [nice_scale(one) for one in (1000, 1001, 24_000, 26_000, 70_001)] == [1000, 1500, 25_000, 30_000, 75_000]


def test_png_of_a_sheet(printer: scope.Principal, tmp_path: Callable[..., Any]) -> None:
    printed = sheet.print_sheet(printer, look({"scale": 30_000}), "png", {})
    assert printed.data[:8] == b"\x89PNG\r\n\x1a\n" and printed.media_type == "image/png"


def test_no_real_name_stands_over_the_fictional_county(printer: scope.Principal) -> None:
    """A real county's outline and name lie on the ground of the sample: alone it is named, over sample data it is not."""
    west, south = truth.WEST, truth.SOUTH
    with connection.cursor() as cursor:
        cursor.execute(
            "INSERT INTO reference_divisionboundary (code, name_zh, level, detail, source, geom) VALUES "
            "('410223', '尉氏县', 3, 0, 'test', ST_Multi(ST_MakeEnvelope(%s, %s, %s, %s, 4490)))",
            [west - 0.1, south - 0.1, west + 0.14, south + 0.14],
        )

    def said(*layers: str) -> str:
        more = {"extent": [west, south, west + 0.04, south + 0.04], "layers": [{"collection": one} for one in layers]}
        return text_of(sheet.print_sheet(printer, look({"scale": 50_000}, **more), "pdf", {}).data)

    assert "尉氏县" in said("base:boundaries")
    over = said(PARCELS, "base:boundaries")
    assert "尉氏县" not in over and "行政区划界线" in over, "the outline stays, the name does not"
