"""Prepare an empty database for the contract's tests: tables, catalogue, demonstration accounts, the sample's divisions.

Run as a program with the node's environment: ``prepare_node.py SAMPLE_FOLDER PASSWORD``. ``kunyu up`` does the same.
"""

from __future__ import annotations

import sys
from pathlib import Path

import django

django.setup()

from django.core.management import call_command  # noqa: E402

from kunyu.engines.catalogue.loading import load_labelled_catalogue  # noqa: E402
from kunyu.engines.security.scope import operator  # noqa: E402
from kunyu.engines.security.services import ensure_demo_accounts  # noqa: E402
from kunyu.project.runtime.sample_job import register_divisions  # noqa: E402

if __name__ == "__main__":
    call_command("migrate", verbosity=0)
    load_labelled_catalogue("security")
    ensure_demo_accounts(sys.argv[2], operator())
    register_divisions(Path(sys.argv[1]))
