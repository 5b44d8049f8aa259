"""The metadata service: what a VM is told at 169.254.169.254, and who tells it.

    VM --TCP 80--> table 60 --> 61, meter of the port --> packet-in --> endpoint --> tcp, http --> service
                                                                                      |              |
       <------------------------- packet-out to the same port ----------<-------------+       own data, or Nova

The endpoint (agent/endpoint.py) speaks TCP itself (dataplane/responders/tcp.py), over OpenFlow: the host gets no
address, device, route, namespace or open port for it, and who asks is known by the port that the packet came from, not
by its address.
"""
