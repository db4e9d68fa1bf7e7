"""Ports of tests: never the same twice, never one on which somebody listens."""

from __future__ import annotations

import socket
import subprocess
import sys

import pytest

from kunyu.kernel.tests import ports

pytestmark = pytest.mark.quick


def test_ports_differ_and_a_listener_keeps_his(monkeypatch: pytest.MonkeyPatch) -> None:
    given = [ports.free_port() for _ in range(20)]
    assert len(set(given)) == 20
    with socket.socket() as listener:
        port = ports.free_port()
        listener.bind(("127.0.0.1", port))
        listener.listen()
        monkeypatch.setattr(ports, "FIRST", port)
        monkeypatch.setattr(ports, "LAST", port + 1)
        monkeypatch.setattr(ports, "TRIES", 1)
        with pytest.raises(RuntimeError, match="no free port"):
            ports.free_port()


def test_another_process_is_not_given_a_port_of_this_one() -> None:
    port = ports.free_port()
    asks = (
        "from kunyu.kernel.tests import ports\n"
        f"ports.FIRST, ports.LAST, ports.TRIES = {port}, {port + 1}, 1\n"
        "try:\n    ports.free_port()\nexcept RuntimeError:\n    print('taken')\n"
    )
    done = subprocess.run([sys.executable, "-c", asks], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "taken"
