"""``kunyu down``: stop everything that ``kunyu up`` started, also after the supervisor itself was killed."""

from __future__ import annotations

import signal
import time

import psutil

from kunyu.project.runtime import front, node_state
from kunyu.project.runtime.cluster import PrivateCluster
from kunyu.project.runtime.node_settings import NodeSettings
from kunyu.project.runtime.processes import stop_marked

SUPERVISOR_SECONDS = 90


def stop_node(settings: NodeSettings) -> bool:
    """Stop supervisor, children and private database; tell whether any of them ran."""
    state = node_state.read_state(settings.run_folder)
    ran = _stop_supervisor(state) if state else False
    ran = stop_marked(settings.home) + front.stop_left(settings.home) > 0 or ran
    cluster = PrivateCluster(settings.home)
    if (cluster.data / "PG_VERSION").exists():
        ran = cluster.stop() or ran
    node_state.forget_state(settings.run_folder)
    return ran


def _stop_supervisor(state: node_state.NodeState) -> bool:
    if not state.alive:
        return False
    psutil.Process(state.pid).send_signal(signal.SIGTERM)
    deadline = time.monotonic() + SUPERVISOR_SECONDS
    while state.alive and time.monotonic() < deadline:
        time.sleep(0.05)
    if state.alive:
        psutil.Process(state.pid).kill()
    return True
