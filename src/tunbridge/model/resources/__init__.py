"""The resources of the Networking API, one file each; `catalog.py` has them all."""
