"""What the node shows of each control right now: configuration as loaded, database as it stands. Nothing is changed."""

from __future__ import annotations

import shutil
import stat
import subprocess
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

from django.conf import settings
from django.db import connection

from kunyu.engines.security import personal_data, zones
from kunyu.engines.security.audit.state import seal_state
from kunyu.engines.security.keys import node_ring, node_signer
from kunyu.engines.security.label_registry import approved_codes
from kunyu.engines.security.labels import label_of_code
from kunyu.engines.security.models import AdminDuty, AuditEntry, User
from kunyu.engines.security.passwords import PASSPHRASE, SHORTEST
from kunyu.engines.security.services import DEMO_ACCOUNTS
from kunyu.engines.security.sign_in_settings import sign_in_settings
from kunyu.project.compliance.controls import MET, NOT_MET, PARTLY, Observed
from kunyu.project.runtime.backup import LAST_BACKUP
from kunyu.project.runtime.provision import SERVE

BACKUP_DAYS = 8
DUTIES = {"system": "系统", "security": "安全", "audit": "审计"}


def passwords() -> Observed:
    """Length, kinds, age and history as configured."""
    rules = sign_in_settings()
    zh = f"不少于 {SHORTEST} 位且三种字符（或 {PASSPHRASE} 位短语），{rules.password_days or '不限'} 天更换，"
    zh += f"不得重复最近 {rules.password_history} 个"
    en = f"≥ {SHORTEST} characters of three kinds (or a phrase of {PASSPHRASE}), {rules.password_days} days, "
    en += f"last {rules.password_history} refused"
    return Observed(MET if 0 < rules.password_days <= 90 else PARTLY, zh, en)


def failures_and_idle() -> Observed:
    """Lock-out and idle end as configured."""
    rules = sign_in_settings()
    good = rules.failures <= 5 and rules.lock_minutes >= 30 and rules.idle_minutes <= 30
    return Observed(
        MET if good else PARTLY,
        f"{rules.failures} 次失败锁定 {rules.lock_minutes} 分钟；空闲 {rules.idle_minutes} 分钟退出"
        f"（管理员 {rules.administrator_idle_minutes} 分钟）",
        f"{rules.failures} failures lock for {rules.lock_minutes} min; idle end {rules.idle_minutes} min "
        f"({rules.administrator_idle_minutes} for administrators)",
    )


def transport() -> Observed:
    """Secure cookies and HSTS are on in production only; TLS itself ends at the proxy."""
    if settings.PRODUCTION and settings.SESSION_COOKIE_SECURE:
        return Observed(PARTLY, "Cookie 仅经 TLS 发送；TLS 由前置代理提供，请核对其证书与套件",
                        "Cookies travel over TLS only; the proxy in front ends TLS: check its certificate and suites")  # fmt: skip
    return Observed(NOT_MET, "演示模式，允许明文 HTTP；生产请设 KUNYU_PRODUCTION=1 并配置 TLS",
                    "Demonstration mode allows plain HTTP; set KUNYU_PRODUCTION=1 and TLS in production")  # fmt: skip


def second_factors() -> Observed:
    """Administrators who have enrolled one."""
    everybody = User.objects.filter(admin_duty__isnull=False, is_active=True)
    enrolled = everybody.exclude(passkeys=None, certificates=None, authenticator__confirmed_at=None).distinct().count()
    count = everybody.count()
    state = MET if count and enrolled == count else PARTLY if enrolled else NOT_MET
    return Observed(
        state, f"{count} 名管理员中 {enrolled} 名已登记第二鉴别因素",
        f"{enrolled} of {count} administrators have a second factor",
    )  # fmt: skip


def default_accounts() -> Observed:
    """Demonstration accounts that can still sign in."""
    names = [account.username for account in DEMO_ACCOUNTS]
    left = list(User.objects.filter(username__in=names, is_active=True).values_list("username", flat=True))
    if left:
        return Observed(NOT_MET, f"演示账号仍可登录：{'、'.join(left)}", f"Demonstration accounts: {', '.join(left)}")
    return Observed(MET, "没有默认账号", "No default accounts")


def three_administrators() -> Observed:
    """Every duty has somebody; the database keeps them apart."""
    filled = set(AdminDuty.objects.filter(user__is_active=True).values_list("duty", flat=True))
    lacking = [name for duty, name in DUTIES.items() if duty not in filled]
    apart = _triggers("duties_apart") >= len(DUTIES)
    if lacking or not apart:
        zh = f"缺少{'、'.join(lacking)}管理员" if lacking else "数据库触发器缺失"
        return Observed(NOT_MET, zh, "A duty has nobody" if lacking else "The database triggers are missing")
    return Observed(MET, "三员齐备，数据库拒绝兼任与授权", "All three exist; the database refuses overlaps")


