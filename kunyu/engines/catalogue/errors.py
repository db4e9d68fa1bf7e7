"""What can go wrong with the catalogue, its tables and its versions."""

from kunyu.kernel.errors import Defect, NotFound, Refused, UsageError


class UnknownDataset(NotFound):
    """No dataset, layer or alias of that code."""

    code = "dataset_unknown"


class NoSchema(Refused):
    """A dataset outside the catalogue, or without a layer in any standard, cannot receive data (R-031)."""

    code = "dataset_without_schema"
    http_status = 422


class IllegalParent(Refused):
    """A local extension must hang under a content item of the catalogue (R-021, R-080)."""

    code = "extension_without_parent"
    http_status = 422


class StandardEntryFixed(Refused):
    """A local extension tried to redefine an entry of the standard catalogue (R-021, R-080)."""

    code = "standard_entry_fixed"
    http_status = 409


class ProducerMissing(Refused):
    """A dataset nobody answers for (R-082: 谁生产、谁负责)."""

    code = "producer_missing"
    http_status = 422


class BadCatalogueCode(UsageError):
    """A code that is not TCCNN-nnn or TCCNN-nnn@division."""

    code = "catalogue_code_bad"


class NoTable(UsageError):
    """Documents and similar layers have no table."""

    code = "layer_without_table"


class LayerTableDiffers(Defect):
    """A layer's table exists with other columns than its standard says; it is never altered."""

    code = "layer_table_differs"


class BadCounty(UsageError):
    """A partition is named by a six-digit county code."""

    code = "county_bad"


class VersionNotOpen(Refused):
    """Only an open version can be published or abandoned."""

    code = "version_not_open"
    http_status = 409


class VersionOutOfOrder(Refused):
    """A later version of the same layer and county was published meanwhile: load again on top of it."""

    code = "version_out_of_order"
    http_status = 409


class OverlapInTime(Refused):
    """Two rows of one key are true at the same time."""

    code = "overlap_in_time"
    http_status = 422


class ExportFormatUnknown(UsageError):
    """The suffix of the output file names no known format."""

    code = "export_format_unknown"


class NothingPublished(NotFound):
    """The dataset has no published data yet."""

    code = "nothing_published"


class NotDrawable(UsageError):
    """A table without geometry was asked for as a drawing. 无法绘制."""

    code = "export_not_drawable"
    title_zh, title_en = "无法绘制", "Nothing to draw"


class TooManyToDraw(UsageError):
    """More shapes than a drawing may hold. 图形过多."""

    code = "export_too_many_to_draw"
    title_zh, title_en = "图形过多", "Too many shapes"
