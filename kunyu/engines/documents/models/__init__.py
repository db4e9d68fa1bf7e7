"""Records of the engine: seals, documents made, licences, archives."""

from kunyu.engines.documents.models.archives import Archive
from kunyu.engines.documents.models.documents import Document
from kunyu.engines.documents.models.licences import Licence, LicenceEvent, NumberSequence
from kunyu.engines.documents.models.seals import Seal, SealEvent, SealUse

__all__ = ["Archive", "Document", "Licence", "LicenceEvent", "NumberSequence", "Seal", "SealEvent", "SealUse"]
