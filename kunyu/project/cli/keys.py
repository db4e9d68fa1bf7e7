"""``kunyu keys``: look at the node's keys and rotate them while it works. 密钥管理命令."""

from __future__ import annotations

import json
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Annotated

import typer

from kunyu.kernel.errors import KunyuError

app = typer.Typer(help="密钥：查看、轮换、重新加密、销毁。 Keys: look, rotate, renew, destroy.", no_args_is_help=True)
Json = Annotated[bool, typer.Option("--json", help="只输出一个 JSON 文档 / one JSON document on stdout")]
FINDINGS = 1


@app.command(name="list")
def list_keys(as_json: Json = False) -> None:
    """列出密钥、版本与节点证书（不含密钥本身）/ List keys, versions and the node's certificate; never a key itself."""
    from kunyu.engines.security.key_services import described

    found = described()
    if as_json:
        typer.echo(json.dumps(found, ensure_ascii=False))
        return
    typer.echo(f"密钥环 ring: serial {found['serial']}, root {found['root']}")
    for key in found["keys"]:
        versions = ", ".join(f"v{v['version']} {v['status']} {v['created'][:10]}" for v in key["versions"])
        typer.echo(f"  {key['name']:<20} {key['purpose']:<6} {versions}")
    signing = found["signing"]
    typer.echo(f"签名证书 signing: {signing['subject']}\n  SM3 {signing['fingerprint']}, → {signing['not_after'][:10]}")


@app.command()
def certificate() -> None:
    """输出节点证书（PEM，公开）/ Print the node's certificates, newest first (PEM, public)."""
    from kunyu.engines.security import keys, node_identity

    for one in node_identity.certificates(keys.home_folder() / keys.FOLDER):
        typer.echo(one.pem().decode("ascii"), nl=False)


@app.command()
def rotate(
    name: Annotated[str, typer.Argument(help="密钥名，如 personal/fields；签名密钥为 node/signing / the key's name")],
    as_json: Json = False,
) -> None:
    """轮换数据密钥或签名密钥；旧数据仍可读 / New version of a data key or the signing key; old data stays readable."""
    from kunyu.engines.security import key_services

    with _database():
        version = key_services.rotate(name, _actor())
    _tell(as_json, {"name": name, "version": version},
          f"“{name}”现为第 {version} 版；旧数据仍可读，请择时执行 kunyu keys renew。",
          f"'{name}' is now version {version}; old data stays readable, run kunyu keys renew at leisure.")  # fmt: skip


@app.command()
def rotate_domain(
    domain: Annotated[str, typer.Argument(help="域名，如 personal / the domain")], as_json: Json = False
) -> None:
    """更换域密钥并重新包裹其下数据密钥 / New key for a domain; its data keys are wrapped anew, no data is touched."""
    from kunyu.engines.security import key_services

    with _database():
        count = key_services.rotate_domain(domain, _actor())
    _tell(as_json, {"domain": domain, "wrapped": count}, f"域“{domain}”已更换密钥，重新包裹 {count} 个数据密钥。",
          f"Domain '{domain}' has a new key; {count} data keys were wrapped anew.")  # fmt: skip


@app.command()
def rotate_root(as_json: Json = False) -> None:
    """更换根密钥与口令 / New root key under the coming passphrase (second line of the passphrase file)."""
    from kunyu.engines.security import key_services

    if key_services.leaves_secret_file():
        _require_stopped()
    with _database():
        source = key_services.rotate_root(_actor())
    _tell(as_json, {"source": source}, f"根密钥已更换，口令来源：{source}。",
          f"The root key is a new one; its passphrase comes from: {source}.")  # fmt: skip


@app.command()
def renew(as_json: Json = False) -> None:
    """把旧版本加密的字段与文件转到现版本；可中断后重做 / Bring fields and files under the active versions; resumable."""
    from kunyu.engines.ingest.storage import protect_stored
    from kunyu.engines.security import key_services

    def further() -> int:
        return protect_stored(lambda done, total: _progress("labels", done, total))

    with _database():
        done = key_services.renew(_actor(), _progress, further)
    print(file=sys.stderr)
    _tell(as_json, done.as_json(),
          f"已更新 {done.rows} 行、{done.files} 个文件；{len(done.failed)} 处无法解密{'：' if done.failed else ''}"
          f"{'；'.join(done.failed[:10])}",
          f"{done.rows} rows and {done.files} files renewed; {len(done.failed)} would not open.")  # fmt: skip
    if done.failed:
        raise typer.Exit(FINDINGS)


@app.command()
def destroy(
    name: Annotated[str, typer.Argument(help="密钥名 / the key's name")],
    version: Annotated[int, typer.Argument(min=1, help="已停用的版本 / a retired version")],
    as_json: Json = False,
) -> None:
    """销毁已停用且不再使用的版本，不可恢复 / Destroy a retired version that nothing needs; for good."""
    from kunyu.engines.security import key_services

    with _database():
        key_services.destroy(name, version, _actor())
    _tell(as_json, {"name": name, "destroyed": version}, f"“{name}”第 {version} 版已销毁。",
          f"Version {version} of '{name}' was destroyed.")  # fmt: skip


def _actor():  # type: ignore[no-untyped-def]  # the type would import Django for every command
    from kunyu.engines.security.session import principal_of_command_line

    return principal_of_command_line()


def _progress(what: str, done: int, total: int) -> None:
    print(f"\r· {what} {done}/{total}", end="\n" if done >= total else "", file=sys.stderr, flush=True)


def _tell(as_json: bool, values: dict[str, object], zh: str, en: str) -> None:
    typer.echo(json.dumps(values, ensure_ascii=False) if as_json else f"{zh} {en}")


@contextmanager
def _database() -> Iterator[None]:
    """The audit needs the database: a stopped private one is started for the act and stopped again."""
    from django.db import connections

    from kunyu.project.runtime.cluster import PrivateCluster
    from kunyu.project.runtime.node_settings import node_settings

    settings = node_settings()
    cluster = None if settings.database_url else PrivateCluster(settings.home)
    if cluster is None or not (cluster.data / "PG_VERSION").exists() or cluster.running():
        yield
        return
    cluster.ensure()
    try:
        yield
    finally:
        connections.close_all()
        cluster.stop()


def _require_stopped() -> None:
    from kunyu.project.runtime import node_state
    from kunyu.project.runtime.errors import NodeRunning
    from kunyu.project.runtime.node_settings import node_settings

    state = node_state.read_state(node_settings().run_folder)
    if state is not None and state.alive:
        error: KunyuError = NodeRunning(
            "节点正在运行，且不知道新口令的来源。请先 kunyu down，更换后带着 KUNYU_KEY_PASSPHRASE_FILE 启动。",
            "The node runs and does not know where the new passphrase comes from. Run kunyu down, rotate, then start it "
            "with KUNYU_KEY_PASSPHRASE_FILE.",
        )
        raise error
