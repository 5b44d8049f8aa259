"""What the checks of ports, interfaces and the switch itself find, in Korean."""

from collections.abc import Mapping

FINDINGS: Mapping[str, Mapping[str, str]] = {
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
        "{port} of {bridge} is in VLAN 4095, the dead VLAN: {agent!} has not bound it, or binding failed, "
        "and all its packets are dropped": "{bridge}의 {port:은} 데드 VLAN인 VLAN 4095에 있습니다. {agent:이} "
        "아직 바인딩하지 않았거나 바인딩에 실패했으며, 패킷은 모두 폐기(drop)됩니다",
        "{command}, then openstack port show that UUID, and the agent's log": "{command}로 UUID를 확인한 뒤, 그 "
        "UUID로 openstack port show를 실행하고 에이전트 로그를 보세요",
    },
    "nic-on-integration-bridge": {
        "{port} looks like a physical NIC, and is plugged into the integration bridge {bridge}: local VLANs of "
        "workloads can leave on it": "물리 NIC로 보이는 {port:이} 통합 브리지 {bridge}에 연결되어 있습니다. "
        "워크로드의 로컬 VLAN이 그리로 나갈 수 있습니다",
        "{command}, and add it to a provider bridge": "{command}, 그리고 프로바이더 브리지에 추가하세요",
    },
    "workload-untagged": {
        "{port} of {bridge} has no tag: {agent!} has not wired it, so it is in none of the host's "
        "networks": "{bridge}의 {port}에 태그가 없습니다. {agent:이} 아직 연결하지 않아 어느 네트워크에도 "
        "속하지 않습니다",
        "{command}, then openstack port show that UUID: is it bound to this host? The agent's log tells why it was "
        "not wired": "{command}로 UUID를 확인한 뒤 openstack port show로 보세요. 이 호스트에 바인딩되어 있습니까? "
        "연결되지 않은 까닭은 에이전트 로그에 있습니다",
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
}
"""Code -> message or fix, in English -> in Korean."""
