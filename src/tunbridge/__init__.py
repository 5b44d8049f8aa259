"""Tunbridge: the virtual network of an OpenStack cloud, standing on its own."""

from importlib.metadata import version

__version__ = version("tunbridge")
