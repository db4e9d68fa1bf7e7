"""Errors of the node's keys. 节点密钥错误."""

from kunyu.kernel.errors import NodeUnavailable, Refused


class KeyPassphraseMissing(NodeUnavailable):
    """Nobody told this process how to open the key ring."""

    code = "security.key_passphrase_missing"
    title_zh, title_en = "缺少密钥口令", "Key passphrase missing"


class KeyPassphraseExposed(Refused):
    """In production: the passphrase lies beside the keys, or in a file that others may read."""

    code = "security.key_passphrase_exposed"
    title_zh, title_en = "密钥口令未受保护", "Key passphrase exposed"


class KeyRingMissing(NodeUnavailable):
    """The node has no key ring, although it once had one or production waits for ``kunyu up`` to make it."""

    code = "security.key_ring_missing"
    title_zh, title_en = "缺少密钥环", "Key ring missing"


class KeyInUse(Refused):
    """A version cannot be destroyed while something is encrypted under it."""

    code = "security.key_in_use"
    title_zh, title_en = "密钥仍在使用", "Key in use"


class NodeIdentityUnreadable(NodeUnavailable):
    """``keys/node.json`` is damaged, or its key does not belong to its certificate."""

    code = "security.node_identity_unreadable"
    title_zh, title_en = "节点身份文件无法读取", "Node identity unreadable"


class KeyPairUnreadable(NodeUnavailable):
    """A file under ``keys/pairs`` is missing, damaged or of another key ring."""

    code = "security.key_pair_unreadable"
    title_zh, title_en = "密钥对无法使用", "Key pair unusable"