def row_security() -> Observed:
    """Layer tables without row security, and whether the serving role could pass it by."""
    bare = _one("SELECT count(*) FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace "
                "WHERE n.nspname = 'onemap' AND c.relkind IN ('p', 'r') AND NOT c.relrowsecurity")  # fmt: skip
    whole = _one("SELECT count(*) FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace "
                 "WHERE n.nspname = 'onemap' AND c.relkind = 'p'")  # fmt: skip
    bypass = _one("SELECT count(*) FROM pg_roles WHERE rolname = %s AND (rolsuper OR rolbypassrls)", SERVE)
    state = MET if not bare and not bypass else NOT_MET
    return Observed(
        state, f"{whole} 个图层表启用行级控制，{bare} 个未启用；字段按种类脱敏",
        f"{whole} layer tables with row security, {bare} tables without; fields are masked by kind",
    )  # fmt: skip


def labels() -> Observed:
    """Published datasets without an approved label."""
    bare = _one(
        "SELECT count(DISTINCT l.dataset_id) FROM catalogue_datasetversion v JOIN catalogue_layer l ON l.id = v.layer_id "
        "WHERE v.status = 'published' AND NOT EXISTS (SELECT 1 FROM security_label s WHERE s.state = 'approved' "
        "AND s.collection IN (l.collection, l.dataset_id))"
    )
    count = len(approved_codes())
    return Observed(
        MET if not bare else NOT_MET, f"{count} 个数据集已定标记，{bare} 个已发布数据集没有标记",
        f"{count} datasets bear a label, {bare} published ones bear none",
    )  # fmt: skip


def audit_protected() -> Observed:
    """Guards that refuse changing and deleting records, in the database."""
    missing = seal_state().guards_missing
    if missing:
        said = "、".join(f"{table}.{guard}" for table, guard in missing)
        return Observed(NOT_MET, f"缺少触发器：{said}", f"Missing triggers: {said}")
    return Observed(
        MET, "数据库拒绝更新、删除与清空审计记录", "The database refuses to change, delete or truncate records"
    )


def audit_sealed() -> Observed:
    """Whether the chain holds and the seal keeps up."""
    found = seal_state()
    state = NOT_MET if not found.healthy else MET if found.anchors else PARTLY
    return Observed(
        state,
        f"已封存 {found.sealed} 条，待封存 {found.unsealed} 条（最早 {found.oldest_s:.0f} 秒）；"
        f"{'已设外部锚定' if found.anchors else '未设外部锚定'}",
        f"{found.sealed} sealed, {found.unsealed} waiting (oldest {found.oldest_s:.0f} s); "
        f"{'anchored outside' if found.anchors else 'no anchor outside'}",
    )


def audit_kept() -> Observed:
    """Nothing deletes records, so their age is that of the node."""
    first = AuditEntry.objects.order_by("pk").values_list("at", flat=True).first()
    return Observed(MET, f"不删除审计记录；最早一条 {first:%Y-%m-%d}" if first else "不删除审计记录",
                    f"Records are never deleted; the first is of {first:%Y-%m-%d}" if first else "Never deleted")  # fmt: skip


def ports() -> Observed:
    """Whether the database listens on the network."""
    addresses = str(_one("SHOW listen_addresses")).strip()
    if addresses:
        return Observed(PARTLY, f"数据库监听 {addresses}", f"The database listens on {addresses}")
    return Observed(MET, "数据库只有本机套接字，节点只开一个端口", "The database has a local socket only")


def input_validation() -> Observed:
    """Whether cross-site and framing guards are loaded."""
    wanted = ("cross_site", "headers", "SecurityMiddleware")
    lacking = [name for name in wanted if not any(name in one for one in settings.MIDDLEWARE)]
    state = NOT_MET if lacking else MET
    return Observed(state, f"缺少 {lacking}" if lacking else "接口值按描述检验，SQL 参数绑定，页面转义",
                    f"Missing {lacking}" if lacking else "Values checked, SQL bound, pages escaped")  # fmt: skip


def program_integrity() -> Observed:
    """Installed from locked digests; nothing verifies the running program."""
    return Observed(PARTLY, "依赖按摘要锁定安装；运行中的程序未作可信度量，请用可信计算平台",
                    "Dependencies are installed by digest; the running program is not measured: use a trusted platform")  # fmt: skip


def storage_integrity() -> Observed:
    """Files bear the name of their digest; database pages have checksums."""
    checksums = _one("SHOW data_checksums")
    return Observed(
        MET if checksums == "on" else PARTLY, f"文件以 SM3 摘要为名；数据库页校验 {checksums}",
        f"Files are named by SM3; database page checksums {checksums}",
    )  # fmt: skip


