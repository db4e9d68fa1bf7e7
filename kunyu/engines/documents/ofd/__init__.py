"""OFD packages (GB/T 33190-2016): written from a simple layout, sealed (GB/T 38540-2020), read and verified. 版式文档."""

from kunyu.engines.documents.ofd.layout import Line, Paper, Rule, Sheet
from kunyu.engines.documents.ofd.package import read
from kunyu.engines.documents.ofd.sealing import seal
from kunyu.engines.documents.ofd.verifying import verify
from kunyu.engines.documents.ofd.writing import write

__all__ = ["Line", "Paper", "Rule", "Sheet", "read", "seal", "verify", "write"]
