"""A hasher that costs nothing, for tests that need people and not their passwords.

One scrypt of the node takes about 0.2 s of a core and most tests make several people: that was half of a test run.
The form of what is stored is the node's own, so a node that reads such a hash takes it for an outdated scrypt. What is
proved of the cost itself asks for the fixture ``real_hashing``.
"""

from __future__ import annotations

from django.contrib.auth.hashers import ScryptPasswordHasher


class CheapScrypt(ScryptPasswordHasher):
    """Scrypt with the smallest sensible parameters: 0.05 ms."""

    work_factor = 2**4
    parallelism = 1
