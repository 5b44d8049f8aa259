"""What the checks of tunnels, and of the addresses and names of hosts, find, in Korean."""

from collections.abc import Mapping

FINDINGS: Mapping[str, Mapping[str, str]] = {
    "tunnel-one-way": {
        "{count} hosts have a tunnel to {host}, which has none back to them ({names}): it drops what arrives from "
        "there": "호스트 {count}개에 {host:으로} 오는 터널이 있지만 {host}에는 그쪽으로 가는 터널이 "
        "없습니다({names}). 거기서 온 패킷은 폐기(drop)됩니다",
        "{host} has tunnels to {count} hosts that have none back ({names}): they drop what arrives from "
        "it": "{host}에는 호스트 {count}개로 가는 터널이 있지만 그쪽에는 돌아오는 터널이 없습니다({names}). "
        "{host}에서 온 패킷은 폐기(drop)됩니다",
        "{type} tunnel {port} leads to {peer} ({remote}), but {same} has no {kind} tunnel back to this host: it "
        "drops what arrives": "{type} 터널 {port:은} {peer}({remote}) 쪽으로 가지만 {peer}에는 이 호스트로 돌아오는 "
        "{kind} 터널이 없습니다. 도착한 패킷은 폐기(drop)됩니다",
        "{type} tunnel {port} leads to {peer} ({remote}), but {same} has no {kind} tunnel back to {own}: it drops "
        "what arrives": "{type} 터널 {port:은} {peer}({remote}) 쪽으로 가지만 {peer}에는 {own:으로} 돌아오는 {kind} "
        "터널이 없습니다. 도착한 패킷은 폐기(drop)됩니다",
        "on those hosts: {anew!}; if {host} is no longer part of the cloud, its own tunnels are left over": "그 "
        "호스트들에서: {anew}. {host:이} 더는 클라우드에 속하지 않는다면 그 터널들은 남은 찌꺼기입니다",
        "on {host}: {anew!}": "{host}에서: {anew}",
    },
    "tunnel-address-mismatch": {
        "{type} tunnel {port} leads to {remote}, which is this host's own address": "{type} 터널 {port:이} 이 호스트 "
        "자신의 주소인 {remote:으로} 갑니다",
        "set its options:remote_ip to the other host's tunnel address; if no host is meant: "
        "{command}": "options:remote_ip를 상대 호스트의 터널 주소로 설정하세요. 상대 호스트가 없다면: {command}",
        "{port} leads to {remote}, but {host}'s end of the tunnel, {far}, is not there: packets are "
        "dropped": "{port:은} {remote:으로} 가지만 {host}의 터널 끝 {far:은} 그 주소에 있지 않습니다. 패킷이 "
        "폐기(drop)됩니다",
        "{port} leads to {remote}, but {host}'s end of the tunnel, {far}, is at {expected}: packets are "
        "dropped": "{port:은} {remote:으로} 가지만 {host}의 터널 끝 {far:은} {expected}에 있습니다. 패킷이 "
        "폐기(drop)됩니다",
        "{port} sends from {local}, but {host}'s {far} expects {expected}: packets are dropped": "{port:은} "
        "{local}에서 보내지만 {host}의 {far:은} {expected}에서 오는 것만 받습니다. 패킷이 폐기(drop)됩니다",
        "set options:remote_ip of {name} to the tunnel address of {host}": "{name}의 options:remote_ip를 {host}의 "
        "터널 주소로 설정하세요",
    },
    "tunnel-duplicate": {
        "{port} of {bridge} and {other} of {second} are both {type} to {remote} with the same local address and "
        "key: Open vSwitch can make only one of them": "{bridge}의 {port:과} {second}의 {other:은} 로컬 주소와 키가 "
        "같고 {remote:으로} 가는 {type} 터널입니다. Open vSwitch는 둘 중 하나만 만들 수 있습니다",
        "delete the one that no agent keeps: {command}": "에이전트가 관리하지 않는 쪽을 삭제하세요: {command}",
    },
    "tunnel-type-mismatch": {
        "{port} is {type}, but {host}'s {far}, which leads back, is {second}: each end drops what the other "
        "sends": "{port:은} {type}이지만 돌아오는 {host}의 {far:은} {second}입니다. 서로 상대가 보낸 패킷을 "
        "폐기(drop)합니다",
        "give both hosts the same tunnel_types in the agents' configuration, and {restart!} on both": "두 호스트의 "
        "에이전트 설정에서 tunnel_types를 같게 하고, 양쪽에서 {restart}",
        "give both hosts the same ovn-encap-type, and {restart!} on both": "두 호스트의 ovn-encap-type을 같게 하고, "
        "양쪽에서 {restart}",
        "{command}, or the other end to {type}": "{command}. 또는 반대쪽을 {type:으로} 바꾸세요",
    },
    "tunnel-key-mismatch": {
        "{port} sends key {out} and expects {in_key}, but {host}'s {far} expects {second} and sends "
        "{third}": "{port:은} 키 {out:으로} 보내고 {in_key:을} 받으려 하지만, {host}의 {far:은} {second:을} 받으려 "
        "하고 {third:으로} 보냅니다",
    },
    "tunnel-port-mismatch": {
        "{port} uses UDP port {number}, but {host}'s {far} uses {second}": "{port:은} UDP 포트 {number:을} 쓰지만 "
        "{host}의 {far:은} {second:을} 씁니다",
    },
    "tunnel-name-mismatch": {
        "the name of {port} tells {named}, but it leads to {remote}, for which it would be {wanted}": "{port}의 "
        "이름은 {named:을} 뜻하지만 실제로는 {remote:으로} 갑니다. 그 주소라면 이름이 {wanted}여야 합니다",
        "the name of {port} tells {named}, but it leads to {remote}": "{port}의 이름은 {named:을} 뜻하지만 실제로는 "
        "{remote:으로} 갑니다",
        "if the name is right: {command}; if {remote} is: {second}, and at once {restart!}, which makes the tunnel "
        "anew under its right name": "이름이 맞다면: {command}. {remote:이} 맞다면: {second}, 그리고 바로 {restart}. "
        "그러면 올바른 이름으로 터널이 새로 만들어집니다",
    },
    "local-ip-duplicate": {
        "{host} has the tunnel address {address}, and {other} has it too: their peers reach only one of "
        "them": "{host}의 터널 주소 {address:을} {other}도 씁니다. 상대 호스트는 둘 중 하나에만 닿습니다",
        "give one of them another address (`local_ip` in the agent's configuration, `ovn-encap-ip` in OVN)": "둘 중 "
        "하나에 다른 주소를 주세요(에이전트 설정의 `local_ip`, OVN이면 `ovn-encap-ip`)",
    },
    "system-id-duplicate": {
        "{host} and {other} have the same system UUID but different tunnels: copies of one database, or one host "
        "before and after its address changed": "{host:과} {other:은} 시스템 UUID가 같지만 터널이 다릅니다. 한 "
        "데이터베이스의 복사본이거나, 주소가 바뀌기 전과 후의 같은 호스트입니다",
        "on the clone, if it is one: stop Open vSwitch, remove /etc/openvswitch/conf.db and system-id.conf, start "
        "it again; that removes all its bridges, also one that holds the host's own address": "복제된 호스트라면 "
        "그곳에서 Open vSwitch를 멈추고 /etc/openvswitch/conf.db와 system-id.conf를 지운 뒤 다시 시작하세요. 호스트 "
        "자신의 주소가 있는 브리지까지 모든 브리지가 지워집니다",
        "{host} and {other} both have external_ids:system-id={id}: OVN and other controllers take them for one "
        "host, and each takes away what was made for the other": "{host:과} {other:이} 모두 "
        "external_ids:system-id={id}입니다. OVN과 다른 컨트롤러는 둘을 한 호스트로 여기므로, 서로 상대를 위해 만든 "
        "것을 지웁니다",
        "on one of them: {command}, then {second}, and restart ovn-controller": "둘 중 한 곳에서: {command}, 이어서 "
        "{second}, 그리고 ovn-controller를 다시 시작하세요",
    },
    "host-given-twice": {
        "{first} and {second} have the same system UUID: one host, given twice. What is shown is the one given "
        "last; {left} is left out": "{first:과} {second:은} 시스템 UUID가 같습니다. 한 호스트를 두 번 지정한 것이므로 "
        "나중 것만 표시하고 {left:은} 뺐습니다",
        "give each host once; to see one host at two times, run the command once for each": "호스트마다 한 번만 "
        "지정하세요. 한 호스트의 두 시점을 보려면 명령을 따로 실행하세요",
    },
    "bfd-down": {
        "BFD of {name} is not up ({heard}): what is sent to {remote} by this tunnel may not arrive": "{name}의 BFD가 "
        "up이 아닙니다({heard}). 이 터널로 {remote}에 보낸 패킷이 도착하지 않을 수 있습니다",
        "BFD of {name} is up, but the way back is not (forwarding false) ({heard}): what is sent to {remote} by "
        "this tunnel may not arrive": "{name}의 BFD는 up이지만 돌아오는 방향은 아닙니다(forwarding false)({heard}). "
        "이 터널로 {remote}에 보낸 패킷이 도착하지 않을 수 있습니다",
        "BFD of {name} is not up ({heard}): {host}'s end of the tunnel, {far}, has BFD off": "{name}의 BFD가 up이 "
        "아닙니다({heard}). {host}의 터널 끝 {far}에 BFD가 꺼져 있습니다",
        "{command}; do firewalls on the way let the tunnel's packets through?": "{command}. 중간의 방화벽이 터널 "
        "패킷을 통과시킵니까?",
        "on {host}: {command}": "{host}에서: {command}",
    },
    "underlay-mtu-too-small": {
        "{name}, which tunnels leave by, has MTU {mtu}, but {needed} are needed: workload port {port} of {host} has "
        "MTU {largest}, and {type} adds {added} bytes ({parts}). Larger packets are lost": "터널이 나가는 {name}의 "
        "MTU는 {mtu}이지만 {needed:이} 필요합니다. {host}의 워크로드 포트 {port}의 MTU가 {largest}이고 {type:이} "
        "{added}바이트를 더합니다({parts}). 더 큰 패킷은 유실됩니다",
        "{name}, which tunnels leave by, has MTU {mtu}, but {needed} are needed: workload port {port} has MTU "
        "{largest}, and {type} adds {added} bytes ({parts}). Larger packets are lost": "터널이 나가는 {name}의 MTU는 "
        "{mtu}이지만 {needed:이} 필요합니다. 워크로드 포트 {port}의 MTU가 {largest}이고 {type:이} {added}바이트를 "
        "더합니다({parts}). 더 큰 패킷은 유실됩니다",
        "{command}, likewise on what is below it, the other hosts and the switches between; or lower the MTU of the "
        "network to {mtu} (openstack network set --mtu)": "{command}. 그 아래 장치, 다른 호스트, 사이의 스위치에서도 "
        "마찬가지로 하세요. 또는 네트워크의 MTU를 {mtu:으로} 낮추세요(openstack network set --mtu)",
    },
}
"""Code -> message or fix, in English -> in Korean."""
