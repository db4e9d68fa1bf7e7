"""One-stop approval in the browser: from the application on a phone to the licence that anybody verifies, and its end.

What is typed lies on the sample county; officers act on the pages of cases; the outbox and the worker seal.
"""

from __future__ import annotations

import json
import re
import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import psycopg
import pyogrio
import pytest
import shapely
from playwright.sync_api import Browser, Page, expect
from psycopg import conninfo, sql

from kunyu.engines.matters.materials.tests.samples import encrypted_pdf, form_pdf, other, script_pdf
from kunyu.project.runtime.shared_test_cluster import SharedTestCluster
from tests.journeys.conftest import DESKTOP, JOB_MS, PASSWORD, PHONE, ROOT, Node, Visit, _run, _visit, stop
from tests.journeys.looking import picture, violations

pytestmark = pytest.mark.browser
FARMLAND, PARCELS = "10502-001", "10401-003"
REFUSED = re.compile(r"status of (400|422) ")
"""Chromium's own note of a form that was refused, as it should be."""
OVERRIDE = "本县无该图层成果，已向主管部门函询核实"


@pytest.fixture(scope="module")
def known(node: Node, node_environment: dict[str, str]) -> dict[str, Any]:
    """Matters and seal are there; the case that waits, and what an applicant types."""
    filler = Path(__file__).with_name("fill_cases.py")
    answer: dict[str, Any] = json.loads(_run([sys.executable, str(filler)], node_environment).splitlines()[-1])
    return answer


@pytest.fixture(scope="module")
def outbox(known: dict[str, Any], worker: None, node_environment: dict[str, str]) -> Iterator[None]:
    """The process that delivers events: licences are sealed and plots put on the map by it."""
    home = Path(node_environment["KUNYU_HOME"])
    with (home / "outbox.log").open("w") as log:
        command = [sys.executable, "-m", "kunyu.project.runtime.outbox_loop"]
        running = subprocess.Popen(command, cwd=ROOT, env=node_environment, stdout=log, stderr=log)
        try:
            yield
        finally:
            stop(running)


@pytest.fixture
def owner(node: Node, node_environment: dict[str, str]) -> Iterator[psycopg.Connection]:
    """The database as its superuser."""
    name = conninfo.conninfo_to_dict(node_environment["DATABASE_URL"])["dbname"]
    address = SharedTestCluster(ROOT).cluster.dsn("postgres", str(name))
    with psycopg.connect(address, autocommit=True) as connection:
        yield connection


@dataclass
class People:
    """One visit for each person, signed in once."""

    browser: Browser
    node: Node
    visits: dict[str, Visit]

    def page(self, user: str, path: str, size: dict[str, int] = DESKTOP) -> Page:
        """The page of a person at an address."""
        if user in self.visits:
            return self.visits[user].open(path)
        visit, _ = _visit(self.browser, self.node, size, "zh-hans")
        self.visits[user] = visit
        return visit.sign_in(path, user) if user else visit.open(path)


@pytest.fixture
def people(browser: Browser, node: Node) -> Iterator[People]:
    """Whoever acts; nobody's page may complain or ask for a foreign address."""
    found = People(browser, node, {})
    yield found
    for user, visit in found.visits.items():
        visit.page.context.close()
        assert [one for one in visit.complaints if not REFUSED.search(one)] == [], user
        assert visit.outside() == [], user


def sound(page: Page) -> None:
    """Nothing for axe-core to complain of and nothing to scroll sideways, at either width."""
    own = page.viewport_size
    assert own
    for size in (DESKTOP, PHONE):
        page.set_viewport_size(size)  # type: ignore[arg-type]
        page.wait_for_function("(width) => innerWidth === width", arg=size["width"])
        # a map takes the new width a moment after the page
        page.wait_for_function("(width) => document.documentElement.scrollWidth <= width", arg=size["width"])
        assert violations(page) == [], (page.url, size)
    page.set_viewport_size(own)


# -- three ways of not being checked ---------------------------------------------------------------------------------


