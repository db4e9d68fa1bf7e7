"""Cases in the shape of the Dutch ZGW standards (VNG Zaken API, Catalogi API): a known shape for foreign clients."""
