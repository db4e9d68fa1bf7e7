"""What production refuses, all at once and in words, before anything serves. 生产环境检查.

``KUNYU_PRODUCTION=1`` says that real data and real people are meant. What a laptop may do for convenience is then an
error with a remedy, never a warning.
"""

from __future__ import annotations

import os
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

from kunyu.engines.security import key_passphrase
from kunyu.kernel.errors import KunyuError
from kunyu.project.runtime.errors import ProductionRefused
from kunyu.project.runtime.node_settings import NodeSettings
from kunyu.project.runtime.secret import load_secret

DEFAULT_SECRET_KEY = "laptop-only-key-refused-in-production"  # noqa: S105 - the name says what it is
SECRET_KEY_LETTERS = 32


@dataclass(frozen=True)
class Objection:
    """One thing that production does not accept, with its remedy."""

    zh: str
    en: str


def require_production(settings: NodeSettings, environment: Mapping[str, str] = os.environ) -> None:
    """Refuse to start in production while anything stands against it; does nothing elsewhere.

    Raises
    ------
    ProductionRefused
        Names every objection and its remedy.
    """
    if environment.get("KUNYU_PRODUCTION") == "1":
        _refuse([*objections(settings, environment)])


def require_no_demo_accounts(home: Path) -> None:
    """Refuse production while an account of the demonstration still takes the demonstration's password.

    Raises
    ------
    ProductionRefused
    """
    from kunyu.engines.security.models import User
    from kunyu.engines.security.services import DEMO_ACCOUNTS

    password = load_secret(home).demo_password
    names = [account.username for account in DEMO_ACCOUNTS]
    open_ones = [
        u.username for u in User.objects.filter(username__in=names, is_active=True) if u.check_password(password)
    ]
    if open_ones:
        _refuse(
            [
                Objection(
                    f"演示账号 {'、'.join(open_ones)} 仍使用演示口令；请以非生产方式启动，停用这些账号或修改口令",
                    f"the demonstration accounts {', '.join(open_ones)} still take the demonstration password: start "
                    "outside production, then disable them or change their passwords",
                )
            ]
        )


def objections(settings: NodeSettings, environment: Mapping[str, str]) -> Iterator[Objection]:
    """Yield what stands against production in the environment, the settings and the keys."""
    yield from _secret_key(environment)
    for name in ("KUNYU_DEMO", "KUNYU_SAMPLE"):
        if environment.get(name) == "1":
            yield Objection(f"{name}=1 是演示设置；请删除", f"{name}=1 belongs to a demonstration: remove it")
    yield from _hosts(environment)
    yield from _cookies()
    yield from _files(settings.home)
    try:
        key_passphrase.require_safe(settings.home)
    except KunyuError as error:
        yield Objection(error.detail_zh.rstrip("。"), error.detail_en.rstrip("."))


def _secret_key(environment: Mapping[str, str]) -> Iterator[Objection]:
    given = environment.get("KUNYU_SECRET_KEY", "")
    if given and (given == DEFAULT_SECRET_KEY or len(given) < SECRET_KEY_LETTERS):
        yield Objection(
            f"KUNYU_SECRET_KEY 是缺省值或短于 {SECRET_KEY_LETTERS} 个字符；请删除该变量（节点会自行生成）或换用随机值",
            f"KUNYU_SECRET_KEY is the default or shorter than {SECRET_KEY_LETTERS} letters: remove it (the node draws "
            "its own) or give a random one",
        )


def _hosts(environment: Mapping[str, str]) -> Iterator[Objection]:
    if "*" in environment.get("KUNYU_HOSTS", "").split(","):
        yield Objection(
            "KUNYU_HOSTS 含“*”，会接受任何主机名；请写明域名",
            "KUNYU_HOSTS holds '*' and so takes any host name: name yours",
        )


def _cookies() -> Iterator[Objection]:
    from kunyu.project.runtime.django_setup import prepare_django

    prepare_django()
    from django.conf import settings

    for name in ("SESSION_COOKIE_SECURE", "CSRF_COOKIE_SECURE", "SESSION_COOKIE_HTTPONLY"):
        if not getattr(settings, name):
            yield Objection(
                f"设置 {name} 为否，Cookie 会经明文 HTTP 传送或被脚本读取；请恢复缺省值",
                f"the setting {name} is off, so cookies travel in plain HTTP or are read by scripts: restore it",
            )
    if settings.DEBUG:
        yield Objection("设置 DEBUG 为真，会泄露内部信息；请关闭", "DEBUG is on and shows internals: switch it off")


def _files(home: Path) -> Iterator[Objection]:
    for name in ("secret.json", "keys", "keys/ring.json", "keys/node.json"):
        path = home / name
        if path.exists() and path.stat().st_mode & 0o077:
            mode, wanted = path.stat().st_mode & 0o777, "700" if path.is_dir() else "600"
            yield Objection(
                f"{path} 的权限为 {mode:04o}，他人可读；请执行 chmod {wanted} {path}",
                f"{path} has mode {mode:04o}, others may read it: run chmod {wanted} {path}",
            )


def _refuse(found: list[Objection]) -> None:
    if found:
        zh = "".join(f"\n  {number}. {one.zh}。" for number, one in enumerate(found, 1))
        en = "".join(f"\n  {number}. {one.en}." for number, one in enumerate(found, 1))
        raise ProductionRefused(
            f"生产环境（KUNYU_PRODUCTION=1）拒绝启动，有 {len(found)} 处需要改正：{zh}",
            f"Production (KUNYU_PRODUCTION=1) does not start; {len(found)} things must be put right:{en}",
            count=len(found),
        )
