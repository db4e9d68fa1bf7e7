"""``kunyu up``: start what a node consists of, keep it running, stop it in order.

Order: lock, leftovers of a crashed run, port, database, preparation, children, health. One supervisor per state folder
holds ``run/node.lock``; the system frees it however the supervisor ends.
"""

from __future__ import annotations

import os
import signal
import socket
import sys
import threading
import time
import urllib.error
import urllib.request
from collections.abc import Callable
from dataclasses import asdict
from pathlib import Path
from typing import IO

import psutil

from kunyu.project.home import ROOT
from kunyu.project.runtime import front, node_state, sample_job
from kunyu.project.runtime.cluster import PrivateCluster
from kunyu.project.runtime.errors import NodeDidNotStart, PortBusy
from kunyu.project.runtime.external_database import prepare_external
from kunyu.project.runtime.node_keys import prepare_keys
from kunyu.project.runtime.node_settings import LOOPBACK, NodeSettings
from kunyu.project.runtime.preparation import Account, Say, prepare_database
from kunyu.project.runtime.processes import Child, marked_environment, stop_marked

HEALTH_SECONDS = 120
FAILED_STARTS = 3
WATCH_S = 0.5
DATABASE_WATCH_S = 5.0
ANSWER_FILE = "up.json"


class Supervisor:
    """One run of a node.

    Parameters
    ----------
    settings : NodeSettings
        Where and how large.
    lock : file
        The held lock of :func:`node_state.take_lock`.
    say : callable
        Receives progress in Chinese and English.
    """

    def __init__(self, settings: NodeSettings, lock: IO[str], say: Say) -> None:
        self.settings = settings
        self.say = say
        self._lock = lock
        self._stop = threading.Event()
        self._children: list[Child] = []
        self._cluster = None if settings.database_url else PrivateCluster(settings.home)
        self._state = node_state.write_state(settings.run_folder, node_state.new_state(settings.address))

    def run(self, announce: Callable[[dict[str, object]], None]) -> None:
        """Start, announce the answer of ``up`` once healthy, supervise until a signal, stop everything."""
        for number in (signal.SIGTERM, signal.SIGINT, signal.SIGHUP):
            signal.signal(number, lambda *_: self._stop.set())
        try:
            accounts = self._start()
            if not self._stop.is_set():
                announce(self._ready(accounts))
                self._supervise()
        finally:
            self._shut_down()

    def _start(self) -> list[Account]:
        left = stop_marked(self.settings.home) + front.stop_left(self.settings.home)
        if left:
            self.say(f"清理上次异常退出留下的 {left} 个进程", f"stopped {left} processes of a run that crashed")
        require_free_port(self.settings)
        prepare_keys(self.settings, self._step)
        self._step("启动数据库", "starting the database")
        if self._cluster is None:
            prepare_external(self.settings.database_url, self.settings.home)
        else:
            self._cluster.ensure()
        accounts = [] if self._stop.is_set() else prepare_database(self.settings.home, self._step)
        if not self._stop.is_set():
            self._step("启动服务进程", "starting the services")
            self._children = service_children(self.settings)
            for child in self._children:
                child.start()
            self._await_health()
        return accounts

    def _step(self, zh: str, en: str) -> None:
        self._state = node_state.write_state(self.settings.run_folder, self._state, step=f"{zh} {en}")
        self.say(zh, en)

    def _await_health(self) -> None:
        deadline = time.monotonic() + HEALTH_SECONDS
        while not self._stop.is_set():
            if answers(f"{self.settings.address}/readyz"):
                return
            for child in self._children:
                child.watch()
                if child.restarts >= FAILED_STARTS:
                    raise did_not_start(child.name, child.log)
            if time.monotonic() > deadline:
                raise did_not_start("web", self._children[0].log)
            self._stop.wait(0.1)

    def _ready(self, accounts: list[Account]) -> dict[str, object]:
        if self.settings.sample and not sample_job.is_done(self.settings.home):
            self._children.append(sample_job.child(self.settings))
            self._children[-1].start()
        answer = {
            "address": self.settings.address,
            "status": node_state.READY,
            "pid": self._state.pid,
            "home": str(self.settings.home),
            "accounts": [asdict(account) for account in accounts],
        }
        path = self.settings.run_folder / ANSWER_FILE
        path.touch(mode=0o600)
        path.chmod(0o600)  # it holds the demonstration password
        node_state.write_json(path, answer)
        path.chmod(0o600)
        # last: whoever sees the node ready reads the answer at once
        self._state = node_state.write_state(self.settings.run_folder, self._state, status=node_state.READY, step="")
        return answer

    def _supervise(self) -> None:
        database_due = time.monotonic() + DATABASE_WATCH_S
        while not self._stop.wait(WATCH_S):
            for child in self._children:
                if child.watch():
                    self.say(f"{child.name} 已退出，将重新启动", f"{child.name} ended and will be restarted")
            if self._cluster is not None and time.monotonic() > database_due:
                if not self._cluster.running():
                    self.say("数据库已停止，重新启动", "the database stopped and is started again")
                    self._cluster.ensure()
                database_due = time.monotonic() + DATABASE_WATCH_S

    def _shut_down(self) -> None:
        self._state = node_state.write_state(self.settings.run_folder, self._state, status=node_state.STOPPING)
        for child in self._children:
            child.request_stop()
        for child in self._children:
            child.stop()
        stop_marked(self.settings.home, grace_s=1)
        front.stop_left(self.settings.home)
        if self._cluster is not None:
            self._cluster.stop()
        (self.settings.run_folder / ANSWER_FILE).unlink(missing_ok=True)
        node_state.forget_state(self.settings.run_folder)
        self._lock.close()


