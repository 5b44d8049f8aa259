"""Tunbridge: the virtual network of an OpenStack cloud, standing on its own."""

__version__ = "0.1.0"
