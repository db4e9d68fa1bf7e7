"""The local rule sets of this node: TOML files in one folder that only the owner of the machine writes. 本节点规则集."""

from __future__ import annotations

import os
from pathlib import Path

from django.conf import settings

from kunyu.engines.catalogue.standards import Standard
from kunyu.engines.ingest.checks.local.rule_set import LocalRuleSet, load_rule_set, standard_of


def rules_folder() -> Path:
    """``KUNYU_RULES``, else ``rules`` in the state folder; it need not be there."""
    return Path(os.environ.get("KUNYU_RULES") or Path(settings.KUNYU_HOME) / "rules")


def rule_sets_for(standard: Standard) -> list[LocalRuleSet]:
    """Return the rule sets of this node for a standard, by file name.

    Raises
    ------
    BadRuleSet, UnreadableInput
        A delivery is not checked by half of the rules: a file that is wrong stops the check until it is mended.
    """
    paths = sorted(rules_folder().glob("*.toml"))
    return [load_rule_set(path, standard) for path in paths if standard_of(path) in (standard.id, standard.extends)]