def service_children(settings: NodeSettings) -> list[Child]:
    """Return the web server, the events process, the task worker and the outbox dispatcher."""
    nginx = front.wanted_nginx(settings)
    events_port = settings.events_port or free_port(settings.bind)
    bind, port = (LOOPBACK, free_port(LOOPBACK)) if nginx else (settings.bind, settings.port)
    environment = marked_environment(
        settings.home, KUNYU_PORT=str(settings.port), KUNYU_EVENTS_PORT=str(events_port),
        **(_behind_nginx(settings) if nginx else {}),
    )  # fmt: skip
    python, logs = sys.executable, settings.log_folder
    web = [
        python, "-m", "granian", "--interface", "wsgi", "--host", bind, "--port", str(port),
        "--workers", str(settings.web_workers), "--blocking-threads", str(settings.web_threads),
        "--no-ws", "--respawn-failed-workers", "--workers-kill-timeout", "3", "--no-access-log",
        "kunyu.project.wsgi:application",
    ]  # fmt: skip
    events = [
        python, "-m", "granian", "--interface", "asgi", "--host", LOOPBACK if nginx else settings.bind, "--port",
        str(events_port),
        "--workers", "1", "--no-ws", "--respawn-failed-workers", "--workers-kill-timeout", "2", "--no-access-log",
        "kunyu.project.events:application",
    ]  # fmt: skip
    children = [
        Child("web", web, environment, logs / "web.log", grace_s=6),
        Child("events", events, environment, logs / "events.log", grace_s=5),
        Child("worker", [python, "-m", "kunyu.project.runtime.worker"], environment, logs / "worker.log", grace_s=12),
        Child(
            "outbox", [python, "-m", "kunyu.project.runtime.outbox_loop"], environment, logs / "outbox.log", grace_s=5
        ),
        Child(
            "sealer", [python, "-m", "kunyu.project.runtime.sealer_loop"], environment, logs / "sealer.log", grace_s=5
        ),
    ]
    if nginx:
        front.write_configuration(settings, port, events_port, ROOT / "web" / "dist")
        children.append(
            Child("nginx", front.command(nginx, settings.home), environment, logs / "nginx.out.log", grace_s=5)
        )
    return children


def _behind_nginx(settings: NodeSettings) -> dict[str, str]:
    """What the web workers know when nginx is in front: it alone reaches them, and says who the client is."""
    trusted = [one for one in settings.trusted_proxies.split(",") if one.strip()]
    events = os.environ.get("KUNYU_EVENTS_ADDRESS") or "/events"
    return {"KUNYU_SIGN_IN_TRUSTED_PROXIES": ",".join([*trusted, LOOPBACK]), "KUNYU_EVENTS_ADDRESS": events}


def free_port(bind: str) -> int:
    """Return a port that nobody listens on now."""
    family = socket.AF_INET6 if ":" in bind else socket.AF_INET
    with socket.socket(family, socket.SOCK_STREAM) as probe:
        probe.bind((bind, 0))
        return int(probe.getsockname()[1])


def require_free_port(settings: NodeSettings) -> None:
    """Refuse a port on which another program listens, naming the program where the system tells."""
    family = socket.AF_INET6 if ":" in settings.bind else socket.AF_INET
    with socket.socket(family, socket.SOCK_STREAM) as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((settings.bind, settings.port))
        except OSError as error:
            who = _listener(settings.port)
            raise PortBusy(
                f"端口 {settings.port} 无法使用（{error.strerror}{'，占用者：' + who if who else ''}）。"
                "请停止该程序，或用 KUNYU_PORT 另选端口。",
                f"Port {settings.port} cannot be used ({error.strerror}{', held by ' + who if who else ''}). "
                "Stop that program or choose another port with KUNYU_PORT.",
                port=settings.port,
            ) from error


def answers(address: str, timeout_s: float = 5.0) -> bool:
    """Tell whether an address answers with 200."""
    try:
        with urllib.request.urlopen(address, timeout=timeout_s) as response:  # noqa: S310 - our own http address  # nosec B310
            return bool(response.status == 200)
    except (urllib.error.URLError, OSError, ValueError):
        return False


def did_not_start(name: str, log: Path) -> NodeDidNotStart:
    """Return the error for a child that does not run, with the end of its log."""
    try:
        lines = [line for line in log.read_text("utf-8", "replace").splitlines() if line.strip()][-3:]
    except OSError:
        lines = []
    end = "\n".join(lines)
    return NodeDidNotStart(
        f"进程 {name} 没有启动。日志 {log} 的末尾：\n{end}",
        f"The process {name} did not start. The end of its log {log}:\n{end}",
        process=name,
        log=str(log),
    )


def _listener(port: int) -> str:
    try:
        for connection in psutil.net_connections("tcp"):
            if connection.status == psutil.CONN_LISTEN and connection.laddr.port == port and connection.pid:
                return f"{psutil.Process(connection.pid).name()} (pid {connection.pid})"
    except psutil.Error:
        return ""
    return ""