@contextmanager
def unreadable(owner: psycopg.Connection, collection: str) -> Iterator[None]:
    """The serving role may not read the table of a layer: its reading truly fails."""
    table = owner.execute("SELECT table_name FROM catalogue_layer WHERE collection = %s", [collection]).fetchone()
    assert table
    name = sql.Identifier("onemap", table[0])
    owner.execute(sql.SQL("REVOKE SELECT ON {} FROM kunyu_serve").format(name))
    try:
        yield
    finally:
        owner.execute(sql.SQL("GRANT SELECT ON {} TO kunyu_serve").format(name))


@contextmanager
def aged(owner: psycopg.Connection, collection: str, days: int) -> Iterator[None]:
    """The versions of a layer are as many days older."""
    moved = """UPDATE catalogue_datasetversion SET valid_from = valid_from + %s FROM catalogue_layer AS l
               WHERE l.id = layer_id AND l.collection = %s"""
    owner.execute(moved, [-days, collection])
    try:
        yield
    finally:
        owner.execute(moved, [days, collection])


@contextmanager
def stopped(owner: psycopg.Connection) -> Iterator[None]:
    """The database is gone for whoever reads layers: no new connection, and those that stood are ended."""
    name = sql.Identifier(owner.info.dbname)
    owner.execute(sql.SQL("GRANT CONNECT ON DATABASE {} TO kunyu").format(name))
    owner.execute(sql.SQL("REVOKE CONNECT ON DATABASE {} FROM PUBLIC, kunyu_serve").format(name))
    ended = "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = %s AND usename = 'kunyu_serve'"
    owner.execute(ended, [owner.info.dbname])
    try:
        yield
    finally:
        owner.execute(sql.SQL("GRANT CONNECT ON DATABASE {} TO PUBLIC, kunyu_serve").format(name))


def checked_again(page: Page) -> dict[str, str]:
    """Run the checks again from the page of the case; what was not checked, by rule."""
    with page.expect_navigation():
        page.get_by_role("link", name="重新核验").first.click()
    with page.expect_navigation(timeout=JOB_MS):
        page.get_by_role("button", name="重新核验").click()
    assert re.search(r"/cases/[^/]+$", page.url), page.locator("main").inner_text()
    expect(page.locator("#checks")).to_be_visible()
    listed = page.locator("#checks li.not_checked")
    return {one.split()[0]: one for one in (" ".join(text.split()) for text in listed.all_inner_texts())}


def test_a_layer_down_a_stale_one_and_a_missing_one_are_not_checked(
    known: dict[str, Any], people: People, owner: psycopg.Connection
) -> None:
    """R-308: each names its reason, beside the same check with all layers there; without an override nobody decides."""
    number = known["waiting"]
    page = people.page("examiner", f"/cases/{number}")
    before = checked_again(page)
    assert "C-08" in before and "没有这个图层已发布的数据" in before["C-08"]
    assert "C-04" not in before and "LR-002" not in before

    with unreadable(owner, FARMLAND), aged(owner, PARCELS, 2000):
        found = checked_again(page)
    assert "没有这个图层已发布的数据" in found["C-08"]
    assert "读取该图层失败" in found["C-04"]
    assert "天的时限" in found["LR-002"] and "起有效" in found["LR-002"]
    assert set(found) > set(before)
    assert violations(page) == []

    page = people.page("decider", f"/cases/{number}")
    form = page.locator("#act form")
    expect(form.locator(".cs-doubts")).to_contain_text("未核验不等于通过")
    for rule in ("C-04", "C-08", "LR-002"):
        expect(form.locator(".cs-doubts")).to_contain_text(rule)
    form.locator("input[name=outcome][value=grant]").check()
    form.locator("[name=text]").fill("符合条件，准予许可。")
    form.get_by_role("button", name="作出决定").click()
    expect(page.locator("main")).to_contain_text("请写明在此情况下仍然决定的理由")
    assert violations(page) == []
    decided = (
        "SELECT count(*) FROM matters_decision AS d JOIN matters_case AS c ON c.id = d.case_id WHERE c.number = %s"
    )
    assert owner.execute(decided, [number]).fetchone() == (0,)
    page = people.page("decider", f"/cases/{number}")
    expect(page.locator("#act")).to_be_visible()

    page = people.page("examiner", f"/cases/{number}")
    with stopped(owner):
        found = checked_again(page)
    assert {"C-02", "C-04", "C-05", "LR-002"} <= set(found)
    assert "没有这个图层已发布的数据" in found["C-08"]
    again = checked_again(page)
    assert again.keys() == before.keys()


