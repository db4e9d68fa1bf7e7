"""Electronic signatures: algorithms, signed data, time stamps, PDF; how they are written, read and judged. 电子签名."""
