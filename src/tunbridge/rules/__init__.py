"""What Networking means: segments, addresses, ports, groups. A transaction goes in, rows and errors come out."""
