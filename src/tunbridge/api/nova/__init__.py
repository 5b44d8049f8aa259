"""Tells Nova what happens to the ports of its servers, as Neutron does: it waits for that when it starts one."""
