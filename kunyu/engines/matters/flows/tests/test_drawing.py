"""Drawings of flows: states in colour and words, safe against names from files, with and without a drawing of its own."""

import re

import pytest
from lxml import etree

from kunyu.engines.matters.errors import BadFlow
from kunyu.engines.matters.flows.drawing import LOOKS, draw
from kunyu.engines.matters.flows.reading import read_flow
from kunyu.engines.matters.flows.running import complete, start
from kunyu.engines.matters.flows.symbols import wrapped
from kunyu.engines.matters.flows.tests.making import FACTS, FILES, LEVEL, REVIEW, flow_xml

pytestmark = pytest.mark.quick

SVG = "{http://www.w3.org/2000/svg}"
BARE = re.sub(rb"<bpmndi:BPMNDiagram.*</bpmndi:BPMNDiagram>", b"", REVIEW, flags=re.DOTALL)


def elements(svg):
    """State of each element by its id."""
    root = etree.fromstring(svg)
    return {g.get("data-element"): g.get("data-state") for g in root.iter(f"{SVG}g") if g.get("data-element")}


@pytest.fixture(scope="module")
def standing():
    flow = read_flow(REVIEW, "review", {"level.dmn": LEVEL})
    begun = complete(flow, start(flow, {**FACTS, "conflicts": 1}), "acceptance", "accept")
    return complete(flow, complete(flow, begun, "examination", "agree"), "planning_review", "agree")


@pytest.mark.parametrize("xml", [REVIEW, BARE], ids=["drawn", "laid out"])
def test_states_of_all_elements(standing, xml):
    states = elements(draw(xml, standing))
    assert states["acceptance"] == states["level"] == states["split"] == states["planning_review"] == "passed"
    assert states["land_use_review"] == "waiting"
    assert states["join"] == states["verification"] == states["granted"] == "ahead"
    assert len(states) == 19


def test_states_are_told_in_words(standing):
    svg = draw(REVIEW, standing)
    root = etree.fromstring(svg)
    assert root.get("role") == "img"
    title, desc = root[0], root[1]
    assert (title.tag, desc.tag) == (f"{SVG}title", f"{SVG}desc")
    assert root.get("aria-labelledby").split() == [title.get("id"), desc.get("id")]
    assert title.text == "审批流程 流程图"
    assert desc.text == (
        "已办：受理、审查、审批层级、规划会审。在办：用途管制会审。未到：不予受理、复核、决定、准予、不予。"
    )
    words = ["".join(text.itertext()) for text in root.iter(f"{SVG}text")]
    assert words.count("已办") == 5 and words.count("在办") == 2  # four stages and one, and the legend
    english = etree.fromstring(draw(REVIEW, standing, language="en"))
    assert english[1].text.startswith("done: 受理, 审查")


def test_a_flow_by_itself_shows_no_states():
    svg = etree.fromstring(draw(REVIEW))
    assert svg[1].text == "环节：受理、不予受理、审查、审批层级、规划会审、用途管制会审、复核、决定、准予、不予。"
    assert set(elements(draw(REVIEW)).values()) == {"plain"}
    assert not {"已办", "在办", "未到"} & {"".join(text.itertext()) for text in svg.iter(f"{SVG}text")}


def test_ids_may_be_given_instead_of_a_standing():
    states = elements(draw(REVIEW, ["start", "acceptance"], ["examination"], faulty=["joint"]))
    assert (states["acceptance"], states["examination"], states["joint"]) == ("passed", "waiting", "faulty")


def test_colours_are_the_house_ones(standing):
    svg = draw(REVIEW, standing)
    assert (LOOKS["passed"].stroke, LOOKS["waiting"].stroke) == ("#0b5c63", "#8a5a00")
    assert not re.search(r"#(?:f00|ff0000|c00|d32f2f)\b", svg), "red is for conflicts"


EVIL = [
    "</text><script>alert(1)</script>",
    '"><img src=x onerror=alert(1)>',
    "]]>&amp;<style>*{}</style>",
    "&lt;script&gt;",
    "'; drop table",
    "<!-- --><a href='javascript:1'>x</a>",
]


