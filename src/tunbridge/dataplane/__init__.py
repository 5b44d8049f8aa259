"""Pure: configuration and a snapshot in, the wanted bridges, ports and flows out. No I/O, no clock."""
