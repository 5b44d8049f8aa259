"""What the checks of bridges and their patch ports find, in Korean."""

from collections.abc import Mapping

FINDINGS: Mapping[str, Mapping[str, str]] = {
    "patch-peer-missing": {
        "patch port {name} of {bridge} names no peer: it leads nowhere": "{bridge}의 패치 포트 {name}에 상대(peer)가 "
        "지정되어 있지 않아 아무 데로도 이어지지 않습니다",
        "patch port {name} of {bridge} leads to {peer}, which does not exist on this host, nor does its integration "
        "bridge {home}: what {same} sends there is dropped": "{bridge}의 패치 포트 {name:은} {peer:으로} 이어지지만 "
        "이 호스트에 {peer:이} 없고, 그것이 있어야 할 통합 브리지 {home}도 없습니다. {same:이} 그쪽으로 보내는 패킷은 "
        "폐기(drop)됩니다",
        "patch port {name} of {bridge} leads to {peer}, which does not exist on this host, nor does its tunnel "
        "bridge {home}: what {same} sends there is dropped": "{bridge}의 패치 포트 {name:은} {peer:으로} 이어지지만 "
        "이 호스트에 {peer:이} 없고, 그것이 있어야 할 터널 브리지 {home}도 없습니다. {same:이} 그쪽으로 보내는 패킷은 "
        "폐기(drop)됩니다",
        "patch port {name} of {bridge} leads to {peer}, which does not exist on this host, nor does its bridge "
        "{home}: what {same} sends there is dropped": "{bridge}의 패치 포트 {name:은} {peer:으로} 이어지지만 이 "
        "호스트에 {peer:이} 없고, 그것이 있어야 할 브리지 {home}도 없습니다. {same:이} 그쪽으로 보내는 패킷은 "
        "폐기(drop)됩니다",
        "patch port {name} of {bridge} leads to {peer}, which does not exist on this host: what {same} sends there "
        "is dropped": "{bridge}의 패치 포트 {name:은} {peer:으로} 이어지지만 이 호스트에 {peer:이} 없습니다. "
        "{same:이} 그쪽으로 보내는 패킷은 폐기(drop)됩니다",
        "set its options:peer to the other end of the wire, or, {left!}": "options:peer를 케이블의 반대쪽 포트로 "
        "설정하세요. 또는 {left}",
        "{restart!}, which makes and removes such pairs; {left!}": "{restart}. 이런 쌍은 그 프로그램이 만들고 "
        "지웁니다. {left}",
        "make {peer} in the bridge that it is meant for, as a patch port with this one as its peer, or, "
        "{left!}": "{peer:을} 원래 있어야 할 브리지에, 이 포트를 상대(peer)로 하는 패치 포트로 만드세요. 또는 {left}",
        "if {home} is still in bridge_mappings: make the bridge again, with its NIC, and {restart!}, which makes "
        "the pair; {left!}": "{home:이} 아직 bridge_mappings에 있다면 브리지를 물리 NIC와 함께 다시 만들고 {restart}. "
        "그러면 쌍이 만들어집니다. {left}",
        "{restart!}, which makes the {kind!} and its patch ports; {left!}": "{restart}. 그러면 {kind:과} 그 패치 "
        "포트가 만들어집니다. {left}",
    },
    "patch-peer-one-sided": {
        "patch port {name} is its own peer: no packet passes": "패치 포트 {name:은} 자기 자신이 상대(peer)입니다. "
        "패킷이 지나가지 못합니다",
        "patch port {name} leads to {peer}, which is no patch port but of type {type}: no packet passes": "패치 포트 "
        "{name:은} {peer:으로} 이어지지만 {peer:은} 패치 포트가 아니라 {type} 유형입니다. 패킷이 지나가지 못합니다",
        "patch port {name} leads to {peer}, which itself leads to nothing: no packet passes": "패치 포트 {name:은} "
        "{peer:으로} 이어지지만 {peer}에는 상대(peer)가 없습니다. 패킷이 지나가지 못합니다",
        "patch port {name} leads to {peer}, which itself leads to {back}: no packet passes": "패치 포트 {name:은} "
        "{peer:으로} 이어지지만 {peer:은} {back:으로} 이어집니다. 패킷이 지나가지 못합니다",
        "set options:peer of {name} to the other end of its wire, or, {left!}; {peer} is in use as it is, leave "
        "it": "{name}의 options:peer를 케이블의 반대쪽 포트로 설정하세요. 또는 {left}. {peer:은} 지금 그대로 쓰이고 "
        "있으니 건드리지 마세요",
        "set options:peer of {name} to the other end of its wire, or, {left!}": "{name}의 options:peer를 케이블의 "
        "반대쪽 포트로 설정하세요. 또는 {left}",
    },
    "bridge-loop": {
        "the wire {port} - {other} closes a circle: {circle}; a broadcast can go round without end": "케이블 {port} - "
        "{other:이} 루프를 만듭니다: {circle}. 브로드캐스트가 끝없이 돌 수 있습니다",
        "the wire {port} - {other} joins {bridge} to itself; a broadcast can go round without end": "케이블 {port} - "
        "{other:이} {bridge:을} 자기 자신에게 잇습니다. 브로드캐스트가 끝없이 돌 수 있습니다",
        "delete both ports of the one wire that is not meant to be: {pairs}": "있어서는 안 되는 케이블 하나의 두 "
        "포트를 삭제하세요: {pairs}",
    },
    "mixed-datapaths": {
        "{one} is in datapath {type} and {other} in {second}, and {port} joins them: a patch pair does not cross "
        "datapaths, so no packet passes": "{one:은} {type} 데이터패스에, {other:은} {second} 데이터패스에 있는데 "
        "{port:이} 둘을 잇습니다. 패치 쌍은 데이터패스를 넘지 못하므로 패킷이 지나가지 못합니다",
        "give both the same datapath_type; in the agent's configuration (datapath_type), then {restart!}": "에이전트 "
        "설정(datapath_type)에서 둘의 datapath_type을 같게 하고 {restart}",
        "give both the same datapath_type, if {bridge} is meant to be in user space too; by hand, which makes the "
        "bridge anew: {command}": "{bridge}도 사용자 공간에 두려는 것이라면 둘의 datapath_type을 같게 하세요. "
        "수동으로는(브리지가 새로 만들어집니다): {command}",
    },
    "controller-disconnected": {
        "{bridge} is not connected to its controller {target}: it goes on with the flows it has, but gets no new "
        "ones": "{bridge:이} 컨트롤러 {target}에 연결되어 있지 않습니다. 이미 있는 플로우로 계속 전달하지만 새 "
        "플로우는 추가되지 않습니다",
        "{bridge} is not connected to its controller {target}: it acts as an ordinary switch": "{bridge:이} 컨트롤러 "
        "{target}에 연결되어 있지 않습니다. 일반 스위치로 동작합니다",
        "start Neutron's or Tunbridge's agent on this host, which listens there (ss -ltnp | grep 6633)": "이 "
        "호스트에서 Neutron 또는 Tunbridge의 에이전트를 시작하세요. 그 에이전트가 그 주소에서 접속을 받습니다(ss "
        "-ltnp | grep 6633)",
        "start the controller at {target}; can this host reach it?": "{target}의 컨트롤러를 시작하세요. 이 호스트에서 "
        "그곳에 접속할 수 있습니까?",
    },
    "manager-disconnected": {
        "no client is connected to the OVSDB manager {target}: is the agent of this host running?": "OVSDB 매니저 "
        "{target}에 접속한 프로그램이 없습니다. 이 호스트의 에이전트가 실행 중입니까?",
        "no client is connected to the OVSDB manager {target}": "OVSDB 매니저 {target}에 접속한 프로그램이 없습니다",
        "Open vSwitch is not connected to its OVSDB manager {target}": "Open vSwitch가 OVSDB 매니저 {target}에 "
        "연결되어 있지 않습니다",
        "start the agent of this host (Neutron's or Tunbridge's); {without!}": "이 호스트의 에이전트(Neutron 또는 "
        "Tunbridge)를 시작하세요. {without}",
        "start the manager there; {without!}": "그곳의 매니저를 시작하세요. {without}",
    },
    "fail-mode-not-secure": {
        "{bridge} is not in fail mode secure: whenever it has no controller and no flows, it floods and learns like "
        "an ordinary switch": "{bridge:은} 시큐어 모드(fail_mode: secure)가 아닙니다. 컨트롤러도 플로우도 없을 때 "
        "일반 스위치처럼 플러딩하고 MAC을 학습합니다",
        "{command}; this empties its flow tables: {then!}": "{command}. 이때 플로우 테이블이 비워집니다. {then}",
    },
    "controller-missing": {
        "{bridge} is in fail mode secure and has no active controller, while {sibling} of the same host has one: "
        "without flows that somebody writes, it drops everything": "{bridge:은} 시큐어 모드(fail_mode: secure)인데 "
        "활성 컨트롤러가 없습니다. 같은 호스트의 {sibling}에는 있습니다. 플로우를 설정하는 프로그램이 없으면 패킷을 "
        "모두 폐기(drop)합니다",
        "{bridge} is in fail mode secure and has no active controller, while {sibling} of {host} has one: without "
        "flows that somebody writes, it drops everything": "{bridge:은} 시큐어 모드(fail_mode: secure)인데 활성 "
        "컨트롤러가 없습니다. {host}의 {sibling}에는 있습니다. 플로우를 설정하는 프로그램이 없으면 패킷을 모두 "
        "폐기(drop)합니다",
        "{restart!}, which sets the controller of its bridges and writes their flows": "{restart}. 그러면 브리지의 "
        "컨트롤러와 플로우가 설정됩니다",
    },
    "provider-without-nic": {
        "provider bridge {bridge} has no NIC, while {same} of {host} has one: its network ends on this "
        "host": "프로바이더 브리지 {bridge}에 물리 NIC가 없습니다. {host}의 {same}에는 있습니다. 이 네트워크는 이 "
        "호스트에서 끝납니다",
        "provider bridge {bridge} has no NIC: its network ends on this host": "프로바이더 브리지 {bridge}에 물리 "
        "NIC가 없습니다. 이 네트워크는 이 호스트에서 끝납니다",
        "{bridge} has no NIC, while {same} of {host} has one: its network ends on this host": "{bridge}에 물리 NIC가 "
        "없습니다. {host}의 {same}에는 있습니다. 이 네트워크는 이 호스트에서 끝납니다",
        "plug in the NIC of that physical network with ovs-vsctl add-port, if this host has one (ip -br link); "
        "addresses of the NIC go to {bridge} first, or the host is cut off": "이 호스트에 그 물리 네트워크의 NIC가 "
        "있으면(ip -br link) ovs-vsctl add-port로 연결하세요. NIC의 주소를 먼저 {bridge:으로} 옮기지 않으면 호스트 "
        "연결이 끊어집니다",
    },
    "bridge-mapping-missing": {
        "physical network {network} is mapped to bridge {bridge}, which does not exist on this host: ports on that "
        "network are not wired": "물리 네트워크 {network:이} 브리지 {bridge}에 매핑되어 있지만 이 호스트에 그 "
        "브리지가 없습니다. 그 네트워크의 포트는 연결되지 않습니다",
        "make the bridge ({command}) and plug its NIC in, or correct the mapping "
        "(external_ids:ovn-bridge-mappings)": "브리지를 만들고({command}) 물리 NIC를 연결하거나, "
        "매핑(external_ids:ovn-bridge-mappings)을 고치세요",
        "make the bridge ({command}) and plug its NIC in, or correct the mapping (bridge_mappings in "
        "openvswitch_agent.ini); then {restart!}": "브리지를 만들고({command}) 물리 NIC를 연결하거나, "
        "매핑(openvswitch_agent.ini의 bridge_mappings)을 고치세요. 그 뒤 {restart}",
        "make the bridge ({command}) and plug its NIC in, or correct the mapping": "브리지를 만들고({command}) 물리 "
        "NIC를 연결하거나, 매핑을 고치세요",
    },
    "integration-bridge-isolated": {
        "{bridge} holds {count} workload ports, but no patch port, tunnel or NIC: nothing of them leaves this "
        "host": "{bridge}에 워크로드 포트가 {count}개 있지만 패치 포트, 터널, 물리 NIC가 없어 패킷이 이 호스트를 "
        "벗어나지 못합니다",
        "{bridge} holds {count} workload port, but no patch port, tunnel or NIC: nothing of them leaves this "
        "host": "{bridge}에 워크로드 포트가 {count}개 있지만 패치 포트, 터널, 물리 NIC가 없어 패킷이 이 호스트를 "
        "벗어나지 못합니다",
        "{restart!}, and see its log for why it made neither tunnels nor patch ports": "{restart}. 터널도 패치 포트도 "
        "만들지 않은 까닭은 그 로그에 있습니다",
    },
    "bridge-unconnected": {
        "{bridge} has tunnels, but no patch port to the integration bridge: no workload's packet reaches "
        "them": "{bridge}에 터널이 있지만 통합 브리지로 가는 패치 포트가 없습니다. 워크로드의 패킷이 터널에 닿지 "
        "못합니다",
        "{bridge} is there for tunnels, but has neither tunnels nor a patch port to the integration "
        "bridge": "{bridge:은} 터널용 브리지이지만 터널도, 통합 브리지로 가는 패치 포트도 없습니다",
        "{bridge} is controlled as a provider bridge, but has no patch port to the integration bridge": "{bridge:은} "
        "프로바이더 브리지로 제어되지만 통합 브리지로 가는 패치 포트가 없습니다",
        "{bridge} has nothing in it but its own port, and is joined to no other bridge": "{bridge}에는 자기 포트밖에 "
        "없고, 다른 브리지와 이어져 있지 않습니다",
        "{bridge} holds only internal ports, which Open vSwitch itself makes: {names} is no NIC, though it is named "
        "like one": "{bridge}에는 Open vSwitch가 만드는 internal 포트만 있습니다. {names:은} 이름만 물리 NIC 같을 뿐 "
        "NIC가 아닙니다",
        "{bridge} holds only internal ports, which Open vSwitch itself makes: {names} are no NICs, only named "
        "so": "{bridge}에는 Open vSwitch가 만드는 internal 포트만 있습니다. {names:은} 이름만 물리 NIC 같을 뿐 NIC가 "
        "아닙니다",
        "{bridge} holds only internal ports, and is joined to no other bridge: only this host itself uses "
        "it": "{bridge}에는 internal 포트만 있고 다른 브리지와 이어져 있지 않습니다. 이 호스트 자신만 씁니다",
        "{bridge} has a NIC, but the integration bridge is not joined to it: no provider network is served here "
        "now": "{bridge}에 물리 NIC가 있지만 통합 브리지와 이어져 있지 않습니다. 지금은 여기서 프로바이더 네트워크를 "
        "제공하지 않습니다",
        "{restart!}, which makes the patch pairs of its bridges; if it is of no use, and no address is on it "
        "({check}): {command}": "{restart}. 그러면 브리지의 패치 쌍이 만들어집니다. 쓰이지 않고 주소도 "
        "없다면({check}): {command}",
        "{restart!}, which makes the patch pairs of its bridges": "{restart}. 그러면 브리지의 패치 쌍이 만들어집니다",
        "if a NIC is meant: is there one of that name (ip -br link)? An interface of the host is plugged in without "
        "type=internal": "물리 NIC를 연결하려던 것이라면: 그런 이름의 NIC가 있습니까(ip -br link)? 호스트의 "
        "인터페이스는 type=internal 없이 연결합니다",
        "nothing, if that is so on purpose": "의도한 것이라면 할 일이 없습니다",
        "nothing, if none is meant to be; ovn-controller makes the patch ports when a network that is mapped to "
        "{bridge} (external_ids:ovn-bridge-mappings) has a port on this host": "의도한 것이라면 할 일이 없습니다. "
        "{bridge}에 매핑된 네트워크(external_ids:ovn-bridge-mappings)의 포트가 이 호스트에 생기면 ovn-controller가 "
        "패치 포트를 만듭니다",
    },
}
"""Code -> message or fix, in English -> in Korean."""
