"""``kunyu doctor``: what is wrong with this node and what to do, in words.

Every check answers with a :class:`Result`; none of them changes anything. A check that cannot be made because an earlier
one failed is left out, so that one cause gives one message.
"""

from __future__ import annotations

import os
import shutil
import stat
import subprocess
from collections.abc import Iterator
from pathlib import Path

import psycopg

from kunyu.kernel.errors import KunyuError
from kunyu.project.home import ROOT
from kunyu.project.runtime import front, node_state
from kunyu.project.runtime.backup import object_folder
from kunyu.project.runtime.cluster import PrivateCluster
from kunyu.project.runtime.doctor_database import database_results
from kunyu.project.runtime.doctor_keys import key_results
from kunyu.project.runtime.external_database import connect
from kunyu.project.runtime.node_settings import NodeSettings, node_settings
from kunyu.project.runtime.postgres_programs import find_programs
from kunyu.project.runtime.result import BAD, OK, WARN, Result
from kunyu.project.runtime.supervisor import answers, require_free_port

DISK_WARN, DISK_BAD = 10 * 2**30, 1 * 2**30
OBJECT_SAMPLE = 20
SIGNS = {OK: "✓", WARN: "!", BAD: "✗"}


def language(wanted: str) -> str:
    """Return ``zh`` or ``en``: what was asked for, else what the environment speaks."""
    if wanted in ("zh", "en"):
        return wanted
    spoken = os.environ.get("LC_ALL") or os.environ.get("LC_MESSAGES") or os.environ.get("LANG", "")
    return "en" if spoken.startswith("en") else "zh"


def printed(results: list[Result], lang: str) -> str:
    """Return the answer for people, one line per check, the summary last."""
    lines = []
    for result in results:
        name, text = (result.name_en, result.en) if lang == "en" else (result.name_zh, result.zh)
        lines.append(f"{SIGNS[result.level]} {name}: {text}")
    bad, warn = (sum(result.level == level for result in results) for level in (BAD, WARN))
    zh = "一切正常。" if not bad + warn else f"{bad} 个问题，{warn} 个提醒。"
    en = "Everything is in order." if not bad + warn else f"{bad} problems, {warn} warnings."
    return "\n".join([*lines, en if lang == "en" else zh])


def examine(settings: NodeSettings | None = None) -> list[Result]:
    """Make every check of this machine and node."""
    settings = settings or node_settings()
    results = [
        disk(settings.home),
        secret_file(settings.home),
        node(settings),
        in_front(settings),
        web_build(),
        fonts(),
        recognition(),
    ]
    results += key_results(settings.home)
    results += objects(settings.home)
    database, url = _database(settings)
    results.append(database)
    if url:
        with connect(url) as connection:
            state = node_state.read_state(settings.run_folder)
            results += database_results(connection, settings.home, node_runs=state is not None and state.alive)
    return results


def disk(home: Path) -> Result:
    """Room on the disk of the state folder."""
    place = next(folder for folder in (home, *home.parents) if folder.exists())
    free = shutil.disk_usage(place).free
    level = BAD if free < DISK_BAD else WARN if free < DISK_WARN else OK
    zh, en = f"{home} 剩余 {free / 2**30:.1f} GiB", f"{free / 2**30:.1f} GiB free at {home}"
    if level != OK:
        zh, en = (
            f"{zh}，建议至少 10 GiB；请清理磁盘或移动 KUNYU_HOME",
            f"{en}; 10 GiB is advised: free some or move KUNYU_HOME",
        )
    return Result("磁盘", "Disk", level, zh, en)


def secret_file(home: Path) -> Result:
    """``secret.json`` is there and closed to others."""
    path = home / "secret.json"
    name = ("密钥文件", "Secret file")
    if not path.exists():
        return Result(*name, OK, "尚未创建，kunyu up 会创建", "not made yet; kunyu up makes it")
    mode = stat.S_IMODE(path.stat().st_mode)
    if mode & 0o077:
        remedy = f"chmod 600 {path}"
        return Result(
            *name,
            BAD,
            f"权限为 {mode:o}，他人可读；请执行 {remedy}",
            f"mode {mode:o} lets others read it; run {remedy}",
        )
    return Result(*name, OK, "仅所有者可读", "readable by its owner only")


def node(settings: NodeSettings) -> Result:
    """The node runs and answers, or its port is free."""
    name = ("节点", "Node")
    state = node_state.read_state(settings.run_folder)
    if state is not None and state.alive:
        if answers(f"{state.address}/readyz"):
            return Result(*name, OK, f"运行于 {state.address}", f"runs at {state.address}")
        log = settings.log_folder / "web.log"
        return Result(*name, BAD, f"{state.address} 没有应答，见 {log}", f"{state.address} does not answer, see {log}")
    if state is not None:
        return Result(*name, WARN, "上次异常退出；执行 kunyu up 会清理", "it ended by a crash; kunyu up cleans up")
    try:
        require_free_port(settings)
    except KunyuError as error:
        return Result(*name, BAD, error.detail_zh, error.detail_en)
    return Result(*name, OK, f"没有运行，端口 {settings.port} 空闲", f"not running; port {settings.port} is free")


