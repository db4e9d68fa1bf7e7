"""A catalogue of 10,000 layers: how fast the tree and the search answer, and how soon the first page can be used.

One node with one county of sample parcels and 10,000 datasets, each labelled and each with one published layer (views
on the county's areas, so that every one of them can really be drawn). A restricted user holds 5,000 grants on 2,500 of
the datasets and on the parcels; another holds one grant on everything. Both sign in with a session cookie.

* ``catalogue_page.tree``: the root and the branches on the way down, asked as the page asks them; p95, milliseconds.
* ``catalogue_page.search``: layers by words of their names and by code; p95, milliseconds.
* ``catalogue_page.first_page``: Chromium with an empty cache, from the address to a page that can be used: tree listed,
  map ready, the parcels drawn; median of the rounds, milliseconds.
* ``catalogue_page.two_hundred``: 200 layers switched on and off in turn by keyboard; the slowest twentieth of the times
  from the key to the next picture, milliseconds; with what the browser's memory and the map hold before and after.

Server, database and browser share the machine. Run: ``python -m benchmarks.catalogue_page [--rounds R]``;
``KUNYU_BENCH_HOME`` as for tiles.
"""

from __future__ import annotations

import argparse
import json
import os
import random
import shutil
import sys
import tempfile
import time
from pathlib import Path
from statistics import median, quantiles
from typing import TYPE_CHECKING, Any
from urllib.parse import quote

from benchmarks import tiles
from benchmarks.access import WORDS, Asker, _cookie, _datasets, _person
from benchmarks.tile_servers import run_node

if TYPE_CHECKING:
    from playwright.sync_api import Browser, Page

    from kunyu.project.runtime.cluster import PrivateCluster

ROOT = Path(__file__).resolve().parents[1]
RESULT = ROOT / "benchmarks" / "results" / "catalogue_page.json"
LAYERS, OWN, TOGGLED, SEED = 10_000, 2_500, 200, 11
PARCELS_LOADED = 10_000
BAR_ANSWER_MS, BAR_PAGE_MS, BAR_SWITCH_MS = 150.0, 2_000.0, 100.0
ASKED = 200
USABLE = """() => {
  const one = document.querySelector('ky-map');
  return one?.ready && one.map.getSource('10401-003') && one.map.loaded() && one.map.areTilesLoaded()
    && document.querySelectorAll('ky-layer-tree [role=treeitem]').length > 0;
}"""


def main(arguments: list[str]) -> list[dict[str, Any]]:
    """Measure, print a table, write the results; answers with them."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rounds", type=int, default=7)
    asked = parser.parse_args(arguments)
    kept = os.environ.get("KUNYU_BENCH_HOME")
    home = Path(kept) if kept else Path(tempfile.mkdtemp(prefix="ky-bench-catalogue-"))
    home.mkdir(exist_ok=True)
    home.chmod(0o711)
    from kunyu.project.runtime.cluster import PrivateCluster

    cluster = PrivateCluster(home).ensure()
    try:
        environment, records = tiles._prepare(cluster, home, PARCELS_LOADED)
        work = {**_fill(cluster), "parcels": records, "rounds": asked.rounds}
        about = {"versions": tiles._versions(), "machine": tiles._machine()}
        cookies = {name: _cookie(name) for name in ("bench-restricted", "bench-whole")}
        with run_node(home, environment, "") as node:
            askers = {name: Asker(cookie, node.connect()) for name, cookie in cookies.items()}
            rows = [
                _answers("tree", _tree_paths(askers["bench-whole"]), askers, work, about),
                _answers("search", _search_paths(), askers, work, about),
                *_in_browser(f"http://127.0.0.1:{node.port}", cookies["bench-whole"], asked.rounds, work, about),
            ]
    finally:
        cluster.stop()
        if not kept:
            shutil.rmtree(home, ignore_errors=True)
    RESULT.parent.mkdir(exist_ok=True)
    RESULT.write_text(json.dumps(rows, ensure_ascii=False, indent=1) + "\n", encoding="utf-8")
    for row in rows:
        print(f"{row['name']:<28} {row['project']:>9} ms  bar {row['bar']}  {'met' if row['met'] else 'NOT MET'}")
    return rows


# -- the node's content -----------------------------------------------------------------------------------------------


def _fill(cluster: PrivateCluster) -> dict[str, int]:
    """Datasets, labels, layers, versions, people and grants; answers with the counts."""
    from django.db import connection

    from kunyu.engines.catalogue.models import Dataset, Layer
    from kunyu.engines.catalogue.row_security import ensure_row_security
    from kunyu.engines.security.models import Grant
    from kunyu.engines.security.zones import record_zone

    record_zone()
    ensure_row_security()
    _datasets(LAYERS - Dataset.objects.filter(source="benchmarks/access.py").count())
    _layers()
    codes = list(Dataset.objects.filter(source="benchmarks/access.py").order_by("code").values_list("code", flat=True))
    restricted, whole = _person("bench-restricted"), _person("bench-whole")
    Grant.objects.filter(user__in=[restricted, whole]).delete()
    Grant.objects.bulk_create(Grant(user=whole, action=action) for action in ("see", "query"))
    own = [*random.Random(SEED).sample(codes, OWN), tiles.PARCELS]
    Grant.objects.bulk_create(
        Grant(user=restricted, action=action, branch=code) for code in own for action in ("see", "query")
    )
    tiles._settle(cluster)
    with connection.cursor() as cursor:
        cursor.execute("ANALYZE catalogue_layer, catalogue_dataset, catalogue_datasetversion, security_label")
    return {"layers": Layer.objects.count(), "grants_of_restricted": 2 * len(own)}


def _layers() -> None:
    """One layer for each dataset of the benchmark: a view on the county's areas, published like them."""
    from django.db import connection, transaction

    from kunyu.engines.catalogue.models import Dataset, DatasetVersion, Layer

    model = Layer.objects.get(collection="10401-001")
    version = DatasetVersion.objects.filter(layer=model, status="published").latest("pk")
    missing = Dataset.objects.filter(source="benchmarks/access.py", layers=None).order_by("position")
    made = [
        Layer(collection=one.code, dataset=one, code=model.code, name_zh=one.name_zh, name_en=one.name_en,
              standard_id=model.standard_id, edition=f"b{one.position}", geometry=model.geometry,
              table_name=f"bench_{one.position}")
        for one in missing
    ]  # fmt: skip
    Layer.objects.bulk_create(made, batch_size=5_000)
    copied = {name: getattr(version, name) for name in ("county", "valid_from", "known_from", "status", "extent")}
    DatasetVersion.objects.bulk_create(
        [DatasetVersion(layer=one, number=1, record_count=version.record_count, **copied) for one in made],
        batch_size=5_000,
    )
    for begin in range(0, len(made), 500):
        with transaction.atomic(), connection.cursor() as cursor:
            cursor.execute("SET LOCAL ROLE kunyu_onemap")
            for one in made[begin : begin + 500]:
                cursor.execute(f'CREATE VIEW onemap."{one.table_name}" WITH (security_invoker) AS '
                               f'SELECT * FROM onemap."{model.table_name}"')  # fmt: skip
                cursor.execute(f'GRANT SELECT ON onemap."{one.table_name}" TO kunyu_serve')


