"""What checks find, in Korean: each template in English, as the checks make it, and its translation.

A template with more in it stands before a shorter one that would fit the same text. `{name:은}` is the name with the
particle that its last sound asks for.
"""

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
    "flow-restore-wait": {
        "other_config:flow-restore-wait is set: an ovs-vswitchd that was started since forwards nothing and talks "
        "to no controller, and one that is started now will not either": "other_config:flow-restore-wait가 설정되어 "
        "있습니다. 그 뒤에 시작된 ovs-vswitchd는 아무것도 전달하지 않고 컨트롤러와 통신하지 않으며, 지금 시작해도 "
        "마찬가지입니다",
        "{command}; that empties the flow tables of bridges with a controller: {then!}": "{command}. 이때 컨트롤러가 "
        "있는 브리지의 플로우 테이블이 비워집니다. {then}",
    },
    "mac-table-full": {
        "the MAC table of {bridge} holds {used} of {size} addresses: for each new one an old one is forgotten, and "
        "packets to it are flooded": "{bridge}의 MAC 테이블에 최대 {size}개 가운데 {used}개가 있습니다. 새 주소가 "
        "생길 때마다 오래된 주소를 잊고, 그 주소로 가는 패킷은 플러딩됩니다",
        "the MAC table of {bridge} holds {used} of {size} addresses: nearly full": "{bridge}의 MAC 테이블에 최대 "
        "{size}개 가운데 {used}개가 있어 거의 찼습니다",
        "{command} (Neutron's agent takes 50000); is it a loop or a scan? ovs-appctl fdb/show tells who is "
        "there": "{command} (Neutron 에이전트는 50000을 씁니다). 루프나 스캔은 아닙니까? ovs-appctl fdb/show로 어떤 "
        "주소가 있는지 볼 수 있습니다",
    },
    "drops-growing": {
        "{name} of {bridge} drops packets: {counters}": "{bridge}의 {name:이} 패킷을 폐기(drop)하고 있습니다: "
        "{counters}",
        "{command}; do the MTUs of both ends fit, does the receiver keep up (queues, CPU)?": "{command}. 양쪽 MTU가 "
        "맞습니까? 받는 쪽이 처리 속도를 따라갑니까(큐, CPU)?",
    },
    "errors-growing": {
        "{name} of {bridge} has errors: {counters}": "{bridge}의 {name}에 오류가 늘고 있습니다: {counters}",
        "{command}; {second}; try another cable, transceiver or switch port": "{command}; {second}. 다른 케이블, "
        "트랜시버, 스위치 포트로 바꿔 보세요",
    },
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
    "interface-error": {
        "{name} of {bridge} does not work: {error}. That means: {means!}": "{bridge}의 {name:이} 동작하지 않습니다: "
        "{error}. 뜻: {means}",
    },
    "dpdk-on-system-bridge": {
        "{name} is of type {type}, but {bridge} is in the kernel's datapath, which has no such ports": "{name:은} "
        "{type} 유형이지만 {bridge:은} 커널 데이터패스에 있고, 거기에는 그런 포트가 없습니다",
        "move the port to a bridge with datapath_type=netdev (ovs-vsctl --columns=name,datapath_type list bridge), "
        "or, if this whole bridge is to be in user space, set its datapath_type where its agent is "
        "configured": "포트를 datapath_type=netdev인 브리지로 옮기세요(ovs-vsctl --columns=name,datapath_type list "
        "bridge). 이 브리지 전체를 사용자 공간에 두려면 에이전트 설정에서 datapath_type을 바꾸세요",
    },
    "dead-vlan": {
        "{port} of {bridge} is in VLAN 4095, the dead VLAN: Neutron's agent has not bound it, or binding failed, "
        "and all its packets are dropped": "{bridge}의 {port:은} 데드 VLAN인 VLAN 4095에 있습니다. Neutron 에이전트가 "
        "아직 바인딩하지 않았거나 바인딩에 실패했으며, 패킷은 모두 폐기(drop)됩니다",
        "{command}, then openstack port show that UUID, and the agent's log": "{command}로 UUID를 확인한 뒤, 그 "
        "UUID로 openstack port show를 실행하고 에이전트 로그를 보세요",
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
    "nic-on-integration-bridge": {
        "{port} looks like a physical NIC, and is plugged into the integration bridge {bridge}: local VLANs of "
        "workloads can leave on it": "물리 NIC로 보이는 {port:이} 통합 브리지 {bridge}에 연결되어 있습니다. "
        "워크로드의 로컬 VLAN이 그리로 나갈 수 있습니다",
        "{command}, and add it to a provider bridge": "{command}, 그리고 프로바이더 브리지에 추가하세요",
    },
    "workload-untagged": {
        "{port} of {bridge} has no tag: Neutron's agent has not wired it, so it is in none of the host's "
        "networks": "{bridge}의 {port}에 태그가 없습니다. Neutron 에이전트가 아직 연결하지 않아 어느 네트워크에도 "
        "속하지 않습니다",
        "{command}, then openstack port show that UUID: is it bound to this host? The agent's log tells why it was "
        "not wired": "{command}로 UUID를 확인한 뒤 openstack port show로 보세요. 이 호스트에 바인딩되어 있습니까? "
        "연결되지 않은 까닭은 에이전트 로그에 있습니다",
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
    "nic-down": {
        "NIC {name} of {bridge} is down ({reason!}): nothing leaves {same} by it": "{bridge}의 물리 NIC {name:이} "
        "꺼져(down) 있습니다({reason}). 그 NIC로는 아무것도 나가지 못합니다",
        "{name}, which holds the tunnel address, is down ({reason!}): no tunnel of this host works": "터널 주소가 "
        "있는 {name:이} 꺼져(down) 있습니다({reason}). 이 호스트의 터널은 모두 동작하지 않습니다",
        "{name}, which tunnel {tunnel} leaves by, is down ({reason!})": "터널 {tunnel:이} 나가는 {name:이} 꺼져(down) "
        "있습니다({reason})",
    },
    "bond-member-down": {
        "bond {bond} of {bridge} has {count} of {total} members down ({what}): all goes by {left}": "{bridge}의 본드 "
        "{bond:은} 멤버 {total}개 가운데 {count}개가 꺼져(down) 있습니다({what}). 모두 {left:으로} 나갑니다",
        "bond {bond} of {bridge} has {count} of {total} members down ({what}): nothing leaves {same} by "
        "it": "{bridge}의 본드 {bond:은} 멤버 {total}개 가운데 {count}개가 꺼져(down) 있습니다({what}). 그 본드로는 "
        "아무것도 나가지 못합니다",
    },
    "lacp-not-negotiated": {
        "bond {bond} of {bridge} (lacp={lacp}) hears no LACP partner on {names}: none of its members is in "
        "use": "{bridge}의 본드 {bond}(lacp={lacp}): {names}에서 LACP 상대가 확인되지 않습니다. 쓰이는 멤버가 없습니다",
        "bond {bond} of {bridge} (lacp={lacp}) hears no LACP partner on {names}: these members are not in "
        "use": "{bridge}의 본드 {bond}(lacp={lacp}): {names}에서 LACP 상대가 확인되지 않습니다. 그 멤버들은 쓰이지 "
        "않습니다",
        "make the switch ports of {names} one LACP group; {command} tells what is heard": "{names}에 연결된 스위치 "
        "포트를 하나의 LACP 그룹으로 묶으세요. {command}로 무엇이 수신되는지 볼 수 있습니다",
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

PIECES: Mapping[str, str] = {
    "restart the agent of this host (neutron-openvswitch-agent or tunbridge-agent)": "이 호스트의 "
    "에이전트(neutron-openvswitch-agent 또는 tunbridge-agent)를 다시 시작하세요",
    "restart ovn-controller (systemctl restart ovn-controller)": "ovn-controller를 다시 시작하세요(systemctl restart "
    "ovn-controller)",
    "restart the antrea-agent Pod of this node": "이 노드의 antrea-agent 파드를 다시 시작하세요",
    "restart whatever program made it": "그것을 만든 프로그램을 다시 시작하세요",
    "{restart!}, which makes the pair anew; by hand, and then restart it too, as its flows go by port number: "
    "{command}": "{restart}. 그러면 쌍이 새로 만들어집니다. 수동으로 할 때는 플로우가 포트 번호를 따르므로 그 뒤에도 "
    "다시 시작해야 합니다: {command}",
    "{restart!}, which makes its tunnels anew; by hand, and then restart it too, as its flows go by port number: "
    "{command}": "{restart}. 그러면 터널이 새로 만들어집니다. 수동으로 할 때는 플로우가 포트 번호를 따르므로 그 "
    "뒤에도 다시 시작해야 합니다: {command}",
    "is its agent up (openstack network agent list), with the same tunnel_types and l2_population? {restart!}, "
    "which makes its tunnels anew": "에이전트가 실행 중이고(openstack network agent list) tunnel_types와 "
    "l2_population이 같습니까? {restart}. 그러면 터널이 새로 만들어집니다",
    "is ovn-controller running, and connected to the southbound database? {restart!}": "ovn-controller가 실행 중이고 "
    "사우스바운드 데이터베이스에 연결되어 있습니까? {restart}",
    "{restart!}, and see why it has no tunnels": "{restart}. 그리고 터널이 없는 까닭을 확인하세요",
    "then have its flows written again: a controller does that when it reconnects, and what ovs-ofctl added has to "
    "be added again": "그 뒤 플로우를 다시 설정해야 합니다. 컨트롤러는 다시 연결될 때 설정하고, ovs-ofctl로 추가한 "
    "것은 다시 추가해야 합니다",
    "then {restart!}, which writes them again": "그 뒤 {restart}. 그러면 플로우가 다시 설정됩니다",
    "if this half is left over: {command}": "한쪽만 남은 것이라면: {command}",
    "if nothing uses it any more: {command}": "더는 쓰지 않는다면: {command}",
    "integration bridge": "통합 브리지",
    "tunnel bridge": "터널 브리지",
    "bridge": "브리지",
    "it is switched off": "관리상 꺼짐",
    "it has no carrier": "캐리어 없음",
    "look at the cable and the switch port; {command} tells what the NIC sees": "케이블과 스위치 포트를 확인하세요. "
    "{command}로 NIC의 상태를 볼 수 있습니다",
    # -- 인터페이스 오류 ----------------------------------------------------------------------------------------------
    "the datapath has no tunnels of this type: the kernel's module for it is missing or too old, or it was left "
    "out": "데이터패스에 이 유형의 터널이 없습니다. 커널 모듈이 없거나 오래되었거나 빠져 있습니다",
    "{command} and {second} tell what there is; a newer kernel, or the userspace datapath, may have it": "{command}, "
    "{second}로 무엇이 있는지 볼 수 있습니다. 새 커널이나 사용자 공간 데이터패스에는 있을 수 있습니다",
    "this ovs-vswitchd was built without DPDK, or DPDK is not initialised": "이 ovs-vswitchd는 DPDK 없이 빌드되었거나 "
    "DPDK가 초기화되지 않았습니다",
    "ovs-vsctl get Open_vSwitch . dpdk_initialized; if ovs-vswitchd --version names DPDK: {command}, and restart "
    "ovs-vswitchd; else install the build with DPDK": "ovs-vsctl get Open_vSwitch . dpdk_initialized로 확인하세요. "
    "ovs-vswitchd --version에 DPDK가 나오면 {command}, 그리고 ovs-vswitchd를 다시 시작하세요. 아니면 DPDK가 들어 있는 "
    "빌드를 설치하세요",
    "ports of DPDK work only in the userspace datapath, and {bridge} is not in it": "DPDK 포트는 사용자 공간 "
    "데이터패스에서만 동작하는데 {bridge:은} 거기에 있지 않습니다",
    "put the port into a bridge with datapath_type=netdev: {command} shows which are": "포트를 datapath_type=netdev인 "
    "브리지에 두세요. {command}로 볼 수 있습니다",
    "another user of this UDP port is on the host: Flannel, Cilium, Docker's overlay, or a VXLAN device of the "
    "kernel": "이 호스트에서 다른 프로그램이 이 UDP 포트를 씁니다: Flannel, Cilium, Docker 오버레이, 커널의 VXLAN "
    "장치 등",
    "ss -lnup and ip -d link show type vxlan tell whose it is; give one of the two another port: options:dst_port, "
    "the same on every host": "ss -lnup과 ip -d link show type vxlan으로 누가 쓰는지 볼 수 있습니다. 둘 중 하나에 "
    "다른 포트를 주세요: options:dst_port(모든 호스트에서 같게)",
    "no network device of this name exists in the host's name space": "호스트의 네임스페이스에 이 이름의 네트워크 "
    "장치가 없습니다",
    "find out why the device is gone ({command}; is its driver loaded?); if it is gone for good: {second}": "장치가 "
    "사라진 까닭을 확인하세요({command}, 드라이버가 로드되어 있습니까?). 아주 없어진 것이라면: {second}",
    "no network device of this name exists in the host's name space: it is gone, or there never was one": "호스트의 "
    "네임스페이스에 이 이름의 네트워크 장치가 없습니다. 사라졌거나 처음부터 없었습니다",
    "if Open vSwitch is to make it: {command}; if it is gone for good: {second}": "Open vSwitch가 만들어야 하는 "
    "것이라면: {command}. 아주 없어진 것이라면: {second}",
    "the device is gone: its workload was deleted and the port was left behind (or the workload is just being "
    "started)": "장치가 없습니다. 워크로드가 삭제되고 포트만 남았거나, 워크로드가 막 시작되는 중입니다",
    "the kernel cannot make sockets or tunnels of this kind: its module for the tunnel type is missing, or IPv6 is "
    "switched off": "커널이 이런 종류의 소켓이나 터널을 만들 수 없습니다. 터널 유형의 모듈이 없거나 IPv6가 꺼져 "
    "있습니다",
    "modprobe vport-vxlan, vport-geneve or vport-gre as the type needs; sysctl "
    "net.ipv6.conf.all.disable_ipv6": "유형에 맞게 modprobe vport-vxlan, vport-geneve, vport-gre를 실행하세요. sysctl "
    "net.ipv6.conf.all.disable_ipv6도 확인하세요",
    "Open vSwitch or the kernel refused the options of this interface": "Open vSwitch나 커널이 이 인터페이스의 옵션을 "
    "거부했습니다",
    "see what ovs-vswitchd.log says of {name}, and compare {command} with "
    "ovs-vswitchd.conf.db(5)": "ovs-vswitchd.log에서 {name}에 관한 내용을 보고, {command}의 출력을 "
    "ovs-vswitchd.conf.db(5)와 비교하세요",
    "something else already is what this is to become: for a tunnel, one with the same addresses and key; else a "
    "device or port of this name": "같은 것이 이미 있습니다. 터널이라면 주소와 키가 같은 터널이, 아니면 이 이름의 "
    "장치나 포트가 있습니다",
    "ovs-appctl dpctl/show lists what exists: delete the one of the two that is not meant to be": "ovs-appctl "
    "dpctl/show로 무엇이 있는지 보고, 둘 가운데 있어서는 안 되는 쪽을 삭제하세요",
    "the device belongs to something else: a Linux bridge, a bond, a macvlan, or another Open vSwitch "
    "bridge": "장치가 다른 것에 속해 있습니다: 리눅스 브리지, 본드, macvlan, 다른 Open vSwitch 브리지 등",
    "{command} tells its master; if {bridge} is to have it, take it away there ({second}), and Open vSwitch opens "
    "it": "{command}로 어디에 속하는지 볼 수 있습니다. {bridge}에 두려면 거기서 떼어 내세요({second}). 그러면 Open "
    "vSwitch가 엽니다",
    "something else on the host uses the address or port that this needs": "호스트의 다른 프로그램이 필요한 주소나 "
    "포트를 쓰고 있습니다",
    "ss -lnp tells who": "ss -lnp로 누가 쓰는지 볼 수 있습니다",
    "the datapath or the device's driver cannot do this": "데이터패스나 장치의 드라이버가 이것을 지원하지 않습니다",
    "see what ovs-vswitchd.log says of {name}; is the type one of this datapath's?": "ovs-vswitchd.log에서 {name}에 "
    "관한 내용을 보세요. 이 데이터패스에 있는 유형입니까?",
    "the kernel lacks what this type needs": "이 유형에 필요한 것이 커널에 없습니다",
    "see what ovs-vswitchd.log says of {name}; is the kernel module of the type loaded?": "ovs-vswitchd.log에서 "
    "{name}에 관한 내용을 보세요. 그 유형의 커널 모듈이 로드되어 있습니까?",
    "ovs-vswitchd lacks the privilege for this": "ovs-vswitchd에 필요한 권한이 없습니다",
    "run ovs-vswitchd with CAP_NET_ADMIN, in the right network name space": "ovs-vswitchd를 CAP_NET_ADMIN 권한으로, "
    "올바른 네트워크 네임스페이스에서 실행하세요",
    "ovs-vswitchd may not open this: its user, AppArmor or SELinux forbids it": "ovs-vswitchd가 이것을 열 수 "
    "없습니다. 사용자 권한, AppArmor 또는 SELinux가 막고 있습니다",
    "see the audit log; ovs-vswitchd needs CAP_NET_ADMIN, and rights on the socket or device": "감사 로그를 보세요. "
    "ovs-vswitchd에는 CAP_NET_ADMIN과, 소켓이나 장치에 대한 권한이 필요합니다",
    "there is not enough memory; in the userspace datapath, not enough huge pages on the NUMA node of the "
    "NIC": "메모리가 부족합니다. 사용자 공간 데이터패스라면 NIC의 NUMA 노드에 huge page가 부족합니다",
    "grep Huge /proc/meminfo, and {command}": "grep Huge /proc/meminfo, 그리고 {command}",
    "a name or value is too long: names of devices have at most 15 characters": "이름이나 값이 너무 깁니다. 장치 "
    "이름은 15자까지입니다",
    "{command}, and add it with a shorter name": "{command}, 그리고 더 짧은 이름으로 추가하세요",
    "a file or socket that this interface needs is missing": "이 인터페이스에 필요한 파일이나 소켓이 없습니다",
    "see what ovs-vswitchd.log says of {name}; for vhost-user: does the socket exist?": "ovs-vswitchd.log에서 "
    "{name}에 관한 내용을 보세요. vhost-user라면 소켓이 있습니까?",
    "this build of Open vSwitch does not know the type; for dpdk types it was built without DPDK, or dpdk-init is "
    "not set": "이 Open vSwitch 빌드가 모르는 유형입니다. dpdk 유형이라면 DPDK 없이 빌드되었거나 dpdk-init이 설정되지 "
    "않았습니다",
    "ovs-vsctl get Open_vSwitch . iface_types lists the types": "ovs-vsctl get Open_vSwitch . iface_types로 유형을 볼 "
    "수 있습니다",
    "DPDK could not take the device: it is not bound to a DPDK driver, or its address is wrong": "DPDK가 장치를 쓸 수 "
    "없습니다. DPDK 드라이버에 바인딩되지 않았거나 주소가 틀립니다",
    "{command}, and {second} options:dpdk-devargs": "{command}, 그리고 {second} options:dpdk-devargs",
    "the device is down": "장치가 꺼져(down) 있습니다",
    "Open vSwitch could not use this interface": "Open vSwitch가 이 인터페이스를 쓸 수 없습니다",
    "see what ovs-vswitchd.log says of {name}": "ovs-vswitchd.log에서 {name}에 관한 내용을 보세요",
}
"""Parts of messages and fixes that several codes share."""

REASONS: Mapping[str, str] = {
    "the beginning of the dump is missing: what {subject} seems to lack may stand there": "덤프의 앞부분이 빠져 "
    "있습니다. {subject}에 없어 보이는 것이 거기 있을 수 있습니다",
    "the end of the dump is missing: what {subject} seems to lack may stand there": "덤프의 끝부분이 빠져 있습니다. "
    "{subject}에 없어 보이는 것이 거기 있을 수 있습니다",
    "the beginning and the end of the dump are missing: what {subject} seems to lack may stand there": "덤프의 "
    "앞부분과 끝부분이 빠져 있습니다. {subject}에 없어 보이는 것이 거기 있을 수 있습니다",
    "lines in the middle of the dump were left out: what {subject} seems to lack may stand there": "덤프의 중간이 "
    "생략되어 있습니다. {subject}에 없어 보이는 것이 거기 있을 수 있습니다",
    "{what!}, and the options of {peer} may stand there": "{what}. {peer}의 옵션이 거기 있을 수 있습니다",
    "{what!}, and its ends of tunnels may stand there: {hosts}": "{what}. 다음 호스트와의 터널 끝이 거기 있을 수 "
    "있습니다: {hosts}",
    "whether {bridge} is connected to {target} is not known": "{bridge:이} {target}에 연결되어 있는지 알 수 없습니다",
    "whether anybody is connected to {target} is not known": "{target}에 접속한 프로그램이 있는지 알 수 없습니다",
    "the hosts at the other end of {count} tunnels were not given: {hosts}": "터널 {count}개의 반대쪽은 분석 대상 "
    "호스트가 아닙니다: {hosts}",
    "the host at the other end of a tunnel was not given: {hosts}": "터널의 반대쪽은 분석 대상 호스트가 아닙니다: "
    "{hosts}",
    "which of its workload ports are in the overlay, and which on a provider network, is not told": "워크로드 포트 "
    "가운데 어느 것이 오버레이에, 어느 것이 프로바이더 네트워크에 있는지 알 수 없습니다",
    "`ovs-vsctl show` does not print what this needs; a live source tells it": "필요한 정보가 `ovs-vsctl show` 출력에 "
    "없습니다. 라이브 원본에는 있습니다",
    "its source does not tell `{attribute}`": "원본에 `{attribute}`가 없습니다",
    "its own tunnel address cannot be told: its tunnels state no local_ip, and the other hosts, as far as they were "
    "given, do not single one address out": "이 호스트의 터널 주소를 알 수 없습니다. 터널에 local_ip가 없고, 다른 "
    "분석 대상 호스트로도 하나로 정해지지 않습니다",
    "its own tunnel address cannot be told: it has no tunnel that would state it, and the other hosts, as far as "
    "they were given, do not single one address out": "이 호스트의 터널 주소를 알 수 없습니다. 주소를 알려 줄 터널이 "
    "없고, 다른 분석 대상 호스트로도 하나로 정해지지 않습니다",
}
"""Why something was not checked."""
