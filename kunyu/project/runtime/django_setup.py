"""Make Django ready in this process, pointed at the database of this machine's node."""

from __future__ import annotations

import os

import django

from kunyu.project.home import state_home


def prepare_django() -> None:
    """Load settings and applications once; opens no connection."""
    os.environ["KUNYU_HOME"] = str(state_home())
    os.environ.setdefault("DJANGO_SETTINGS_MODULE", "kunyu.project.settings")
    django.setup()