# -- from the hall to the licence and its end --------------------------------------------------------------------------


def go_on(page: Page, name: str = "下一步") -> None:
    """Press what leads to the next page."""
    with page.expect_navigation():
        page.get_by_role("button", name=name, exact=True).or_(page.get_by_role("link", name=name, exact=True)).click()


def begin(people: People, user: str = "applicant") -> tuple[Page, str]:
    """From the portal to the first step on a phone; the page and the address of the application."""
    page = people.page("", "/hall/", PHONE)
    sound(page)
    page.get_by_role("link", name="建设项目用地预审与选址意见书").first.click()
    page.wait_for_url("**/hall/matters/S-001")
    sound(page)
    page.get_by_label("建设用地规划许可证", exact=False).check()
    page.get_by_role("button", name="申请", exact=True).click()
    page.fill("#username", user)
    page.fill("#password", PASSWORD)
    page.press("#password", "Enter")
    page.wait_for_url(lambda url: "/hall/apply" in url)
    return chosen(page)


def chosen(page: Page) -> tuple[Page, str]:
    """On the page where matters and place are chosen: both are marked already; on to the first step."""
    expect(page.locator("#matter_S-001")).to_be_checked()
    expect(page.locator("#matter_S-006")).to_be_checked()
    county = page.locator("[data-division] select[data-digits='6']")
    for digits, code in (("2", "99"), ("4", "9901"), ("6", "990101")):
        level = page.locator(f"[data-division] select[data-digits='{digits}']")
        if level.count() and level.input_value() != code:
            expect(level.locator(f"option[value='{code}']")).to_be_attached()
            level.select_option(code)
    expect(county).to_have_value("990101")
    sound(page)
    go_on(page, "开始填报")
    return page, page.url.rsplit("/", 1)[0].removeprefix("http://" + page.url.split("/")[2])


def say_who(page: Page, known: dict[str, Any]) -> None:
    """The steps of the applicant and of the project."""
    applicant, project = known["applicant"], known["project"]
    page.locator(f"input[name=kind][value={applicant['kind']}]").check()
    page.fill("#id_name", applicant["name"])
    page.fill("#id_code", applicant["code"])
    sound(page)
    go_on(page)
    page.fill("#id_code", project["code"])
    page.fill("#id_name", project["name"])
    sound(page)
    go_on(page)


def coordinates(corners: list[tuple[float, float]]) -> str:
    return "\n".join(f"{x:.9f},{y:.9f}" for x, y in corners)


def type_plot(page: Page, text: str) -> None:
    """Coordinates as text at the plot step."""
    page.locator("#way-text > summary").click()
    page.fill("#text", text)
    with page.expect_navigation():
        page.locator("#way-text").get_by_role("button", name="保存这个范围").click()


def upload_plot(page: Page, corners: list[tuple[float, float]], folder: Path) -> None:
    """The plot as a GeoPackage."""
    path, outline = folder / "plot.gpkg", np.array([shapely.to_wkb(shapely.Polygon(corners))], dtype=object)
    pyogrio.raw.write(
        path, geometry=outline, field_data=[], fields=[], geometry_type="Polygon", crs="EPSG:4490", driver="GPKG"
    )
    page.locator("#way-file > summary").click()
    page.set_input_files("#file", path)
    with page.expect_navigation():
        page.locator("#way-file").get_by_role("button", name="上传并保存").click()


def fill_form(page: Page, answers: dict[str, Any]) -> None:
    """Every answer at its field; twice, because some fields are asked only after others."""
    for _ in range(2):
        for name, value in answers.items():
            fields = page.locator(f"[name='{name}']")
            if not fields.count() or not fields.first.is_visible():
                continue
            said = str(value).lower() if isinstance(value, bool) else str(value)
            kind = fields.first.evaluate("one => one.type")
            if kind == "radio":
                page.locator(f"[name='{name}'][value='{said}']").check()
            elif kind == "select-one":
                fields.select_option(said)
            else:
                fields.fill(said)


