"""Fail when a model changed without its migration. Needs no database."""

from __future__ import annotations

import sys

from django.apps import apps
from django.db.migrations.autodetector import MigrationAutodetector
from django.db.migrations.loader import MigrationLoader
from django.db.migrations.questioner import NonInteractiveMigrationQuestioner
from django.db.migrations.state import ProjectState
from django.utils import translation

from kunyu.project.runtime.django_setup import prepare_django


def missing() -> dict[str, list[str]]:
    """Return the changes without a migration: application label → descriptions."""
    loader = MigrationLoader(None)
    ours = {config.label for config in apps.get_app_configs() if config.name.startswith("kunyu.")}
    detector = MigrationAutodetector(
        loader.project_state(), ProjectState.from_apps(apps), NonInteractiveMigrationQuestioner(specified_apps=ours)
    )
    changes = detector.changes(graph=loader.graph)
    return {
        label: [operation.describe() for migration in migrations for operation in migration.operations]
        for label, migrations in changes.items()
        if label in ours
    }


def main() -> int:
    """Print what is missing; return 1 when something is."""
    prepare_django()
    translation.deactivate_all()  # as makemigrations does: field labels must not depend on a language
    found = missing()
    for label, changes in found.items():
        print(f"{label}: {'; '.join(changes)}", file=sys.stderr)
    if found:
        print("models changed without a migration: python -m django makemigrations", file=sys.stderr)
    return int(bool(found))


if __name__ == "__main__":
    sys.exit(main())
