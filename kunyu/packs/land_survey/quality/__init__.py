"""Is the delivered land survey well formed? The rules of Q2xx, Q3xx and Q5xx, one function each. 国土调查数据质量规则.

Read by the check runner through the entry point group ``kunyu.packs``. Django-free.
"""

from __future__ import annotations

from kunyu.engines.ingest.checks.rule import NotYet
from kunyu.packs.land_survey.quality import (
    areas,
    classes,
    coverage,
    dictionaries,
    fields,
    geometry,
    tables,
)

STANDARDS = ("TDT1057-2020",)

RULES = (
    tables.tables_have_the_standards_fields,
    tables.nothing_beyond_the_standard,
    tables.mandatory_fields_are_filled,
    tables.identifiers_are_unique_and_well_formed,
    fields.feature_code_is_the_layers,
    fields.codes_are_in_their_list,
    fields.names_belong_to_their_codes,
    fields.numbers_are_in_their_range,
    dictionaries.unit_codes_are_in_the_dictionary,
    dictionaries.unit_names_belong_to_their_codes,
    dictionaries.parcel_numbers_are_unique,
    geometry.geometries_are_valid,
    geometry.polygons_are_single_parts,
    coverage.parcels_do_not_overlap,
    coverage.parcels_leave_no_gap,
    classes.deduction_belongs_to_sloping_fields,
    classes.other_classes_have_no_field_attributes,
    classes.cultivated_land_is_described,
    areas.deducted_area_follows_the_coefficient,
    areas.net_area_is_area_less_deduction,
    areas.parcel_area_is_ellipsoidal,
    areas.areas_add_up,
    classes.settlements_are_marked,
    classes.housing_fits_its_settlement,
    classes.refinement_fits_the_class,
    classes.planting_fits_the_class,
    classes.collective_land_belongs_to_a_village,
    classes.enclaves_are_marked,
    classes.islands_are_named,
    classes.linear_classes_state_their_width,
)

_UNWRITTEN = "本版本尚未实现; not implemented in this version"

NOT_YET = tuple(
    NotYet(f"Q{number}", _UNWRITTEN)
    for number in (*range(101, 107), *range(305, 312), *range(401, 409), 504, 509,
                   *range(601, 611), 701, 702)
)  # fmt: skip
"""Rules of the law that this version does not run: a clean report must not look as if they had passed."""