def hand_in(page: Page, known: dict[str, Any]) -> list[str]:
    """One PDF for each paper that is missing, another file for each; which they were."""
    applicant, project, area = known["applicant"], known["project"], known["area_m2"]
    paper = form_pdf(
        other(applicant=applicant["name"], code=applicant["code"], project=project["name"], project_code=project["code"],
              hectares=f"{area / 10_000:.4f}", square_metres=f"{area:,.2f}")
    )  # fmt: skip
    missing = page.locator(".hl-material.is-missing").evaluate_all("all => all.map((one) => one.id.slice(5))")
    for kind in missing:
        file = {"name": f"{kind}.pdf", "mimeType": "application/pdf", "buffer": paper + f"%{kind}\n".encode()}
        page.set_input_files(f"#file-{kind}", file)  # type: ignore[arg-type]
        expect(page.locator(f"#kind-{kind} .hl-paper")).to_be_visible()
    expect(page.locator("[data-waiting]")).to_have_count(0, timeout=JOB_MS)
    return list(missing)


def act(people: People, user: str, number: str, outcome: str, text: str) -> None:
    """An officer's opinion at the stage that waits for him, claimed before where it lies on the common desk."""
    page = people.page(user, f"/cases/{number}")
    expect(page.locator("#act"), f"{user} has nothing to do").to_be_visible()
    form = page.locator("#act form")
    form.locator(f"input[name=outcome][value={outcome}]").check()
    form.locator("[name=text]").fill(text)
    if form.locator("[name=override]").count():
        form.locator("[name=override]").fill(OVERRIDE)
    with page.expect_navigation():
        form.locator("button[type=submit]").click()
    assert page.url.endswith(f"/cases/{number}"), page.locator("#form-errors").all_inner_texts()
    expect(page.locator(".alert-success")).to_contain_text("已办理")


def kept(environment: dict[str, str]) -> int:
    """How many files the object store holds."""
    return sum(one.is_file() for one in Path(environment["KUNYU_OBJECT_STORE"]).rglob("*"))


