"""Seals: their keys, makers and pictures, their life from making to destruction, every use. 电子印章管理."""
