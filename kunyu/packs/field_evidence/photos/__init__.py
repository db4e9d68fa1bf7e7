"""Evidence packages and what is checked in them, without Django: ``kunyu check`` reads them on a laptop. 举证包."""
