"""What permissions cost: a restricted user against one with all grants, and identity, grant and audit of a request.

One node with 25,000 datasets (each labelled), 700,000 grants of 2,000 people, and one county of sample parcels, loaded
through its own delivery. Behind it a restricted user: 5,000 grants on 2,500 single datasets and a hundred more on the
parcels, county by county at two ceilings. The peer has one grant on everything. Both sign in with a session cookie and
ask the same over HTTP, one after the other, request by request in turns; a round is the ratio of the two medians, the
result the median of the rounds. What both get is compared first, so that nobody is fast by answering less.

* ``access.features``: a page of 1,000 parcels of a box; ``access.tiles``: tiles at zoom 14; ``access.catalogue``: the
  page of a search in the list of datasets.
* ``access.request``: in one process, from a cookie to the principal, the grant on the parcels, and the record of the
  read in the audit, each time in another extent so that an entry is really written and committed (fsync on).

Run: ``python -m benchmarks.access [--parcels N] [--rounds R]``; ``KUNYU_BENCH_HOME`` as for tiles.
"""

from __future__ import annotations

import argparse
import http.client
import json
import os
import random
import shutil
import sys
import tempfile
import time
from dataclasses import dataclass
from pathlib import Path
from statistics import median
from typing import TYPE_CHECKING, Any

from benchmarks import tiles
from benchmarks.tile_servers import run_node

if TYPE_CHECKING:
    from kunyu.engines.security.models import User
    from kunyu.project.runtime.cluster import PrivateCluster

ROOT = Path(__file__).resolve().parents[1]
RESULT = ROOT / "benchmarks" / "results" / "access.json"
DATASETS, GRANTS, PEOPLE = 25_000, 700_000, 2_000
OWN_DATASETS, OWN_COUNTIES = 2_500, 50
BAR_RATIO, BAR_REQUEST_MS, LEAST_MS = 1.3, 3.0, 10.0
TILES, EACH = 24, 24
SEED = 11
WORDS = ("耕地", "林地", "草地", "湿地", "永久基本农田", "城镇开发边界", "不动产登记", "地质灾害", "矿业权", "海域使用")


@dataclass(frozen=True)
class Asker:
    """Somebody with a session, and the HTTP connection he keeps open."""

    cookie: str
    connection: http.client.HTTPConnection

    def get(self, path: str) -> tuple[int, bytes, float]:
        """Status, body and seconds of one answer."""
        begun = time.perf_counter()
        self.connection.request("GET", path, headers={"Cookie": self.cookie})
        answer = self.connection.getresponse()
        body = answer.read()
        return answer.status, body, time.perf_counter() - begun


