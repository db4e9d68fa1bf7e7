"""Documents: templates, seals and signatures, licences and their verification, archives. 文书、印章、证照、归档."""
