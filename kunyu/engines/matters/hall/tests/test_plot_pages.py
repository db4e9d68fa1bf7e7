"""The step *plot* as a browser without scripts uses it: three ways in, and a sentence for everything that is no plot."""

from __future__ import annotations

import html
import io
import json
import re
from typing import Any

import pytest
import shapely
from django.core.files.uploadedfile import SimpleUploadedFile
from django.test import Client

from kunyu.engines.analysis.settings import analysis_settings
from kunyu.engines.matters.cases import services
from kunyu.engines.matters.cases.tests import outlines
from kunyu.engines.matters.cases.tests.world import HERE, SITE, World
from kunyu.engines.matters.models import Application
from kunyu.engines.security import epochs
from kunyu.kernel.geodesy import area_of_lonlat, ellipsoidal_area

pytestmark = pytest.mark.django_db
SQUARE = shapely.box(113.01, 34.51, 113.012, 34.512)
X, Y = 38_410_000.0, 3_820_000.0
"""East and north of a corner in zone 38 with the zone in front, in the middle of the county of the tests."""
PLANE = shapely.box(X, Y, X + 200, Y + 100)


class Page:
    """The page of one application, as one person opens it."""

    def __init__(self, world: World, who: str = "applicant", application: Application | None = None) -> None:
        epochs.forget()
        self.one = application or services.begin(world.as_(who), [SITE], HERE, f"plot-{who}")
        self.address = f"/hall/applications/{self.one.pk}/plot"
        self.client = Client()
        self.client.force_login(world.users[who])

    def get(self, status: int = 200) -> str:
        answer = self.client.get(self.address)
        assert answer.status_code == status, answer.content[:2000].decode()
        return answer.content.decode()

    def send(self, way: str, **given: Any) -> Any:
        shown = self.get()
        hidden = {name: re.search(rf'name="{name}" value="([^"]*)"', shown)[1] for name in ("once", "revision")}  # type: ignore[index]
        return self.client.post(self.address, {**hidden, "way": way, **given})

    def saved(self) -> Application:
        return Application.objects.get(pk=self.one.pk)

    def refused(self, status: int, way: str, **given: Any) -> str:
        """Send what cannot be taken; the page that comes back, after seeing that nothing was written."""
        before = self.saved()
        answer = self.send(way, **given)
        assert answer.status_code == status, answer.content[:2000].decode()
        after = self.saved()
        assert (after.revision, after.plot_area_m2) == (before.revision, before.plot_area_m2)
        return html.unescape(answer.content.decode())


@pytest.fixture
def page(world: World) -> Page:
    outlines.draw()
    return Page(world)


def problem(shown: str, way: str) -> str:
    """The sentence at the form of a way."""
    found = re.search(rf'id="problem-{way}">([^<]*)<', shown)
    assert found, shown
    return found[1]


def mark(shown: str) -> tuple[float, float] | None:
    found = re.search(r'data-fault-lon="([^"]+)" data-fault-lat="([^"]+)"', shown)
    return (float(found[1]), float(found[2])) if found else None


def geojson(geometry: shapely.Geometry) -> str:
    return str(shapely.to_geojson(geometry))


def drawing(geometry: shapely.Polygon) -> SimpleUploadedFile:
    """A DXF of one closed polyline."""
    pairs: list[tuple[int, object]] = [(0, "SECTION"), (2, "ENTITIES"), (0, "LWPOLYLINE"), (8, "DK")]
    corners = list(geometry.exterior.coords)[:-1]
    pairs += [(90, len(corners)), (70, 1)]
    for x, y in corners:
        pairs += [(10, x), (20, y)]
    content = "".join(f"{code}\n{value}\n" for code, value in [*pairs, (0, "ENDSEC"), (0, "EOF")])
    return SimpleUploadedFile("红线.dxf", content.encode())


def coordinate_text() -> str:
    corners = [(north, east) for east, north in list(PLANE.exterior.coords)[:-1]]
    rows = [f"J{number},1,{north:.3f},{east:.3f}" for number, (north, east) in enumerate(corners, start=1)]
    head = [
        "[属性描述]",
        "坐标系=2000国家大地坐标系",
        "几度分带=3",
        "投影类型=高斯克吕格",
        "计量单位=米",
        "带号=38",
        "[地块坐标]",
    ]
    return "\n".join([*head, f"{len(rows)},2.0000,1,试验地块,面,,,,@", *rows])


# -- what is taken ----------------------------------------------------------------------------------------------------


