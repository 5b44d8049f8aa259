"""Attacks and faults: each in a short form in every run, in a long one with `make test-attacks`."""
