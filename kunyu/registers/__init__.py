"""Registers: packs that other packs may import. 登记簿."""