def test_a_drawing_is_saved_with_the_area_of_the_ellipsoid(page: Page) -> None:
    assert "还没有范围" in page.get()
    answer = page.send("draw", geometry=geojson(SQUARE))
    assert (answer.status_code, answer.headers["Location"]) == (302, page.address)
    area = float(area_of_lonlat([SQUARE])[0])
    one = page.saved()
    assert one.plot_area_m2 == pytest.approx(area, abs=1e-6)
    assert one.plot_source == "在图上绘制"
    shown = page.get()
    for figure in (f"<dd>{area:,.2f}</dd>", f"<dd>{area / 1e4:,.4f}</dd>", f"<dd>{area * 15 / 1e4:,.3f}</dd>"):
        assert figure in shown
    assert "用地范围已保存。" in shown
    assert f'href="/hall/applications/{one.pk}/form"' in shown


@pytest.mark.parametrize(
    ("text", "crs"),
    [
        ("113.01, 34.51\n113.012,34.51\n113.012 34.512\n113.01；34.512\n", ""),
        ("J1 113.01, 34.51\nJ2 113.012, 34.51\nJ3 113.012, 34.512\nJ4 113.01, 34.512\nJ1 113.01, 34.51", ""),
        ("1, 113.01, 34.51\n2, 113.012, 34.51\n3, 113.012, 34.512\n4, 113.01, 34.512", ""),
    ],
)
def test_degrees_one_point_a_line(page: Page, text: str, crs: str) -> None:
    assert page.send("text", text=text, crs=crs).status_code == 302
    assert page.saved().plot_area_m2 == pytest.approx(float(area_of_lonlat([SQUARE])[0]), abs=1e-3)


def test_metres_with_the_zone_in_y_or_chosen(page: Page) -> None:
    """X north, Y east; the zone is read from Y, or else chosen."""
    area = float(ellipsoidal_area([PLANE], "EPSG:4526")[0])
    corners = list(PLANE.exterior.coords)[:-1]
    assert page.send("text", text="\n".join(f"{n:.3f} {e:.3f}" for e, n in corners)).status_code == 302
    assert page.saved().plot_area_m2 == pytest.approx(area, abs=0.01)
    bare = "\n".join(f"{n:.3f}, {e - 38e6:.3f}" for e, n in corners)
    assert "没有带号" in problem(page.refused(400, "text", text=bare), "text")
    assert page.send("text", text=bare, crs="EPSG:4547").status_code == 302
    assert page.saved().plot_area_m2 == pytest.approx(area, abs=0.01)
    assert page.saved().plot_source == "输入的平面坐标，EPSG:4547"


def test_the_ministrys_text_pasted_and_uploaded(page: Page) -> None:
    area = float(ellipsoidal_area([PLANE], "EPSG:4526")[0])
    assert page.send("text", text=coordinate_text()).status_code == 302
    assert page.saved().plot_area_m2 == pytest.approx(area, abs=0.01)
    assert page.saved().plot_source.startswith("坐标文本，EPSG:4526")
    file = SimpleUploadedFile("界址点.txt", coordinate_text().encode("gb18030"))
    assert page.send("file", file=file).status_code == 302
    assert page.saved().plot_source.startswith("文件 界址点.txt，EPSG:4526")


DEGREES = "113.01, 34.51\n113.012, 34.51\n113.012, 34.512\n113.01, 34.512\n"
LAT_FIRST = "点号,纬度,经度\nJ1,34.51,113.01\nJ2,34.51,113.012\nJ3,34.512,113.012\nJ4,34.512,113.01\n"


@pytest.mark.parametrize(
    ("name", "content"),
    [
        ("界址点.txt", DEGREES.encode()),
        ("points.TXT", DEGREES.replace("\n", "\r\n").encode("utf-8-sig")),
        ("点.txt", ("序号\t经度\t纬度\n" + DEGREES.replace(", ", "\t").replace("113.01\t34.51\n", "1\t113.01\t34.51\n")).encode("utf-16")),
        ("点.txt", ("点号,X,Y\n" + DEGREES).encode("gb18030")),
        ("点.csv", LAT_FIRST.encode("gb18030")),
    ],
)  # fmt: skip
def test_a_list_of_corners_as_a_file(page: Page, name: str, content: bytes) -> None:
    """Numbers, a line of names, tabs and the encodings of usual editors; the names say what stands first."""
    assert page.send("file", file=SimpleUploadedFile(name, content)).status_code == 302
    assert page.saved().plot_area_m2 == pytest.approx(float(area_of_lonlat([SQUARE])[0]), abs=1e-3)
    assert page.saved().plot_source == f"文件 {name}，经纬度坐标"


