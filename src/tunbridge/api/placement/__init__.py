"""Tells Placement what bandwidth and packet rate hosts have, as Neutron does: Nova places servers by that."""
