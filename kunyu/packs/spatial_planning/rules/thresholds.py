"""Limits of the rules, each with its unit. 阈值.

The 1 m², 1 %, 95 % and 99 % are this product's own (planning.md §4.1, services.md §3): the texts of law name none.
"""

from decimal import Decimal

SLIVER_M2 = Decimal("1")
"""Overlaps up to this are noise of digitising (m²)."""
AREA_DIFFERENCE = Decimal("1")
"""By how much a declared or a later area may differ from the measured or earlier one (%)."""
COMPATIBLE_SHARE = Decimal("95")
"""Least share of the plot whose planned use admits the use asked for (%)."""
INSIDE_SHARE = Decimal("99")
"""Least share of a later plot inside the earlier one; of a batch inside the concentrated construction area (%)."""