def test_a_list_in_metres_as_a_file(page: Page) -> None:
    """Zone in Y, zone chosen, and a line of names that puts east first; like what is typed."""
    area = float(ellipsoidal_area([PLANE], "EPSG:4526")[0])
    corners = list(PLANE.exterior.coords)[:-1]
    for head, lines, crs, epsg in (
        ("", [f"{n:.3f} {e:.3f}" for e, n in corners], "", "EPSG:4526"),
        ("点号 X坐标 Y坐标", [f"J{k} {n:.3f} {e - 38e6:.3f}" for k, (e, n) in enumerate(corners)], "EPSG:4547", "EPSG:4547"),
        ("东坐标,北坐标", [f"{e:.3f},{n:.3f}" for e, n in corners], "", "EPSG:4526"),
    ):  # fmt: skip
        file = SimpleUploadedFile("界址点.txt", "\n".join([head, *lines]).encode())
        assert page.send("file", file=file, crs=crs).status_code == 302, head
        assert page.saved().plot_area_m2 == pytest.approx(area, abs=0.01)
        assert page.saved().plot_source == f"文件 界址点.txt，平面坐标，{epsg}"


@pytest.mark.parametrize(
    ("text", "said"),
    [
        (DEGREES.replace("113.012, 34.512", "113.012, 34。512"), "第 3 行“113.012, 34。512”不是一个点。每行写一个点的两个坐标"),
        ("点号,经度,纬度\n经度,纬度\n" + DEGREES, "第 2 行“经度,纬度”不是一个点"),
        (DEGREES.replace("34.512\n", "34.512, 56.7\n", 1), "第 3 行“113.012, 34.512, 56.7”有三个数，分不清哪两个是坐标；请去掉高程"),
        (DEGREES.replace("113.012, 34.512", "13.012, 34.512"), "第 3 行“13.012, 34.512”不在中国范围内"),
        (DEGREES.replace("113.012, 34.512", "1113.012, 34.512"), "第 3 行“1113.012, 34.512”与前面的不同；请用同一种"),
        ("3820000, 38410000\n3820000, 38410100\n3820100, 39410100", "第 3 行的 Y（东）39410100.00 与第 1 行的 38410000.00 带号不同"),
        ("3820000, 410000\n3820000, 410100\n3820100, 410100", "没有带号（第 1 行 410000.00）；请在下面选择坐标系和带号"),
        ("\n38410000, 3820000\n38410100, 3820000\n38410100, 3820100", "第 2 行的 X（北）38410000.00 太大，像是 X、Y 写反了"),
        ("113.01, 34.51\n113.02, 34.51\n113.01, 34.51", "只有 2 个不同的点，至少要三个"),
        ("[属性描述]\n坐标系=2000国家大地坐标系\n" + DEGREES, "没有 [地块坐标] 段"),
    ],
)  # fmt: skip
def test_a_list_is_refused_alike_typed_and_uploaded(page: Page, text: str, said: str) -> None:
    """The same sentence both ways: line, value, what to do."""
    status = 422 if "不是一个点" in said or "三个数" in said or "段" in said else 400
    uploaded = problem(page.refused(status, "file", file=SimpleUploadedFile("点.txt", text.encode())), "file")
    assert said in uploaded
    assert problem(page.refused(status, "text", text=text), "text") == uploaded


def test_a_list_of_no_known_encoding_or_too_many_corners(page: Page, monkeypatch: pytest.MonkeyPatch) -> None:
    broken = SimpleUploadedFile("点.txt", b"\xff\x80\x81 113.01, 34.51")
    assert "编码既不是" in problem(page.refused(422, "file", file=broken), "file")
    assert "空文件" in problem(page.refused(422, "file", file=SimpleUploadedFile("点.txt", b"")), "file")
    monkeypatch.setenv("KUNYU_ANALYSIS_VERTICES_MAX", "3")
    analysis_settings.cache_clear()
    try:
        file = SimpleUploadedFile("点.txt", "\n".join(f"113.0{n}, 34.5{n}" for n in range(1, 8)).encode())
        assert "顶点超过 3 个" in problem(page.refused(413, "file", file=file), "file")
    finally:
        monkeypatch.undo()
        analysis_settings.cache_clear()


def test_a_drawing_file_needs_its_zone(page: Page) -> None:
    assert "DXF 不写坐标系" in problem(page.refused(400, "file", file=drawing(PLANE)), "file")
    assert page.send("file", file=drawing(PLANE), crs="EPSG:4526").status_code == 302
    assert page.saved().plot_area_m2 == pytest.approx(float(ellipsoidal_area([PLANE], "EPSG:4526")[0]), abs=0.01)


