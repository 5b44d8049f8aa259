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
    "address-answered-twice": {
        "{hosts} answer the same physical network for {address} with the MAC address {mac}: its switches take it to be "
        "now here and now there, and packets to it are lost or come twice": "{hosts}가 같은 물리 네트워크에서 MAC 주소 "
        "{mac}로 {address}에 응답합니다. 스위치는 이 주소가 한 번은 여기, 한 번은 저기에 있다고 여기고, 이 주소로 가는 "
        "패킷은 사라지거나 두 번 옵니다",
        "is the agent running on each of these hosts, and do their tunnels reach each other? `tunbridge host status` "
        "there; openstack network agent list --router ROUTER --long": "이 호스트들에서 에이전트가 실행 중인지, 터널이 "
        "서로 닿는지 확인하세요: 그 호스트에서 `tunbridge host status`; openstack network agent list --router ROUTER "
        "--long",
    },
    "address-unanswered": {
        "no host answers the physical network for {address} with the MAC address {mac}, the gateway's address of "
        "router {router}": "라우터 {router}의 게이트웨이 주소 {address}에 MAC 주소 {mac}로 물리 네트워크에 응답하는 "
        "호스트가 없습니다",
        "no host answers the physical network for {address} with the MAC address {mac}, a floating IP of router "
        "{router}": "라우터 {router}의 플로팅 IP {address}에 MAC 주소 {mac}로 물리 네트워크에 응답하는 "
        "호스트가 없습니다",
        "{host} does not answer its workloads for {address} with the MAC address {mac}, an interface's address of "
        "router {router}": "{host}가 자기 워크로드에 라우터 {router}의 인터페이스 주소 {address}를 MAC 주소 {mac}로 "
        "응답하지 않습니다",
        "is the agent of {host} running, and in sync? `tunbridge host status`; its start brings back flows that were "
        "deleted": "{host}의 에이전트가 실행 중이고 동기화되었는지 확인하세요: `tunbridge host status`. 에이전트는 "
        "시작할 때 지워진 플로를 되살립니다",
    },
    "next-hop-silent": {
        "{address} in {network} does not answer {host}, which sends to it for {whose}: its share of the packets goes "
        "to the other next hops of the route, while any of them answers": "{network}의 {address:이} 이 주소로 보내는 "
        "호스트 {host}에 응답하지 않습니다({whose}). 응답하는 다음 홉이 있는 동안 그 몫의 패킷은 경로의 다른 다음 "
        "홉으로 갑니다",
        "is the physical router with {address} up, and is {host} connected to the physical network of {network}? The "
        "agent asks it every second, and uses it again when it answers": "{address:을} 가진 물리 라우터가 켜져 있는지, "
        "{host:이} {network}의 물리 네트워크에 이어져 있는지 확인하세요. 에이전트는 초마다 묻고, 응답하면 다시 "
        "사용합니다",
    },
}
