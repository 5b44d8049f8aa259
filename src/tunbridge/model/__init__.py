"""Resources of the Networking API as declarations: fields, types, defaults, who may set and see them. No I/O."""