def test_several_plots_of_a_file_become_one(page: Page) -> None:
    """Two squares, one of which overlaps the other by half: their union, and both notes."""
    half = shapely.box(113.011, 34.51, 113.013, 34.512)
    features = [{"type": "Feature", "properties": {}, "geometry": json.loads(geojson(one))} for one in (SQUARE, half)]
    content = json.dumps({"type": "FeatureCollection", "features": features}).encode()
    assert page.send("file", file=SimpleUploadedFile("两块.geojson", content)).status_code == 302
    whole = float(area_of_lonlat([shapely.union(SQUARE, half)])[0])
    assert page.saved().plot_area_m2 == pytest.approx(whole, abs=0.01)
    shown = page.get()
    assert "共有 2 个地块，已合为一个用地范围" in shown
    assert re.search(r"各地块之间有 [\d,]+\.\d\d m² 重叠，只计一次", shown)


# -- what is refused --------------------------------------------------------------------------------------------------


def test_a_plot_that_crosses_itself_is_shown_where(page: Page) -> None:
    """The sentence, the place on the map, and what was drawn, to be mended."""
    bow = '{"type":"Polygon","coordinates":[[[113.01,34.51],[113.012,34.512],[113.012,34.51],[113.01,34.512],[113.01,34.51]]]}'
    shown = page.refused(400, "draw", geometry=bow)
    assert problem(shown, "draw") == (
        "边界自己交叉了，交叉的地方在 113.01100000, 34.51100000（图上红圈处）。请按顺序沿着边界给出角点，不要来回跳。"
    )
    assert mark(shown) == (113.011, 34.511)
    assert bow in shown


def test_which_plot_of_a_file_crosses_itself_is_named(page: Page) -> None:
    """Another fault of geometry keeps the sentence of the reader."""
    bow = shapely.Polygon([(X, Y), (X + 100, Y + 100), (X + 100, Y), (X, Y + 100)])
    said = problem(page.refused(400, "file", file=drawing(bow), crs="EPSG:4526"), "file")
    assert said.startswith("DK 1：边界自己交叉了，交叉的地方在 ")
    holed = {"type": "Polygon", "coordinates": [[[113.01, 34.51], [113.02, 34.51], [113.02, 34.52], [113.01, 34.51]],
                                                [[113.03, 34.51], [113.031, 34.51], [113.031, 34.511], [113.03, 34.51]]]}  # fmt: skip
    assert "洞在外圈之外" in problem(page.refused(400, "draw", geometry=json.dumps(holed)), "draw")


def test_a_plot_at_sea_and_one_in_another_county(page: Page) -> None:
    sea = page.refused(422, "draw", geometry=geojson(shapely.box(122.9, 30.2, 122.902, 30.202)))
    assert "也不在任何一个县（可能在海上或境外）" in problem(sea, "draw")
    assert mark(sea) == (122.901, 30.201)
    text = "113.05, 34.51\n113.052, 34.51\n113.052, 34.512"
    east = page.refused(422, "text", text=text)
    assert "而在东邻县（990102）" in problem(east, "text")
    assert "另选东邻县重新申请" in problem(east, "text")
    assert text in east


def test_a_drawing_in_the_wrong_zone(page: Page) -> None:
    """Zone 39 for 38, without the zone in front: three degrees off, and said so; a prefix read as metres likewise."""
    bare = shapely.transform(PLANE, lambda xy: xy - [38e6, 0])
    said = problem(page.refused(422, "file", file=drawing(bare), crs="EPSG:4548"), "file")
    assert "向西移 3 度经度就正好落在坤舆县：多半是带号选错了" in said
    said = problem(page.refused(400, "file", file=drawing(PLANE), crs="EPSG:4547"), "file")
    assert "请检查所选的坐标系：分带宽度、带号、坐标前面有没有带号" in said


