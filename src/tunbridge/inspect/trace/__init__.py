"""Where a packet really goes: `ofproto/trace` of each host that it comes to, from the sender to every receiver.

    packet    a packet's header, as ovs-fields(7) writes it
    actions   what a datapath does with it ("Datapath actions" of a trace): which copies leave by which port
    text      what `ofproto/trace` prints, read (ovs-vswitchd(8))
    follow    from host to host: through tunnels and physical networks
    endpoints from and to whom: ports by name, id, address
    words     the trace as text for people

`ofproto/trace` runs the flows that Open vSwitch has at that moment and sends nothing. `paths` predicts the same from
the wiring alone, for hosts of which there is no more than a text.
"""
