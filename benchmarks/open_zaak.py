"""What Open Zaak publishes of its own performance: cited beside our figures, never measured here.

It needs Redis, Celery and a container platform and does not run beside a node on a machine of two cores. Its figures are
its own, of its own machine; no ratio is made of them. Read in its documentation, version 1.26.0.
"""

from __future__ import annotations

from typing import Any

MACHINE = "Kubernetes: ten replicas of one CPU and 1 GiB each, the database beside them"
CREATING: dict[str, Any] = {
    "peer": "Open Zaak", "what": "POST /zaken/api/v1/zaken for one minute, no waiting, one Celery worker: requests a second",
    "users": [10, 20, 40], "requests_per_second": [24.183, 25.034, 24.189], "median_ms": [390, 740, 1200],
    "machine": "its own test environment, not named on that page", "source": "https://open-zaak.readthedocs.io/en/stable/development/performance/notifications.html",
}  # fmt: skip
"""Making one case: an identification, a type and dates; no plot, no rules, no flow, no task of an officer."""

LISTING: dict[str, Any] = {
    "peer": "Open Zaak 1.26.0", "what": "GET /zaken/api/v1/zaken over 1,000,000 cases, fuzzy counts: median ms",
    "one_user": {"superuser": 140, "regular": 200}, "sixteen_users": {"superuser": 240, "regular": 310},
    "machine": MACHINE, "source": "https://open-zaak.readthedocs.io/en/stable/development/performance/index.html",
}  # fmt: skip
