"""This server held against a real Neutron: what both answer to the same requests.

scripts/*.txt are requests, answers/*.json what Neutron 29.0.0 said to them (record.py); test_replay.py asks this server
the same.
"""
