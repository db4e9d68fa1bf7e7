"""``kunyu national``: a simulator of the national platform; send what waits; compare a day's counts. 国家平台."""

from __future__ import annotations

from datetime import date
from pathlib import Path
from typing import Annotated

import typer

from kunyu.engines.matters.national.simulator import Simulator, serve

app = typer.Typer(
    help="国家平台：模拟器、报送、对账。 The national platform: simulator, sending, counts.", no_args_is_help=True
)


@app.command()
def simulator(
    port: Annotated[int, typer.Option(help="端口，0 为任选 / port, 0 for any")] = 8400,
    token: Annotated[str, typer.Option(help="要求的令牌 / token that requests must bear")] = "",
) -> None:
    """启动国家平台模拟器（只在内存，供测试演示）/ Run a simulator of the platform, in memory, for tests."""
    server = serve(Simulator(token=token), port)
    print(f"http://127.0.0.1:{server.server_port}", flush=True)
    server.serve_forever()


@app.command(name="identity")
def identity_simulator(
    certificate: Annotated[Path, typer.Argument(help="写入签名证书的文件 / file to write the certificate to")],
    port: Annotated[int, typer.Option(help="端口，0 为任选 / port, 0 for any")] = 8401,
) -> None:
    """启动统一身份认证模拟器（人员虚构）/ Run a simulator of the national identity platform; nobody in it is real."""
    from kunyu.engines.security.national_identity.simulator import ISSUER
    from kunyu.engines.security.national_identity.simulator import Simulator as Identities
    from kunyu.engines.security.national_identity.simulator import serve as serve_identities

    made = Identities()
    certificate.write_bytes(made.certificate.pem())
    server = serve_identities(made, port)
    address = f"http://127.0.0.1:{server.server_port}"
    for name, value in (("URL", f"{address}/authorise"), ("ASSERTION_URL", f"{address}/assertion"),
                        ("ISSUER", ISSUER), ("CERTIFICATES", certificate), ("NETWORKS", "127.0.0.1")):  # fmt: skip
        print(f"KUNYU_IDENTITY_{name}={value}", flush=True)
    server.serve_forever()


@app.command()
def send() -> None:
    """立即报送待发消息 / Send the messages that wait, now."""
    from kunyu.engines.matters.national.sending import send_waiting

    delivered, failed = send_waiting()
    print(f"已送达 {delivered}，未送达 {failed} / delivered {delivered}, not delivered {failed}")
    raise typer.Exit(1 if failed else 0)


@app.command()
def reconcile(day: Annotated[str, typer.Argument(help="日期，如 2026-11-23 / day")]) -> None:
    """与平台核对一日的消息数 / Compare a day's counts with the platform's."""
    from kunyu.engines.matters.national.sending import reconcile as compare

    found = compare(date.fromisoformat(day))
    if found is None:
        print("未设置 KUNYU_NATIONAL_URL / KUNYU_NATIONAL_URL is not set")
        raise typer.Exit(2)
    print(f"{found.day}: 本节点/ours {found.ours}，平台/theirs {found.theirs}")
    raise typer.Exit(0 if found.is_equal else 1)