# -- answers ----------------------------------------------------------------------------------------------------------


def _tree_paths(asker: Asker) -> list[str]:
    """The root and every branch on the way to the layers, as far as the widest user opens them."""
    paths, waiting = [], ["/api/map/tree"]
    while waiting:
        paths.append(waiting.pop(0))
        _, body, _ = asker.get(paths[-1])
        below = [one["id"] for one in json.loads(body)["nodes"] if one["kind"] != "layer"]
        waiting += [f"/api/map/tree?parent={one}" for one in below]
    return paths


def _search_paths() -> list[str]:
    words = [*WORDS, "耕地 湿地", "Theme 77", "专题4711", "DLTB", "XZQ", "10401", "没有这样的图层"]
    return [f"/api/map/tree?q={quote(one)}" for one in words]


def _answers(
    name: str, paths: list[str], askers: dict[str, Asker], work: dict[str, Any], about: dict[str, Any]
) -> dict[str, Any]:
    """p95 of the answers to both people, one after the other; branches a restricted user does not have are 404."""
    chance = random.Random(SEED)
    taken: dict[str, list[float]] = {who: [] for who in askers}
    for _ in range(ASKED):
        path = chance.choice(paths)
        for who, asker in askers.items():
            status, _, seconds = asker.get(path)
            assert status == 200 or (status == 404 and who == "bench-restricted"), (path, status)
            taken[who].append(seconds * 1000)
    p95 = {who: round(quantiles(times, n=20)[-1], 1) for who, times in taken.items()}
    listed = {f"p95_{who.removeprefix('bench-')}": value for who, value in p95.items()}
    middle = {f"median_{who.removeprefix('bench-')}": round(median(times), 1) for who, times in taken.items()}
    return _row(name, {**work, "requests": ASKED, "addresses": len(paths), **listed, **middle},
                max(p95.values()), BAR_ANSWER_MS, about)  # fmt: skip


def _row(name: str, work: dict[str, Any], project: float, bar: float, about: dict[str, Any]) -> dict[str, Any]:
    return {"name": f"catalogue_page.{name}", "work": {"unit": "ms", **work}, "project": round(project, 1),
            "peer": None, "ratio": None, "bar": bar, "met": project <= bar, **about}  # fmt: skip


# -- in the browser ---------------------------------------------------------------------------------------------------


