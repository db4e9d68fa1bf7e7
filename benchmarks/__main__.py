"""``python -m benchmarks [name …]``: run the named benchmarks, or all; each writes ``results/<name>.json``."""

import importlib
import sys

ALL = (
    "load_publish",
    "check_rules",
    "tiles",
    "small_scale",
    "second_start",
    "crypto",
    "access",
    "audit",
    "vct",
    "catalogue_page",
    "cog",
    "overlap",
    "seal",
    "case_checks",
    "case_list",
    "flow",
)

for name in sys.argv[1:] or ALL:
    print(f"== {name}", flush=True)
    importlib.import_module(f"benchmarks.{name}").main([])
