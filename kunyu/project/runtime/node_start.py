"""The two ways to start a node: in the foreground, or in the background with a wait for health and the sample county."""

from __future__ import annotations

import json
import subprocess
import sys
import time
from collections.abc import Callable

from kunyu.project.runtime import node_state, sample_job
from kunyu.project.runtime.errors import NodeDidNotStart
from kunyu.project.runtime.node_settings import NodeSettings
from kunyu.project.runtime.node_stop import stop_node
from kunyu.project.runtime.preparation import Say
from kunyu.project.runtime.program_age import program_changed_at
from kunyu.project.runtime.supervisor import ANSWER_FILE, HEALTH_SECONDS, Supervisor, did_not_start

Answer = dict[str, object]
START_SECONDS = 600  # crash recovery, migrations and reference data of a first start


def start_foreground(settings: NodeSettings, say: Say, announce: Callable[[Answer], None]) -> None:
    """Run a node until it is told to stop; when it runs already, announce that one and return."""
    lock = node_state.take_lock(settings.run_folder)
    if lock is None:
        announce({**await_running(settings), "already_running": True})
        return
    Supervisor(settings, lock, say).run(announce)


def start_background(settings: NodeSettings, say: Say) -> Answer:
    """Start a node that outlives this command; return its answer once it is healthy and its sample is loaded.

    A node that runs already is left alone, unless the program on disk is newer than it: then it is started anew.
    """
    state = node_state.read_state(settings.run_folder)
    already = state is not None and state.alive
    if state is not None and already and program_changed_at() > state.started:
        say("程序已更新，重新启动节点", "the program is newer than the running node: starting it anew")
        stop_node(settings)
        already = False
    log = settings.log_folder / "up.log"
    process = None
    if not already:
        log.parent.mkdir(parents=True, exist_ok=True)
        with log.open("wb") as output:
            process = subprocess.Popen(
                [sys.executable, "-m", "kunyu", "up", "--port", str(settings.port)],
                stdin=subprocess.DEVNULL, stdout=output, stderr=output, start_new_session=True,
            )  # fmt: skip
    answer = _await_ready(settings, process, say)
    if settings.sample:
        _await_sample(settings, say)
    return {**answer, "already_running": already}


def await_running(settings: NodeSettings) -> Answer:
    """Return the answer of the node that another command started, waiting while it still starts."""
    return _await_ready(settings, None, lambda zh, en: None)


def _await_ready(settings: NodeSettings, process: subprocess.Popen[bytes] | None, say: Say) -> Answer:
    deadline = time.monotonic() + (START_SECONDS if process else HEALTH_SECONDS)
    told = ""
    while time.monotonic() < deadline:
        state = node_state.read_state(settings.run_folder)
        if process is not None and process.poll() is not None:
            raise _failed_start(settings)
        if state is not None and state.alive and (process is None or state.pid == process.pid):
            if state.status == node_state.READY:
                answer: Answer = json.loads((settings.run_folder / ANSWER_FILE).read_text("utf-8"))
                return answer
            if state.step and state.step != told:
                told = state.step
                say(told, "")
        time.sleep(0.05)
    raise did_not_start("up", settings.log_folder / "up.log")


def _failed_start(settings: NodeSettings) -> NodeDidNotStart:
    """Repeat what the background command said before it ended."""
    text = (settings.log_folder / "up.log").read_text("utf-8", "replace").strip()
    said_zh = text.partition("错误 ")[2].partition("\nError: ")
    if said_zh[2]:
        return NodeDidNotStart(said_zh[0].partition("] ")[2], said_zh[2])
    return did_not_start("up", settings.log_folder / "up.log")


def _await_sample(settings: NodeSettings, say: Say) -> None:
    told = None
    while True:
        progress = sample_job.read_progress(settings.home)
        state = node_state.read_state(settings.run_folder)
        if progress.status in (sample_job.READY, sample_job.FAILED) or state is None or not state.alive:
            break
        if progress != told and progress.stage_zh:
            told = progress
            say(f"示例县：{progress.stage_zh}", f"sample county: {progress.stage_en}")
        time.sleep(0.2)
    if progress.status == sample_job.FAILED:
        say(f"示例县没有装载：{progress.stage_zh}", f"the sample county was not loaded: {progress.stage_en}")