def test_too_many_vertices_and_too_many_bytes(page: Page, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("KUNYU_ANALYSIS_VERTICES_MAX", "3")
    monkeypatch.setenv("KUNYU_ANALYSIS_REQUEST_BYTES_MAX", "3000")
    analysis_settings.cache_clear()
    try:
        assert "顶点超过 3 个" in problem(page.refused(413, "draw", geometry=geojson(SQUARE)), "draw")
        big = SimpleUploadedFile("大.zip", b"x" * 4000)
        assert "的上限" in page.refused(413, "file", file=big)
    finally:
        monkeypatch.undo()
        analysis_settings.cache_clear()


@pytest.mark.parametrize(
    ("way", "given", "said"),
    [
        ("draw", {"geometry": ""}, "还没有画完"),
        ("draw", {"geometry": "{"}, "没有传完整"),
        ("draw", {"geometry": '{"type":"Point","coordinates":[113,34]}'}, "类型是 'Point'"),
        ("draw", {"geometry": "[" * 100_000}, "没有传完整"),
        ("text", {"text": " "}, "请粘贴或输入坐标"),
        ("text", {"text": "113.01, 34.51\n你好"}, "第 2 行“你好”不是一个点"),
        ("text", {"text": "113.01, 34.51\n113.02, 34.52"}, "只有 2 个不同的点"),
        ("text", {"text": "113.01, 34.51\n3820000, 38410000\n113.02, 34.51"}, "请用同一种"),
        ("text", {"text": "38410000, 3820000\n38410100, 3820000\n38410100, 3820100"}, "写反了"),
        ("text", {"text": "3820000, 50410000\n3820000, 50410100\n3820100, 50410100"}, "不是中国的带号"),
        ("text", {"text": "34.51, 113.01\n34.51, 113.012\n34.512, 113.012"}, "纬度在前"),
        ("text", {"text": "[地块坐标]\nJ1,1,1,1"}, "前面没有以 @ 结尾的地块行"),
        ("file", {}, "请选择文件"),
        ("file", {"file": SimpleUploadedFile("图.exe", b"MZ")}, "不认识的格式 .exe"),
        ("file", {"file": SimpleUploadedFile("图.zip", b"PK\x03\x04 no zip")}, ""),
        ("file", {"file": SimpleUploadedFile("图.gpkg", b"SQLite format 3\x00rest")}, ""),
        ("file", {"file": io.BytesIO(b"\x00\xff\xfe")}, ""),
    ],
)  # fmt: skip
def test_what_is_no_plot_is_told_in_a_sentence(page: Page, way: str, given: dict[str, Any], said: str) -> None:
    answer = page.send(way, **given)
    assert answer.status_code in (400, 413, 422), answer.content[:2000].decode()
    sentence = problem(html.unescape(answer.content.decode()), way)
    assert sentence.strip()
    assert said in sentence
    assert page.saved().plot_area_m2 is None


def test_a_way_or_system_the_page_does_not_offer(page: Page) -> None:
    assert "请选择绘制、输入坐标或上传文件" in page.refused(400, "fly")
    assert "请选择绘制、输入坐标或上传文件" in page.refused(400, "text", text="x", crs="EPSG:3857")


def test_what_somebody_typed_is_text_wherever_it_comes_back(page: Page) -> None:
    answer = page.send("text", text="</textarea><script>alert(1)</script>")
    assert b"<script>alert" not in answer.content


# -- whose it is ------------------------------------------------------------------------------------------------------


def test_only_the_applicant_has_the_page(page: Page, world: World) -> None:
    assert Client().get(page.address).headers["Location"].startswith("/login")
    for who in ("other", "stranger", "clerk"):
        for address in (page.address, f"{page.address}/check", page.address.replace("/plot", "/places.geojson")):
            client = Page(world, who, page.one).client
            assert client.post(address).status_code in (404, 405) if "check" in address else True
            assert client.get(address).status_code in (404, 405)
    assert page.client.get(f"{page.address}/check").status_code == 405


def test_a_page_sent_twice_saves_once_and_a_stale_one_is_told(page: Page, world: World) -> None:
    shown = page.get()
    sent = {name: re.search(rf'name="{name}" value="([^"]*)"', shown)[1] for name in ("once", "revision")}  # type: ignore[index]
    sent |= {"way": "draw", "geometry": geojson(SQUARE)}
    assert [page.client.post(page.address, sent).status_code for _ in range(2)] == [302, 302]
    assert page.saved().revision == 1
    services.save(world.as_("applicant"), page.one.pk, project={"name": "另一个窗口"})
    stale = {**sent, "once": re.search(r'name="once" value="([^"]*)"', page.get())[1]}  # type: ignore[index]
    answer = page.client.post(page.address, stale)
    assert answer.status_code == 409
    assert "在您打开之后已有变化" in problem(answer.content.decode(), "draw")


def test_a_submitted_application_is_closed_until_a_correction_is_asked_for(world: World) -> None:
    case = world.submitted()
    page = Page(world, application=case.application)
    assert page.client.get(page.address).headers["Location"] == f"/hall/applications/{case.application_id}/receipt"
    services.request_correction(world.as_("clerk"), case.pk, [{"field": "plot", "what": "范围不对"}])
    assert page.send("draw", geometry=geojson(SQUARE)).status_code == 302
    assert page.saved().plot_area_m2 == pytest.approx(float(area_of_lonlat([SQUARE])[0]), abs=1e-6)
