"""Thin edges to Open vSwitch: the local OVSDB, ovs-ofctl bundles and dumps, the OpenFlow channel."""
