"""What the environment says about this node (contract.md, "Commands"); every default is safe on a laptop."""

from __future__ import annotations

import os
from dataclasses import dataclass
from pathlib import Path

from kunyu.kernel.errors import UsageError
from kunyu.project.home import state_home

LOOPBACK = "127.0.0.1"
DEFAULT_NGINX = "off"


@dataclass(frozen=True)
class NodeSettings:
    """Address, state folder and size of a node.

    Attributes
    ----------
    home : Path
        State folder, ``KUNYU_HOME``.
    port : int
        TCP port, ``KUNYU_PORT``.
    bind : str
        Address to listen on, ``KUNYU_BIND``; only this machine unless told otherwise.
    database_url : str
        ``DATABASE_URL``; empty means the private cluster.
    web_workers, web_threads : int
        ``KUNYU_WEB_WORKERS``, ``KUNYU_WEB_THREADS``: two of each, since more backends than cores cost a third.
    sample : bool
        Load the sample county at the first start (``KUNYU_SAMPLE``; never in production).
    events_port : int
        TCP port of the events process, ``KUNYU_EVENTS_PORT``; 0: any free one, told to the web workers.
    nginx : str
        ``KUNYU_NGINX``: ``auto`` puts nginx in front where this machine has one, ``on`` insists, ``off`` does without,
        a path names the program.
    trusted_proxies : str
        ``KUNYU_SIGN_IN_TRUSTED_PROXIES``: proxies before this node whose word about the client is believed.
    """

    home: Path
    port: int = 8080
    bind: str = LOOPBACK
    database_url: str = ""
    web_workers: int = 2
    web_threads: int = 2
    sample: bool = True
    events_port: int = 0
    nginx: str = "off"
    trusted_proxies: str = ""

    @property
    def address(self) -> str:
        """The address that a person on this machine types."""
        everywhere = self.bind in ("0.0.0.0", "::", "")  # noqa: S104 - recognised, not bound  # nosec B104
        host = LOOPBACK if everywhere else f"[{self.bind}]" if ":" in self.bind else self.bind
        return f"http://{host}:{self.port}"

    @property
    def run_folder(self) -> Path:
        """Process files and the socket."""
        return self.home / "run"

    @property
    def log_folder(self) -> Path:
        """Logs of the child processes."""
        return self.home / "log"


def node_settings(port: int | None = None) -> NodeSettings:
    """Return the settings in force; `port` given on the command line wins.

    Raises
    ------
    UsageError
        A variable is not a number in its range.
    """
    production = os.environ.get("KUNYU_PRODUCTION") == "1"
    return NodeSettings(
        home=state_home(),
        port=port if port is not None else _number("KUNYU_PORT", 8080, 1, 65535),
        bind=os.environ.get("KUNYU_BIND", LOOPBACK),
        database_url=os.environ.get("DATABASE_URL", ""),
        web_workers=_number("KUNYU_WEB_WORKERS", 2, 1, 64),
        web_threads=_number("KUNYU_WEB_THREADS", 2, 1, 64),
        sample=os.environ.get("KUNYU_SAMPLE", "1") == "1" and not production,
        events_port=_number("KUNYU_EVENTS_PORT", 0, 0, 65535),
        nginx=os.environ.get("KUNYU_NGINX", "") or DEFAULT_NGINX,
        trusted_proxies=os.environ.get("KUNYU_SIGN_IN_TRUSTED_PROXIES", ""),
    )


def _number(name: str, default: int, low: int, high: int) -> int:
    text = os.environ.get(name, "")
    if not text:
        return default
    if text.isdecimal() and low <= int(text) <= high:
        return int(text)
    raise UsageError(
        f"环境变量 {name} 的值是“{text}”，应为 {low} 到 {high} 之间的整数。",
        f"The environment variable {name} is '{text}'; it must be a whole number from {low} to {high}.",
        name=name,
        value=text,
    )
