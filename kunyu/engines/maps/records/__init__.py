"""The catalogue of the node as records: OGC API – Records and DCAT. 目录记录."""