def storage_encryption() -> Observed:
    """Keys that encrypt fields and files."""
    names = node_ring().names()
    return Observed(MET if names else NOT_MET, f"字段与文件密钥 {len(names)} 个（SM4）",
                    f"{len(names)} keys for fields and files (SM4)")  # fmt: skip


def backup() -> Observed:
    """Age of the newest backup that this node made."""
    mark = Path(settings.KUNYU_HOME) / LAST_BACKUP
    if not mark.exists():
        return Observed(NOT_MET, "还没有备份过；请执行 kunyu backup", "Never backed up; run kunyu backup")
    days = (time.time() - mark.stat().st_mtime) / 86_400
    state = MET if days < BACKUP_DAYS else PARTLY
    return Observed(state, f"最近备份在 {days:.1f} 天前", f"The newest backup is {days:.1f} days old")


def residual() -> Observed:
    """Where plain copies could be left: the folder is closed to others."""
    mode = stat.S_IMODE(Path(settings.KUNYU_HOME, "keys").stat().st_mode) if _has("keys") else 0o700
    return Observed(MET if not mode & 0o077 else NOT_MET, "密钥用后清零，明文临时副本随用随删",
                    "Keys are zeroised, plain copies removed after use")  # fmt: skip


def personal_data_kept() -> Observed:
    """Personal fields are encrypted and masked."""
    columns = [field for field in User._meta.get_fields() if isinstance(field, personal_data.EncryptedText)]
    return Observed(MET if columns else NOT_MET, f"用户的 {len(columns)} 个个人信息字段加密存储、默认脱敏",
                    f"{len(columns)} personal fields of accounts are encrypted and masked by default")  # fmt: skip


def zone() -> Observed:
    """Datasets with data here whose label does not belong here."""
    here = zones.current_zone()
    strangers = [name for name, code in approved_codes().items() if not here.holds(label_of_code(code))]
    held = _one(
        "SELECT count(DISTINCT l.dataset_id) FROM catalogue_datasetversion v JOIN catalogue_layer l ON l.id = v.layer_id "
        "WHERE v.status = 'published' AND l.dataset_id = ANY(%s)",
        strangers,
    )
    return Observed(
        MET if not held else NOT_MET, f"本节点在{here.name_zh}，最高“{here.ceiling.name_zh}”；{held} 个数据集不应在此",
        f"This node stands in the {here.name_en}; {held} datasets here do not belong",
    )  # fmt: skip


def clock() -> Observed:
    """Whether the system says that its clock is synchronised."""
    program = shutil.which("timedatectl")
    if program is None:
        return Observed(PARTLY, "无法得知时钟是否同步", "Cannot tell whether the clock is synchronised")
    done = subprocess.run(
        [program, "show", "-p", "NTPSynchronized", "--value"], capture_output=True, text=True, check=False
    )
    synchronised = done.stdout.strip() == "yes"
    return Observed(MET if synchronised else PARTLY, "时钟已同步" if synchronised else "系统未报告时钟同步",
                    "Synchronised" if synchronised else "The system does not report synchronisation")  # fmt: skip


def keys() -> Observed:
    """The ring and the node's certificate."""
    signer = node_signer()
    return Observed(MET, f"密钥环 {len(node_ring().names())} 个数据密钥；节点证书至 {signer.certificate.not_after:%Y-%m-%d}",
                    f"{len(node_ring().names())} data keys; node certificate until {signer.certificate.not_after:%Y-%m-%d}")  # fmt: skip


def certified_module() -> Observed:
    """The software provider is not certified, and says so."""
    return Observed(NOT_MET, "软件算法实现，未经认证，仅供功能验证；生产请接入认证密码设备",
                    "Software, not certified, for function tests; connect a certified device in production")  # fmt: skip


def _has(name: str) -> bool:
    return Path(settings.KUNYU_HOME, name).is_dir()


def _one(statement: str, *values: Any) -> Any:
    with connection.cursor() as cursor:
        cursor.execute(statement, list(values) or None)
        row = cursor.fetchone()
    return row[0] if row else None


def _triggers(name: str) -> int:
    return int(_one("SELECT count(*) FROM pg_trigger WHERE tgname = %s AND tgenabled <> 'D'", name))


CHECKS: dict[str, Callable[[], Observed]] = {
    one.__name__: one
    for one in (
        passwords, failures_and_idle, transport, second_factors, default_accounts, three_administrators, row_security,
        labels, audit_protected, audit_sealed, audit_kept, ports, input_validation, program_integrity,
        storage_integrity, storage_encryption, backup, residual, zone, clock, keys, certified_module,
    )
} | {"personal_data": personal_data_kept}  # fmt: skip