def until(look: Callable[[], bool], page: Page, what: str) -> None:
    """Wait for what other processes do."""
    for _ in range(JOB_MS // 1000):
        if look():
            return
        page.wait_for_timeout(1000)
    pytest.fail(f"waited {JOB_MS / 1000:.0f} s for {what}")


AT_WORK = """SELECT (SELECT count(*) FROM outbox_event WHERE delivered_at IS NULL AND due_at <= now())
  + (SELECT count(*) FROM procrastinate_jobs
     WHERE status IN ('todo', 'doing') AND coalesce(scheduled_at, now()) <= now())"""


def at_rest(owner: psycopg.Connection, page: Page) -> None:
    """What worker and outbox still do would be taken for what the page does."""
    until(lambda: owner.execute(AT_WORK).fetchone() == (0,), page, "worker and outbox")


def sealed(page: Page) -> bool:
    """Whether the applicant's page of a case offers its licence by now."""
    page.reload()
    return page.locator(".fo-licence .fo-buttons a").count() > 0


def number_of_licence(page: Page) -> str:
    """The number of the licence that the applicant's page of a case shows."""
    return page.locator(".fo-number").inner_text().split()[0]


def granted_after(people: People, number: str, before: str) -> str:
    """The other matter of the application, whose first one gave ``before``: checked again, granted; its licence's number."""
    act(people, "clerk", number, "accept", "材料齐全，符合法定形式，予以受理")
    examiner = people.page("examiner", f"/cases/{number}")
    expect(examiner.locator("#checks li.block")).to_contain_text("TO-01")
    assert list(checked_again(examiner)) == ["C-07"], "a layer that the county has not"
    expect(examiner.locator("#checks li:is(.block, .document, .warn)")).to_have_count(0)
    expect(examiner.locator("#checks")).to_contain_text(before)
    act(people, "examiner", number, "agree", "在用地预审与选址意见书范围内，用途相符，同意")
    act(people, "reviewer", number, "agree", "经会商，同意")
    act(people, "decider", number, "grant", "符合国土空间规划，准予许可")
    page = people.page("applicant", f"/hall/cases/{number}")
    until(lambda: sealed(page), page, "the second sealed licence")
    return number_of_licence(page)


def test_from_the_hall_on_a_phone_to_a_licence_that_is_verified_and_revoked(
    known: dict[str, Any],
    outbox: None,
    people: People,
    owner: psycopg.Connection,
    node_environment: dict[str, str],
    tmp_path: Path,
) -> None:
    """R-304, R-307, R-308: two matters applied for together, granted one after the other by the bureau's people."""
    page, here = begin(people)
    say_who(page, known)
    upload_plot(page, known["corners"], tmp_path)
    expect(page.locator(".hl-area")).to_be_visible()
    findings = page.locator("#findings")
    expect(findings.locator(".hl-counts li.not_checked")).to_contain_text("未核验", timeout=JOB_MS)
    expect(findings.locator(".hl-counts li.clear")).to_be_visible()
    sound(page)
    picture(page, "hall-plot", of=findings)
    page.goto(people.node.address + here + "/form")
    sound(page)
    fill_form(page, known["answers"])
    go_on(page)
    assert page.url.endswith("/materials"), page.locator("#form-errors").all_inner_texts()
    assert hand_in(page, known)
    sound(page)
    go_on(page)
    assert page.url.endswith("/submit")
    expect(page.locator("#findings .hl-counts li.not_checked")).to_contain_text("未核验", timeout=JOB_MS)
    expect(page.locator("#findings .hl-counts li.clear")).to_be_visible()
    sound(page)
    page.check("#declared")
    page.get_by_role("button", name="提交申请").click()
    page.wait_for_url("**/receipt")
    sound(page)
    numbers = page.locator(".hl-cases a.ky-code").all_inner_texts()
    assert len(numbers) == 2
    number, permit = numbers
    people.visits["applicant"] = people.visits.pop("")

    act(people, "clerk", number, "accept", "材料齐全，符合法定形式，予以受理")
    act(people, "examiner", number, "agree", "符合规划和用途管制要求，同意")
    reviewer = people.page("reviewer", f"/cases/{number}")
    for _ in range(4):
        if not reviewer.locator("#act").count():
            break
        act(people, "reviewer", number, "agree", "经会审，同意")
    act(people, "decider", number, "grant", "符合国土空间规划，准予许可")

    page = people.page("applicant", f"/hall/cases/{number}")

    until(lambda: sealed(page), page, "the sealed licence")
    sound(page)
    picture(page, "hall-case")
    with page.expect_download() as taken:
        page.locator(".fo-buttons a", has_text="PDF").click()
    pdf = Path(taken.value.path()).read_bytes()
    assert pdf.startswith(b"%PDF") and b"/ByteRange" in pdf
    licence = number_of_licence(page)
    address = page.locator(".fo-code a").get_attribute("href")
    assert address and address.startswith("/verify/")
    sound(people.page("applicant", "/hall/mine/"))

    anybody = people.page("", f"/verify/{licence}")
    expect(anybody.locator(".dv-answer h1")).to_contain_text("有效")
    sound(anybody)
    picture(anybody, "verify")
    anybody = people.page("", "/verify/")
    at_rest(owner, anybody)
    before = kept(node_environment)
    anybody.set_input_files("#file", {"name": "licence.pdf", "mimeType": "application/pdf", "buffer": pdf})
    anybody.get_by_role("button", name="核验文件").click()
    expect(anybody.locator(".dv-answer h1")).to_contain_text("有效")
    middle = len(pdf) // 2
    forged = pdf[:middle] + bytes([pdf[middle] ^ 1]) + pdf[middle + 1 :]
    anybody.set_input_files("#file", {"name": "forged.pdf", "mimeType": "application/pdf", "buffer": forged})
    anybody.get_by_role("button", name="核验文件").click()
    expect(anybody.locator(".dv-answer.bad h1")).to_be_visible()
    assert kept(node_environment) == before

    second = granted_after(people, permit, licence)
    decider = people.page("decider", f"/projects/{known['project']['code']}")
    documents = decider.locator("#chain .pj-step .ky-code")

    def registered() -> bool:
        decider.reload()
        return documents.count() > 1

    until(registered, decider, "the second approval in the register")
    expect(documents).to_have_text([licence, second])
    expect(decider.locator("#chain .pj-joint")).to_have_class("pj-joint clear")
    expect(decider.locator("#consistency p strong")).to_have_text(["0", "0"])
    sound(decider)

    def on_the_map(document: str) -> list[dict[str, Any]]:
        answer = decider.request.get(people.node.address + "/ogc/collections/30401-001/items?limit=1000")
        listed = answer.json().get("features", []) if answer.ok else []
        return [one for one in listed if document in one["properties"].values()]

    for document in (licence, second):
        until(lambda document=document: bool(on_the_map(document)), decider, "the plot on the map")  # type: ignore[misc]
        (feature,) = on_the_map(document)
        assert known["project"]["code"] in feature["properties"].values()

    listed = people.page("decider", "/cases/")
    sound(listed)
    picture(listed, "cases")
    decider = people.page("decider", f"/cases/{number}")
    sound(decider)
    picture(decider, "case")
    with decider.expect_navigation():
        decider.get_by_role("link", name="撤销许可").click()
    decider.fill("[name=text]", "申请人隐瞒有关情况取得许可")
    decider.fill("[name=basis]", "《行政许可法》第六十九条第二款")
    with decider.expect_navigation():
        decider.get_by_role("button", name="撤销许可和证照").click()
    if not decider.url.endswith(f"/cases/{number}"):
        decider.get_by_role("button", name=re.compile("撤销|确认")).click()
    expect(decider.locator(".alert-success")).to_contain_text("已撤销")

    def revoked() -> bool:
        page = people.page("", f"/verify/{licence}")
        return "已撤销" in page.locator(".dv-answer h1").inner_text()

    until(revoked, people.page("", "/verify/"), "the revocation")
    until(lambda: not on_the_map(licence), decider, "the plot to leave the map")
    assert on_the_map(second), "the permit stands until somebody decides about it"


# -- what must not be taken ---------------------------------------------------------------------------------------------


@pytest.mark.usefixtures("outbox")
def test_hostile_papers_and_a_crossing_boundary_are_refused_with_a_sentence(
    known: dict[str, Any], people: People, owner: psycopg.Connection, node_environment: dict[str, str]
) -> None:
    """Each refusal stands where it belongs; neither the database nor the object store has anything of it."""
    page = people.page("applicant", "/hall/apply?matter=S-001&matter=S-006&division=990101", PHONE)
    page, here = chosen(page)
    number = int(here.rsplit("/", 1)[1])
    at_rest(owner, page)
    before = kept(node_environment)

    page = people.page("applicant", f"{here}/plot")
    (west, south), away = known["corners"][0], 0.001
    bow = [(west, south), (west + away, south + away), (west + away, south), (west, south + away)]
    type_plot(page, coordinates(bow))
    expect(page.locator("#problem-text")).to_contain_text("交叉")
    expect(page.locator("#text")).to_have_value(coordinates(bow))
    plots = "SELECT plot IS NULL AND plot_area_m2 IS NULL FROM matters_application WHERE id = %s"
    assert owner.execute(plots, [number]).fetchone() == (True,)
    sound(page)

    page = people.page("applicant", f"{here}/materials")
    for name, content, words in (("locked", encrypted_pdf(), "加密"), ("script", script_pdf(), "脚本")):
        file = {"name": f"{name}.pdf", "mimeType": "application/pdf", "buffer": content}
        page.set_input_files("#file-application", file)  # type: ignore[arg-type]
        expect(page.locator("#kind-application .hl-fault")).to_contain_text(words)
        expect(page.locator("#kind-application .hl-paper")).to_have_count(0)
    sound(page)
    held = "SELECT count(*) FROM matters_material WHERE application_id = %s"
    assert owner.execute(held, [number]).fetchone() == (0,)
    assert kept(node_environment) == before
