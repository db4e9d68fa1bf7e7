"""Modules of this engine that declare rules any matter may name. 引擎自带规则.

Named, not imported: what declares a rule stands above the registry, and definitions read the sources without running them.
"""

OWN_RULES = ("kunyu.engines.matters.materials.comparing",)
