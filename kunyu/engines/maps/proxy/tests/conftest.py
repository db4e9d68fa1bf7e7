"""The people and the other bureau's server of the register."""

from kunyu.engines.catalogue.register.tests.conftest import entry, other, other_server, people, sign_in

__all__ = ["entry", "other", "other_server", "people", "sign_in"]
