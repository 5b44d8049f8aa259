"""The small Keystone v3 of the mode `builtin`: what clients need to log in, and to read who and what there is."""
