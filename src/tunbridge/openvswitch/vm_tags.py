"""How the agent notes at a port that its network carries VLAN tags of VMs' own: `other_config` of the Port."""

KEY = "vm_tags"
TRANSPARENT, QINQ = "transparent", "qinq"