def main(arguments: list[str]) -> list[dict[str, Any]]:
    """Measure, print a table, write the results; answers with them."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--parcels", type=int, default=150_000)
    parser.add_argument("--rounds", type=int, default=7)
    asked = parser.parse_args(arguments)
    kept = os.environ.get("KUNYU_BENCH_HOME")
    home = Path(kept) if kept else Path(tempfile.mkdtemp(prefix="ky-bench-access-"))
    home.mkdir(exist_ok=True)
    home.chmod(0o711)
    from kunyu.project.runtime.cluster import PrivateCluster

    cluster = PrivateCluster(home).ensure()
    try:
        environment, records = tiles._prepare(cluster, home, asked.parcels)
        work = {**_fill(cluster), "parcels": records, "rounds": asked.rounds, "requests_per_round": EACH}
        about = {"versions": tiles._versions(), "machine": tiles._machine()}
        rows = [*_over_http(home, environment, asked.rounds, work, about), _request(asked.rounds, work, about)]
    finally:
        cluster.stop()
        if not kept:
            shutil.rmtree(home, ignore_errors=True)
    RESULT.parent.mkdir(exist_ok=True)
    RESULT.write_text(json.dumps(rows, ensure_ascii=False, indent=1) + "\n", encoding="utf-8")
    for row in rows:
        print(f"{row['name']:<18} {row['project']:>8} {row['peer'] or '-':>8} {row['work']['unit']}  ratio {row['ratio'] or '-'}  "
              f"bar {row['bar']}  {'met' if row['met'] else 'NOT MET'}")  # fmt: skip
    return rows


# -- the node's content ---------------------------------------------------------------------------------------------


def _fill(cluster: PrivateCluster) -> dict[str, int]:
    """Datasets with labels, people, grants; row security on the layers. Answers with the counts."""
    from django.db import connection

    from kunyu.engines.catalogue.models import Dataset
    from kunyu.engines.catalogue.row_security import ensure_row_security
    from kunyu.engines.security.models import Grant, User
    from kunyu.engines.security.zones import record_zone

    record_zone()
    ensure_row_security()
    _datasets(DATASETS - Dataset.objects.count())
    codes = list(Dataset.objects.order_by("code").values_list("code", flat=True))
    restricted, whole = _person("bench-restricted"), _person("bench-whole")
    Grant.objects.filter(user__in=[restricted, whole]).delete()
    Grant.objects.bulk_create(Grant(user=whole, action=action) for action in ("see", "query"))
    Grant.objects.bulk_create(_restricted_grants(restricted, codes))
    missing = GRANTS - Grant.objects.count()
    if missing > 0:
        people = [f"bench-{number}" for number in range(PEOPLE)]
        User.objects.bulk_create(
            [User(username=name, name_zh=name, password="!") for name in people], ignore_conflicts=True
        )
        _grants(missing, list(User.objects.filter(username__in=people).values_list("pk", flat=True)), codes)
    tiles._settle(cluster)
    with connection.cursor() as cursor:
        cursor.execute("SELECT (SELECT count(*) FROM catalogue_dataset), (SELECT count(*) FROM security_grant), "
                       "(SELECT count(*) FROM security_grant WHERE user_id = %s)", [restricted.pk])  # fmt: skip
        datasets, grants, own = cursor.fetchone()
    return {"datasets": datasets, "grants": grants, "grants_of_restricted": own}


def _person(name: str) -> User:
    from kunyu.engines.security.models import User

    return User.objects.get_or_create(username=name, defaults={"name_zh": name, "password": "!"})[0]


def _datasets(count: int) -> None:
    from kunyu.engines.catalogue.models import CatalogueItem, Dataset
    from kunyu.engines.security.models import Label

    items = list(CatalogueItem.objects.filter(level=3).order_by("position"))
    chance = random.Random(SEED)
    made = [
        Dataset(
            code=f"{items[n % len(items)].code}-B{n:05d}", item=items[n % len(items)], position=1000 + n,
            name_zh=f"{chance.choice(WORDS)}{chance.choice(WORDS)}专题{n}", name_en=f"Theme {n}", producer_zh="基准",
            level="内部", classification="内部", update_mode="年度", source="benchmarks/access.py",
        )
        for n in range(max(count, 0))
    ]  # fmt: skip
    Dataset.objects.bulk_create(made, batch_size=5_000)
    Label.objects.bulk_create(
        [Label(collection=one.code, secrecy=1, grading=0, sharing=1, reason="基准", state="approved", proposed_by="a",
               decided_by="b") for one in made],
        batch_size=5_000,
    )  # fmt: skip


def _restricted_grants(user: User, codes: list[str]) -> list[Any]:
    from kunyu.engines.security.models import Grant

    own = random.Random(SEED).sample([code for code in codes if not code.startswith(tiles.PARCELS)], OWN_DATASETS)
    grants = [Grant(user=user, action=action, branch=code) for code in own for action in ("see", "query")]
    for number in range(OWN_COUNTIES):
        county = f"9901{number + 1:02d}"
        grants += [Grant(user=user, action="see", branch=tiles.PARCELS, division_prefix=county),
                   Grant(user=user, action="query", branch=tiles.PARCELS, division_prefix=county,
                         max_grading=number % 2)]  # fmt: skip
    return grants


def _grants(count: int, people: list[int], codes: list[str]) -> None:
    """Grants of other people, by COPY: single datasets and branches, single counties and whole provinces."""
    from django.db import connection, transaction

    chance = random.Random(SEED)
    columns = ("user_id", "branch", "division_prefix", "within_post", "action", "max_secrecy", "max_grading",
               "max_sharing", "reveals", "reason", "granted_by", "granted_at")  # fmt: skip
    rest = "2\t0\t1\t{}\t基准\tbench\t2026-01-01"
    statement = f"COPY security_grant ({', '.join(columns)}) FROM STDIN"
    with transaction.atomic(), connection.cursor() as cursor, cursor.copy(statement) as copy:
        for number in range(count):
            code = chance.choice(codes)
            branch = code if number % 5 else code[: chance.choice((1, 3, 5))]
            division = f"{chance.randrange(110000, 660000)}"[: chance.choice((2, 4, 6, 6))]
            action = ("see", "query", "query", "download", "edit")[number % 5]
            copy.write(f"{people[number % len(people)]}\t{branch}\t{division}\tf\t{action}\t{rest}\n")


# -- over HTTP --------------------------------------------------------------------------------------------------------


def _cookie(name: str) -> str:
    from django.conf import settings
    from django.test import Client

    from kunyu.engines.security.models import User

    client = Client()
    client.force_login(User.objects.get(username=name))
    return f"{settings.SESSION_COOKIE_NAME}={client.cookies[settings.SESSION_COOKIE_NAME].value}"


def _paths() -> dict[str, list[str]]:
    """What is asked for, by figure."""
    addresses = tiles._tiles_with_data()
    chance = random.Random(SEED)
    chance.shuffle(addresses)
    base = f"/ogc/collections/{tiles.PARCELS}"
    boxes = []
    for one in addresses[:EACH]:
        box = one.grid.lonlat(one.plane)
        boxes.append(f"{box.x_min:.6f},{box.y_min:.6f},{box.x_max:.6f},{box.y_max:.6f}")
    return {
        "features": [f"{base}/items?f=json&limit=1000&bbox={box}" for box in boxes],
        "tiles": [f"{base}/tiles/WebMercatorQuad/{a.zoom}/{a.row}/{a.column}" for a in addresses[:TILES]],
        "catalogue": [f"/catalogue/?q={_quoted(word)}" for word in WORDS],
    }


def _quoted(text: str) -> str:
    from urllib.parse import quote

    return quote(text)


def _over_http(
    home: Path, environment: dict[str, str], rounds: int, work: dict[str, Any], about: dict[str, Any]
) -> list[dict[str, Any]]:
    cookies = {name: _cookie(name) for name in ("bench-restricted", "bench-whole")}
    paths = _paths()
    with run_node(home, environment, "") as node:
        askers = [Asker(cookie, node.connect()) for cookie in cookies.values()]
        return [_compared(name, listed, askers, rounds, work, about) for name, listed in paths.items()]


def _compared(
    name: str, paths: list[str], askers: list[Asker], rounds: int, work: dict[str, Any], about: dict[str, Any]
) -> dict[str, Any]:
    sizes = _same_answers(name, paths, askers)
    ratios, mine, theirs = [], [], []
    for _ in range(rounds):
        taken: list[list[float]] = [[], []]
        for number in range(EACH):
            path = paths[number % len(paths)]
            for side in (0, 1) if number % 2 else (1, 0):
                status, _, seconds = askers[side].get(path)
                assert status in (200, 204), (path, status)
                taken[side].append(seconds * 1000)
        mine.append(median(taken[0]))
        theirs.append(median(taken[1]))
        ratios.append(mine[-1] / theirs[-1])
    ratio, project, peer = median(ratios), median(mine), median(theirs)
    listed = {"project_rounds": [round(one, 2) for one in mine], "peer_rounds": [round(one, 2) for one in theirs]}
    return {"name": f"access.{name}", "work": {**work, "unit": "ms", **sizes, **listed}, "project": round(project, 2),
            "peer": round(peer, 2), "ratio": round(ratio, 3), "bar": BAR_RATIO,
            "met": ratio <= BAR_RATIO and peer >= LEAST_MS, **about}  # fmt: skip


def _same_answers(name: str, paths: list[str], askers: list[Asker]) -> dict[str, int]:
    """Ask everything once on both sides: features and tiles must be equal; a list is as long as its person may see."""
    sizes = [0, 0]
    for path in paths:
        answers = [asker.get(path) for asker in askers]
        assert all(status in (200, 204) for status, _, _ in answers), (path, [one[:1] for one in answers])
        bodies = [body for _, body, _ in answers]
        if name == "features":
            found = [[one["id"] for one in json.loads(body)["features"]] for body in bodies]
            assert found[0] == found[1] and found[0], path
        elif name == "tiles":
            assert bodies[0] == bodies[1], path
        sizes = [size + len(body) for size, body in zip(sizes, bodies, strict=True)]
    return {"bytes_restricted": sizes[0], "bytes_whole": sizes[1]}


# -- one request ------------------------------------------------------------------------------------------------------


def _request(rounds: int, work: dict[str, Any], about: dict[str, Any]) -> dict[str, Any]:
    """Milliseconds from the cookie to the recorded read, in this process; the entry is written and committed."""
    name, _, value = _cookie("bench-restricted").partition("=")
    medians, kept = [], []
    for number in range(rounds):
        first = [_one_request({name: value}, number * 1000 + step) for step in range(200)]
        again = [_one_request({name: value}, number * 1000) for _ in range(200)]
        medians.append(median(first))
        kept.append(median(again))
    project = median(medians)
    listed = {"project_rounds": [round(one, 3) for one in medians], "read_already_on_record": round(median(kept), 3)}
    return {"name": "access.request", "work": {**work, "unit": "ms", "requests_per_round": 200, **listed},
            "project": round(project, 3), "peer": None, "ratio": None, "bar": BAR_REQUEST_MS,
            "met": project <= BAR_REQUEST_MS, **about}  # fmt: skip


def _one_request(cookies: dict[str, str], place: int) -> float:
    from django.contrib.sessions.middleware import SessionMiddleware
    from django.http import HttpRequest, HttpResponse, HttpResponseBase
    from django.test import RequestFactory

    from kunyu.engines.security import audit, scope
    from kunyu.engines.security.middleware import PrincipalMiddleware

    west = 70 + place % 500 / 10
    south = 10 + place // 500 / 10

    def view(request: HttpRequest) -> HttpResponse:
        principal = request.principal  # type: ignore[attr-defined]
        granted = scope.resolve(principal, tiles.PARCELS)
        audit.record_read(
            principal, tiles.PARCELS, (west, south, west + 0.05, south + 0.05), granted.label.code, "bench"
        )
        return HttpResponse()

    request = RequestFactory().get("/ogc/collections")
    request.COOKIES.update(cookies)
    handler = SessionMiddleware(PrincipalMiddleware(view))
    begun = time.perf_counter()
    answer = handler(request)
    taken = (time.perf_counter() - begun) * 1000
    assert isinstance(answer, HttpResponseBase) and answer.status_code == 200
    return taken


if __name__ == "__main__":
    sys.exit(0 if all(row["met"] for row in main(sys.argv[1:])) else 1)
