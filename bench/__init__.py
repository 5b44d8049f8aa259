"""The figures that matter, measured on this machine: `make bench`, or `python -m bench --help`."""
