"""Findings of routers and floating IPs, in Korean."""

from collections.abc import Mapping

FINDINGS: Mapping[str, Mapping[str, str]] = {
    "router-without-host": {
        "no host has the way of router {router} to {external}: what is sent there from {inside} is refused, but for "
        "workloads with a floating IP on their own host": "라우터 {router}의 {external} 게이트웨이를 가진 호스트가 "
        "없습니다. 자기 호스트에 플로팅 IP가 있는 워크로드를 빼면 {inside}에서 그쪽으로 보낸 패킷은 거부됩니다",
        "which hosts have a bridge to the physical network of {external}, and are their agents up and not disabled? "
        "openstack network agent list --agent-type l3": "{external}의 물리 네트워크로 이어지는 브리지가 어느 호스트에 "
        "있는지, 그 에이전트가 살아 있고 비활성화되지 않았는지 확인하세요: openstack network agent list "
        "--agent-type l3",
    },
    "floating-ip-down": {
        "{addresses} of {name} is not ACTIVE, although {same} is: no host answers for it outside": "{name}의 "
        "{addresses:이} ACTIVE가 아닙니다. {name:은} ACTIVE이지만 외부에서 이 주소에 응답하는 호스트가 없습니다",
        "is its router up, and does it have a gateway host? openstack network agent list --router ROUTER; does {host} "
        "or a gateway host have a bridge to the external network?": "라우터가 켜져 있고 게이트웨이 호스트가 있는지 "
        "확인하세요: openstack network agent list --router ROUTER. {host} 또는 게이트웨이 호스트에 외부 네트워크로 "
        "이어지는 브리지가 있는지도 확인하세요",
    },
}
"""Code -> message or fix, in English -> in Korean."""
