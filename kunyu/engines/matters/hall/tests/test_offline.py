"""The worker of the hall keeps nothing, and is served where it may work."""

from __future__ import annotations

from django.test import Client


def test_the_worker_is_a_script_that_keeps_nothing() -> None:
    answer = Client().get("/hall/service-worker.js")
    assert (answer.status_code, answer.headers["Content-Type"]) == (200, "text/javascript; charset=utf-8")
    assert answer.headers["Cache-Control"] == "no-cache"
    script = answer.content.decode()
    for kept in ("caches", "indexedDB", "localStorage", "importScripts", "cache.put"):
        assert kept not in script
