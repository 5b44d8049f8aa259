"""What checks find, in Korean: each template in English, as the checks make it, and its translation.

A template with more in it stands before a shorter one that would fit the same text. `{name:은}` is the name with the
particle that its last sound asks for.

    bridges tunnels interfaces routers   the findings, by what they are about
    pieces                       what several findings share; why something was not checked
    codes                        what a code means (`check --explain`)
    words                        pictures, pages and the words around findings
    lab                          what `lab up` tells
"""

from collections.abc import Mapping

from tunbridge.inspect.translation.ko import bridges, interfaces, routers, tunnels

FINDINGS: Mapping[str, Mapping[str, str]] = {
    **bridges.FINDINGS,
    **tunnels.FINDINGS,
    **interfaces.FINDINGS,
    **routers.FINDINGS,
}
"""Code -> message or fix, in English -> in Korean."""