@pytest.mark.parametrize("evil", EVIL)
@pytest.mark.parametrize("where", ["task", "gateway", "way", "lane", "process", "id"])
def test_names_of_files_stay_text(evil, where):
    root = etree.fromstring(REVIEW)
    ids = {
        "task": "acceptance",
        "gateway": "accepted",
        "way": "f_accept",
        "lane": "lane_window",
        "process": "review",
        "id": "decision",
    }
    element = next(e for e in root.iter() if e.get("id") == ids[where])
    if where == "id":
        element.set("id", evil)
        element.attrib.pop("name")
        for way in root.iter("{*}sequenceFlow", "{*}BPMNShape"):
            for name, value in way.attrib.items():
                if value == "decision":
                    way.set(name, evil)
    else:
        element.set("name", evil)
    svg = etree.fromstring(draw(etree.tostring(root), ["acceptance", evil], [evil]))
    tags = {etree.QName(e).localname for e in svg.iter() if isinstance(e.tag, str)}
    assert tags <= {"svg", "title", "desc", "g", "rect", "circle", "path", "text", "tspan"}
    attributes = {name for e in svg.iter() for name in e.attrib}
    assert not [name for name in attributes if name.startswith("on") or name in ("href", "style") or "xlink" in name]
    everything = "".join(svg.itertext()).replace(" ", "")
    assert " ".join(evil.split()).replace(" ", "")[:6] in everything


def test_no_style_no_script_no_link(standing):
    svg = draw(REVIEW, standing)
    for word in ("<script", "<style", "style=", "href", "url(", "<foreignObject", "<?xml", "onload"):
        assert word not in svg


@pytest.mark.parametrize("number", ["NaN", "Infinity", "1e308", "-1e9", "abc", "", "0x10"])
def test_absurd_coordinates_fall_back_to_an_own_layout(number):
    broken = REVIEW.replace(b'x="280" y="100" width="100"', f'x="{number}" y="100" width="100"'.encode())
    assert broken != REVIEW
    width, height = re.search(r'width="([\d.]+)" height="([\d.]+)"', draw(broken)).groups()
    assert 0 < float(width) < 20_000 and 0 < float(height) < 20_000


def test_an_unsound_flow_is_drawn_all_the_same():
    """The page that checks a flow shows it with its faults."""
    text = "start s\ntask a name=甲\nscriptTask x name=脚本\nxor g\nend e\ntask lost\ns > a\na > g\ng > a\ng > x\nx > nowhere\ng > e"
    states = elements(draw(flow_xml(text), faulty=["x"]))
    assert states == {"s": "plain", "a": "plain", "x": "faulty", "g": "plain", "e": "plain", "lost": "plain"}


def test_a_layout_has_no_two_elements_on_one_place():
    for data in (BARE, (FILES / "flowable.bpmn20.xml").read_bytes(), (FILES / "signavio.bpmn").read_bytes()):
        svg = etree.fromstring(draw(data))
        places = [
            (r.get("x"), r.get("y"))
            for g in svg.iter(f"{SVG}g")
            if g.get("data-element")
            for r in g.findall(f"{SVG}rect")[:1]
        ]
        assert len(places) == len(set(places)) > 0


def test_layers_run_from_left_to_right():
    svg = etree.fromstring(draw(BARE))
    centre = {}
    for group in svg.iter(f"{SVG}g"):
        if group.get("data-element") and (rect := group.find(f"{SVG}rect")) is not None:
            centre[group.get("data-element")] = float(rect.get("x"))
    order = ["acceptance", "examination", "level", "planning_review", "verification", "decision"]
    assert [centre[name] for name in order] == sorted(centre[name] for name in order)
    assert centre["planning_review"] == centre["land_use_review"]


def test_a_file_without_a_process_cannot_be_drawn():
    with pytest.raises(BadFlow):
        draw(REVIEW, process="other")
    with pytest.raises(BadFlow):
        draw(flow_xml(""))


def test_the_same_standing_gives_the_same_picture(standing):
    assert draw(REVIEW, standing) == draw(REVIEW, standing)
    assert len(draw(REVIEW, standing)) < 60_000


@pytest.mark.parametrize(
    ("text", "lines"),
    [
        ("受理", ["受理"]),
        ("建设项目用地预审与选址意见书核发", ["建设项目用地预审", "与选址意见书核发"]),
        ("Pre-approval of land for construction", ["Pre-approval", "of land for", "construction"]),
        ("", []),
    ],
)
def test_text_is_wrapped_to_its_place(text, lines):
    assert wrapped(text, 100, 12) == lines


def test_long_text_ends_in_an_ellipsis():
    assert wrapped("长" * 100, 60, 12)[-1].endswith("…")
