"""National cryptography behind one interface. 商用密码: SM2, SM3, SM4, certificates, keys, encrypted fields and files.

Start at `provider` (the interface) and `software` (the provider of this machine). No certified device is here: the
software provider is a working implementation for function and test, not a certified module.
"""
