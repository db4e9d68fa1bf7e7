"""``kunyu soft-token``: a key file for signing in, on the person's own machine; needs no node. 软证书命令."""

from __future__ import annotations

import base64
import os
import secrets
import sys
from pathlib import Path
from typing import Annotated

import typer

from kunyu.kernel.errors import Refused, UsageError
from kunyu.project.home import state_home

app = typer.Typer(
    help="软证书：生成、签名、测试签发。不是经认证的密码设备。 / Software certificates; not a certified device.",
    no_args_is_help=True,
)
VARIABLE = "KUNYU_SOFT_TOKEN_PASSPHRASE"
SOON_ZH = "把请求文件交给证书签发机构；拿到证书后，在登录页同时选择私钥和证书两个文件。"
SOON_EN = "Hand the request to a certificate authority; with the certificate, choose both files at the sign-in page."


class FileStandsThere(UsageError):
    """A file of that name would be overwritten."""

    code = "file_exists"


class NothingIssuedHere(Refused):
    """A node in production issues no certificates."""

    code = "nothing_issued_here"


@app.command()
def create(
    file: Annotated[Path, typer.Argument(help="文件名，不带后缀 / file name without suffix")],
    name: Annotated[str, typer.Option(help="姓名 / the person's name")],
    organisation: Annotated[str, typer.Option(help="单位 / organisation")] = "",
) -> None:
    """生成加密私钥（.key.pem）和证书请求（.csr.pem） / Make an encrypted key and a certificate request."""
    from kunyu.kernel.crypto import soft_token

    key_file, request_file = (file.with_name(file.name + suffix) for suffix in (".key.pem", ".csr.pem"))
    made = soft_token.create(name, organisation, _passphrase(twice=True))
    _write(key_file, made.key, 0o600)
    _write(request_file, made.request, 0o644)
    typer.echo(f"{key_file}\n{request_file}")
    typer.echo(f"{SOON_ZH}\n{SOON_EN}", err=True)


@app.command()
def sign(
    key: Annotated[Path, typer.Argument(help="私钥文件 / key file", exists=True, dir_okay=False)],
    message: Annotated[
        str, typer.Option(help="登录页给出的文字，缺省读标准输入 / the text; by default from stdin")
    ] = "",
) -> None:
    """对登录挑战签名，输出 Base64 / Sign a sign-in challenge; prints Base64."""
    from kunyu.kernel.crypto import soft_token

    text = message.encode() if message else sys.stdin.buffer.read()
    typer.echo(base64.b64encode(soft_token.sign(key.read_bytes(), _passphrase(twice=False), text)).decode("ascii"))


@app.command("test-certify")
def certify(
    request: Annotated[Path, typer.Argument(help="证书请求 / certificate request", exists=True, dir_okay=False)],
) -> None:
    """用本机的测试签发者签发，仅限演示节点 / Certify by a test issuer of this node; demonstrations only."""
    from kunyu.kernel.crypto import soft_token

    if os.environ.get("KUNYU_PRODUCTION") == "1":
        raise NothingIssuedHere(
            "正式运行的节点不签发证书，请向证书签发机构申请。",
            "A node in production issues no certificates; ask a certificate authority.",
        )
    folder = state_home() / "trust"
    folder.mkdir(parents=True, exist_ok=True, mode=0o700)
    root_file, key_file, word_file = (folder / f"test-issuer{suffix}" for suffix in (".pem", ".key", ".word"))
    if not root_file.exists():
        word = secrets.token_urlsafe(24).encode()
        issuer_key, root = soft_token.make_test_issuer(word)
        _write(word_file, word, 0o600)
        _write(key_file, issuer_key, 0o600)
        _write(root_file, root.pem(), 0o644)
    root = soft_token.read_certificate(root_file.read_bytes())
    made = soft_token.certify(key_file.read_bytes(), word_file.read_bytes(), root, request.read_bytes())
    place = request.with_name(request.name.removesuffix(".csr.pem").removesuffix(".pem") + ".crt.pem")
    _write(place, made.pem(), 0o644)
    typer.echo(str(place))


def _passphrase(*, twice: bool) -> bytes:
    given = os.environ.get(VARIABLE)
    if given is not None:
        return given.encode()
    said: str = typer.prompt("口令 / passphrase", hide_input=True, confirmation_prompt=twice, err=True)
    return said.encode()


def _write(path: Path, content: bytes, mode: int) -> None:
    try:
        descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, mode)
    except FileExistsError:
        raise FileStandsThere(
            f"文件 {path} 已存在，不会覆盖；请换一个名字。",
            f"{path} exists and is not overwritten; choose another name.",
        ) from None
    with os.fdopen(descriptor, "wb") as stream:
        stream.write(content)
