"""The world of cases for the tests of messages, and a platform on a real port."""

from __future__ import annotations

from collections.abc import Iterator
from threading import Thread
from typing import Any

import pytest

from kunyu.engines.matters.cases.tests.conftest import seal, with_pack, world  # noqa: F401 (fixtures)


@pytest.fixture
def simulator() -> Iterator[Any]:
    """The simulator, serving over HTTP; ``.url`` is its address."""
    from kunyu.engines.matters.national.simulator import Simulator, serve

    made = Simulator(token="let-me-in")
    server = serve(made, 0)
    thread = Thread(target=server.serve_forever, daemon=True)
    thread.start()
    made.url = f"http://127.0.0.1:{server.server_port}"  # type: ignore[attr-defined]
    yield made
    server.shutdown()
    server.server_close()
    thread.join()


@pytest.fixture
def platform(simulator: Any) -> Any:
    """The HTTP adapter, pointed at the simulator."""
    from kunyu.engines.matters.national.adapter import HttpPlatform
    from kunyu.engines.matters.settings import MattersSettings
    from kunyu.kernel.outbound import networks_of

    return HttpPlatform(MattersSettings(
        national_url=simulator.url, national_token="let-me-in", national_networks=networks_of("127.0.0.0/8"),
        national_seconds=5.0,
    ))  # fmt: skip