def web_build() -> Result:
    """The page's scripts are built and not older than their sources."""
    name, built = ("网页构建", "Web build"), ROOT / "web" / "dist"
    if not any(built.rglob("*.js")):
        return Result(
            *name, BAD, "没有构建，页面不能显示地图；请执行 make setup", "absent, pages show no map; run make setup"
        )
    newest = max((path.stat().st_mtime for path in (ROOT / "web" / "src").rglob("*") if path.is_file()), default=0.0)
    if newest > max(path.stat().st_mtime for path in built.rglob("*") if path.is_file()):
        return Result(*name, WARN, "早于源代码；请执行 make setup", "older than its sources; run make setup")
    return Result(*name, OK, "已构建", "built")


def in_front(settings: NodeSettings) -> Result:
    """nginx stands in front of the node, as the settings wish, and runs."""
    name = ("前端 nginx", "nginx in front")
    try:
        program = front.wanted_nginx(settings)
    except KunyuError as error:
        return Result(*name, BAD, error.detail_zh, error.detail_en)
    if program is None:
        here = front.find_nginx()
        hint_zh = "可用 KUNYU_NGINX=on 启用" if here else "本机没有 nginx"
        hint_en = "KUNYU_NGINX=on puts it in front" if here else "this machine has none"
        return Result(*name, OK, f"未使用（{hint_zh}）", f"not used ({hint_en})")
    state = node_state.read_state(settings.run_folder)
    if state is None or not state.alive:
        return Result(*name, OK, f"随节点启动 {program}", f"{program} starts with the node")
    if front.runs(settings.home):
        return Result(*name, OK, f"{program} 在节点前面", f"{program} is in front of the node")
    log = settings.log_folder / "nginx.log"
    return Result(*name, BAD, f"没有运行，见 {log}", f"it does not run, see {log}")


def fonts() -> Result:
    """A font with Chinese letters is installed, for printed reports."""
    name = ("中文字体", "Chinese font")
    try:
        listed = subprocess.run(["fc-list", ":lang=zh", "family"], capture_output=True, text=True, check=False).stdout
    except OSError:
        listed = ""
    if listed.strip():
        family = listed.strip().splitlines()[0].split(",")[0]
        return Result(*name, OK, family, family)
    package = "apt-get install fonts-noto-cjk"
    return Result(
        *name, WARN, f"没有，PDF 报告会缺字；请执行 {package}", f"none, PDF reports would lack letters; run {package}"
    )


def recognition() -> Result:
    """The program that reads scanned materials, and its Chinese language data."""
    from kunyu.engines.matters.materials.recognition import missing_parts

    name, missing = ("光学识别", "Text recognition"), missing_parts()
    if not missing:
        return Result(*name, OK, "tesseract 与中文语言包可用", "tesseract and its Chinese language data are there")
    listed, package = ", ".join(missing), "apt-get install tesseract-ocr tesseract-ocr-chi-sim"
    return Result(
        *name, WARN, f"缺少 {listed}，扫描件不能自动比对，显示为未核验；请执行 {package}",
        f"{listed} missing: scanned materials are not compared and show as not checked; run {package}",
    )  # fmt: skip


def objects(home: Path) -> Iterator[Result]:
    """A sample of the stored objects still has the digests that are their names; encrypted ones open, too."""
    from kunyu.engines.security.protection import store_of

    folder = object_folder(home)
    if folder is None or not folder.is_dir():
        return
    store = store_of(home, str(folder))
    names = list(store.names())
    if not names:
        return
    sample = names[:: max(1, len(names) // OBJECT_SAMPLE)][:OBJECT_SAMPLE]
    name, count, sealed = ("对象存储", "Object store"), len(sample), 0
    broken: list[str] = []
    for sm3 in sample:
        try:
            sealed += store.is_protected(sm3)
            if not store.verify(sm3):
                broken.append(sm3)
        except KunyuError as error:  # no key, or another ring's
            broken.append(f"{sm3} ({error.code})")
    if broken:
        zh = f"{len(broken)}/{count} 个对象与摘要不符或无法解密，例如 {broken[0]}；请从备份恢复并查看审计"
        en = (
            f"{len(broken)} of {count} objects differ from their digest or do not open, such as {broken[0]}; restore a "
        )
        yield Result(*name, BAD, zh, en + "backup and look into the audit")
    else:
        zh = f"抽查 {count} 个对象（其中 {sealed} 个加密），摘要相符"
        yield Result(*name, OK, zh, f"{count} objects sampled ({sealed} encrypted), all have their digest")


def _database(settings: NodeSettings) -> tuple[Result, str]:
    """Whether the database can be asked, and its address if so."""
    name = ("数据库", "Database")
    try:
        if settings.database_url:
            connect(settings.database_url).close()
            return Result(*name, OK, "DATABASE_URL 可以连接", "DATABASE_URL can be reached"), settings.database_url
        programs = find_programs()
        programs.require_postgis()
        cluster = PrivateCluster(settings.home)
        if cluster.running():
            zh, en = f"私有 PostgreSQL {programs.major} 正在运行", f"the private PostgreSQL {programs.major} runs"
            return Result(*name, OK, zh, en), cluster.dsn()
        cluster.account.require_reachable(next(f for f in (settings.home, *settings.home.parents) if f.exists()))
    except KunyuError as error:
        return Result(*name, BAD, error.detail_zh, error.detail_en), ""
    except psycopg.Error as error:
        return Result(*name, BAD, str(error), str(error)), ""
    zh, en = (
        f"私有 PostgreSQL {programs.major} 没有运行；kunyu up 会启动",
        f"the private PostgreSQL {programs.major} is stopped; kunyu up starts it",
    )
    return Result(*name, OK, zh, en), ""
