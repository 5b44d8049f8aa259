"""Whole hosts on one machine: network namespaces with their own Open vSwitch, wired by the real agent."""