def _in_browser(
    address: str, cookie: str, rounds: int, work: dict[str, Any], about: dict[str, Any]
) -> list[dict[str, Any]]:
    from playwright.sync_api import sync_playwright

    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(
            executable_path=shutil.which("chromium"),
            args=["--no-sandbox", "--disable-gpu", "--enable-precise-memory-info"],
        )
        about = {**about, "versions": {**about["versions"], "chromium": browser.version}}
        first = [_first_page(browser, address, cookie) for _ in range(rounds)]
        switched = _two_hundred(browser, address, cookie)
        browser.close()
    usable = [one["usable"] for one in first]
    return [
        _row("first_page", {**work, "listed_rounds": [one["listed"] for one in first], "usable_rounds": usable,
                            "requests": first[-1]["requests"], "bytes": first[-1]["bytes"]},
             median(usable), BAR_PAGE_MS, about),
        _row("two_hundred", {**work, **switched}, switched["p95_to_picture"], BAR_SWITCH_MS, about),
    ]  # fmt: skip


def _page(browser: Browser, address: str, cookie: str) -> Page:
    """A page of a new visitor: nothing of this node is in its cache."""
    context = browser.new_context(viewport={"width": 1440, "height": 900}, reduced_motion="reduce")
    name, _, value = cookie.partition("=")
    context.add_cookies([{"name": name, "value": value, "url": address}])
    return context.new_page()


def _first_page(browser: Browser, address: str, cookie: str) -> dict[str, Any]:
    page = _page(browser, address, cookie)
    begun = time.perf_counter()
    page.goto(address + "/", wait_until="commit")
    page.wait_for_selector("ky-layer-tree [role=treeitem]")
    listed = time.perf_counter() - begun
    page.wait_for_function(USABLE, polling=20)
    usable = time.perf_counter() - begun
    told = page.evaluate(
        "() => { const all = performance.getEntriesByType('resource');"
        " return [all.length, all.reduce((sum, one) => sum + one.transferSize, 0)]; }"
    )
    page.context.close()
    return {"listed": round(listed * 1000), "usable": round(usable * 1000), "requests": told[0], "bytes": told[1]}


_SWITCH = """async (key) => {
  const tree = document.querySelector('ky-layer-tree [role=tree]');
  const press = (name) => tree.dispatchEvent(new KeyboardEvent('keydown', { key: name, bubbles: true, cancelable: true }));
  const picture = () => new Promise((done) => requestAnimationFrame(() => setTimeout(done)));
  const begun = performance.now();
  press(key);
  await picture();
  return performance.now() - begun;
}"""
_DRAWN = "() => document.querySelector('ky-map').map.getStyle().layers.some((one) => one.id.includes('-B'))"
_STATE = """() => { const { map } = document.querySelector('ky-map');
  return { sources: Object.keys(map.getStyle().sources).length, style_layers: map.getStyle().layers.length,
           elements: document.querySelectorAll('*').length }; }"""


def _two_hundred(browser: Browser, address: str, cookie: str) -> dict[str, Any]:
    """Layers found by a word, switched on, drawn, switched off, one after the other; then what is left of them."""
    page = _page(browser, address, cookie)
    page.goto(address + "/")
    page.wait_for_function(USABLE)
    measure = page.context.new_cdp_session(page)
    times: list[float] = []
    before: dict[str, Any] = {}
    words = iter(("湿地", "矿业权", "地质灾害", "草地", "林地"))
    while len(times) < TOGGLED + 10:
        rows = _found(page, next(words))
        for number in range(rows):
            on = page.evaluate(_SWITCH, " ")
            page.wait_for_function(_DRAWN)
            off = page.evaluate(_SWITCH, " ")
            page.evaluate(_SWITCH, "ArrowDown")
            times += [max(on, off)]
            if len(times) == 10:  # the first ones load what is loaded once
                before = {**page.evaluate(_STATE), "heap_mib": _heap(measure)}
            if number == rows - 1 or len(times) >= TOGGLED + 10:
                break
    page.wait_for_timeout(1000)
    after = {**page.evaluate(_STATE), "heap_mib": _heap(measure)}
    page.context.close()
    counted = times[10:]
    return {"layers_switched": len(counted), "median_to_picture": round(median(counted), 1),
            "p95_to_picture": round(quantiles(counted, n=20)[-1], 1), "slowest": round(max(counted), 1),
            "before": before, "after": after}  # fmt: skip


def _found(page: Page, word: str) -> int:
    """Search for a word in the tree; the number of rows listed."""
    page.locator("ky-layer-tree input[type=search]").fill(word)
    page.wait_for_function("() => document.querySelector('.ky-tree-count')")
    page.wait_for_timeout(600)
    return int(page.evaluate("document.querySelector('ky-layer-tree [role=treeitem]').getAttribute('aria-setsize')"))


def _heap(session: Any) -> float:
    """Mebibytes the page's scripts hold after the collector ran."""
    session.send("HeapProfiler.collectGarbage")
    return round(session.send("Runtime.getHeapUsage")["usedSize"] / 2**20, 1)


if __name__ == "__main__":
    sys.exit(0 if all(row["met"] for row in main(sys.argv[1:])) else 1)
