"""Device owners of ports that the server makes itself, as Neutron names them (neutron_lib.constants)."""

ROUTER_INTERFACE = "network:router_interface"
ROUTER_GATEWAY = "network:router_gateway"
FLOATING_IP = "network:floatingip"
LOCAL_IP = "network:local_ip"
OUTSIDE = (ROUTER_GATEWAY, FLOATING_IP)
"""Of ports on external networks."""
