"""The words of explain in Korean. Keys and placeholders are those of `en.py`; a test compares them.

`{name:은}` is the name with the particle that its last sound asks for (`particles.py`).
"""

MESSAGES = {
    # -- 낱말 -----------------------------------------------------------------------------------------------------
    "names.more": "{names} 외 {count}개",
    "word.vm": "VM",
    "word.pod": "파드",
    "word.workload": "워크로드",
    "role.compute": "컴퓨트 노드",
    "role.network": "네트워크 노드",
    "role.gateway": "게이트웨이",
    "role.all-in-one": "올인원",
    "role.unknown": "역할 미상",
    "bridge.role.integration": "통합 브리지",
    "bridge.role.tunnel": "터널 브리지",
    "bridge.role.provider": "프로바이더 브리지",
    "bridge.role.other": "브리지",
    "bridge.role.underlay": "언더레이 브리지",
    "bond.default": "bond_mode 표시 없음",
    "connected.yes": "현재 연결되어 있습니다",
    "connected.no": "현재 연결되어 있지 않습니다",
    "connected.unknown": "연결 여부는 알 수 없습니다",
    "link.up": "켜져 있습니다",
    "link.down": "꺼져 있습니다(down)",
    "link.unknown": "켜져 있는지 알 수 없습니다",
    "client.yes": "현재 접속한 프로그램이 있습니다",
    "client.no": "현재 접속한 프로그램이 없습니다",
    "client.unknown": "접속한 프로그램이 있는지는 알 수 없습니다",
    # -- 제목 -----------------------------------------------------------------------------------------------------
    "title.overview": "전체 구성",
    "title.host": "호스트 {host}",
    "title.alike": "{host:과} 같은 호스트",
    "title.bridge": "{host} / {bridge}: {role}",
    "title.paths": "패킷이 지나갈 경로",
    "title.options": "터널 옵션의 뜻",
    "title.overlay": "{host}의 {workload}에서 {peer}의 {other:으로}",
    "title.outside": "{host}의 {workload}에서 외부로",
    "title.outside.provider": "{host}의 프로바이더 네트워크에 있는 {workload}에서 외부로",
    "title.outside.router": "{host}의 {workload}에서 그 호스트의 라우터를 거쳐 외부로",
    "title.path": "{host}에서 {peer:으로}",
    "title.path.outside": "{host}에서 외부로",
    "title.gateway": "{host}의 {workload}에서 {gateway:을} 거쳐 외부로",
    # -- 전체 -----------------------------------------------------------------------------------------------------
    "overview.hosts": "분석 대상 호스트({role}): {hosts}.",
    "overview.hosts.guessed": "분석 대상 호스트({role:으로} 추정, 확인할 수 있는 포트 없음): {hosts}.",
    "overview.tunnel": "{host}({local}), {peer}({remote}) 사이에 {type} 터널이 있고, 양쪽 설정이 서로 맞습니다.",
    "overview.tunnel.nolocal": "{host}, {peer}({remote}) 사이에 {type} 터널이 있고, 양쪽 설정이 서로 맞습니다.",
    "overview.tunnels": "분석 대상 호스트 사이에 {type} 터널 {count}개가 있고, 양쪽 설정이 서로 맞습니다.",
    "overview.tunnels.some": "분석 대상 호스트 사이의 {type} 터널 {total}개 가운데 {count}개는 양쪽 설정이 서로 "
    "맞습니다.",
    "overview.apart": "터널이 없는 호스트: {hosts}. 여기서 다른 호스트로는 물리 네트워크로만 갈 수 있으며, 그 "
    "네트워크에 어떤 호스트가 있는지는 원본에 나오지 않습니다.",
    "overview.alone": "터널도 없고 브리지에 물리 NIC도 없는 호스트: {hosts}. 다른 호스트로 가는 경로가 없습니다.",
    "overview.apart.unseen": "터널이 보이지 않는 호스트: {hosts}. 덤프 일부가 빠져 있어 터널이 있을 수도 있습니다.",
    "overview.notgiven": "분석 대상이 아닌 호스트로 가는 터널도 있으며, 그쪽 내부는 알 수 없습니다: {hosts}.",
    "overview.gateway": "라우터 {router}({networks}): {external:으로} 나가는 게이트웨이가 {host}에 있습니다. 주소는 "
    "{addresses}, 주소 변환은 하지 않습니다.",
    "overview.gateway.snat": "라우터 {router}({networks}): {external:으로} 나가는 게이트웨이가 {host}에 있습니다. "
    "플로팅 IP가 없으면 밖에서는 {addresses:으로} 보입니다.",
    "overview.gateways.more": "외부로 나가는 게이트웨이가 {host}에 있는 라우터가 {count}개 더 있습니다.",
    "overview.floating": "{workload}({host}): 외부에서 {addresses:으로} 접근하며, 밖에서도 그 주소로 보입니다.",
    "overview.floating.more": "플로팅 IP가 있는 워크로드가 {count}개 더 있습니다.",
    # -- 호스트 ---------------------------------------------------------------------------------------------------
    "host.compute": "연결 구조로 보아 {host:은} 컴퓨트 노드입니다. 워크로드(VM 또는 파드)가 여기서 실행되고 통합 "
    "브리지에 연결됩니다.",
    "host.network": "연결 구조로 보아 {host:은} 네트워크 노드입니다. DHCP나 라우터를 제공하며 VM은 실행되지 않습니다.",
    "host.network.guessed.provider": "{host}에는 통합 브리지와 연결된 프로바이더 브리지({bridges})가 있고 VM, 라우터, "
    "DHCP 서버는 없습니다. 네트워크 노드로 추정하지만, 프로바이더 네트워크를 쓰면서 아직 VM이 없는 컴퓨트 노드도 같은 "
    "모습입니다.",
    "host.compute.guessed.provider": "{host}에는 통합 브리지와 연결된 프로바이더 브리지({bridges})가 있고 VM, 라우터, "
    "DHCP 서버는 없습니다. 이름으로 보아, 또는 다른 호스트가 네트워크 서비스를 제공하므로 컴퓨트 노드로 추정하지만, "
    "아직 쓰이지 않는 네트워크 노드도 같은 모습입니다.",
    "host.compute.guessed": "{host}에는 통합 브리지와 터널 브리지가 있고, 역할을 알려 주는 포트는 없습니다. "
    "프로바이더 브리지가 없으므로 컴퓨트 노드로 추정합니다.",
    "host.gateway": "연결 구조로 보아 {host:은} 게이트웨이입니다. 오버레이를 물리 네트워크에 이어 줍니다.",
    "host.all-in-one": "연결 구조로 보아 {host:은} 올인원입니다. 워크로드와 외부로 나가는 경로가 이 호스트 하나에 "
    "있습니다.",
    "host.unknown": "브리지 구성만으로는 {host:이} 클라우드에서 어떤 역할인지 알 수 없습니다.",
    "host.empty": "{host}에는 브리지가 없습니다. Open vSwitch만 있고 아직 아무것도 구성되지 않았습니다.",
    "host.empty.unseen": "{host}의 브리지는 보이지 않습니다.",
    "host.mininet": "{host}에는 Mininet 방식으로 이름 붙은 스위치({bridges})가 있고 통합 브리지는 없습니다. 전달 "
    "방식은 컨트롤러가 결정하므로 경로를 예측하지 않습니다.",
    "host.switches": "{host}에 있는 브리지는 {bridges}이며 통합 브리지는 없습니다. 그래서 워크로드가 어디에 연결되고 "
    "어떤 경로로 갈지는 예측하지 않습니다.",
    "host.by.neutron": "포트 이름이 Neutron Open vSwitch 에이전트(ML2/OVS)의 방식입니다: {ports}.",
    "host.by.ovn": "포트 이름이 OVN ovn-controller의 방식입니다({ports}). 이 호스트는 OVN 섀시입니다.",
    "host.by.antrea": "포트 이름이 Antrea의 방식입니다({ports}). 이 호스트는 쿠버네티스 클러스터의 노드입니다.",
    "host.alike": "{host:과} 연결 구조가 같고, 워크로드와 터널 주소만 각자의 것입니다: {hosts}.",
    "host.bridges.more": "{host}에는 여기서 다루지 않는 브리지가 {count}개 더 있습니다. JSON 출력에는 모두 있습니다.",
    "host.missing.beginning": "{host}의 덤프 앞부분이 빠져 있습니다. 여기 보이지 않는 것이 거기 있을 수 있습니다.",
    "host.missing.middle": "{host}의 덤프 중간이 생략되어 있습니다. 여기 보이지 않는 것이 거기 있을 수 있습니다.",
    "host.missing.end": "{host}의 덤프 끝부분이 빠져 있습니다. 여기 보이지 않는 것이 거기 있을 수 있습니다.",
    "host.missing.several": "{host}의 덤프 여러 부분이 빠져 있습니다. 여기 보이지 않는 것이 거기 있을 수 있습니다.",
    "host.version": "{host}의 Open vSwitch 버전은 {version}입니다.",
    "host.local_ports": "브리지와 이름이 같은 포트({ports})는 호스트 자신이 그 브리지에 연결되는 포트로, 호스트에서는 "
    "일반 네트워크 장치로 보입니다.",
    "manager.local": "매니저 {target}: OVSDB 서버가 이 주소에서, 이 호스트 안의 프로그램(Neutron이라면 에이전트)이 "
    "브리지와 포트를 구성하도록 접속을 받습니다. {state}.",
    "manager.listens": "매니저 {target}: OVSDB 서버가 이 주소에서, 브리지와 포트를 구성할 프로그램의 접속을 받습니다. "
    "{state}.",
    "manager.dials": "매니저 {target}: OVSDB 서버가 이 주소의 매니저에 접속하고, 그 매니저가 이 호스트의 브리지와 "
    "포트를 구성합니다. {state}.",
    "controller.local.neutron": "{bridges}의 컨트롤러 {target}: 이 호스트 안의 프로그램(Neutron이라면 에이전트)이 "
    "OpenFlow로 플로우를 설정합니다. {state}.",
    "controller.local.other": "{bridges}의 컨트롤러 {target}: 이 호스트 안의 프로그램이 OpenFlow로 전달 방식을 "
    "결정합니다. {state}.",
    "controller.remote.neutron": "{bridges}의 컨트롤러 {target}: 다른 주소에서 OpenFlow로 플로우를 설정합니다. "
    "{state}.",
    "controller.remote.other": "{bridges}의 컨트롤러 {target}: 네트워크 너머에서 OpenFlow로 전달 방식을 결정합니다. "
    "{state}.",
    "controller.listens": "{bridges:은} {targets}에서 OpenFlow 접속도 받습니다. ovs-ofctl 같은 도구를 위한 것이며, "
    "반드시 있어야 하는 컨트롤러는 아닙니다.",
    "fail.secure.controller": "{bridges:은} 시큐어 모드(fail_mode: secure)입니다. 컨트롤러와 연결이 끊어져도 이미 있는 "
    "플로우로 계속 전달하지만 새 플로우는 추가되지 않으며, 플로우가 없으면 패킷을 모두 폐기(drop)합니다.",
    "fail.secure.alone": "{bridges:은} 시큐어 모드(fail_mode: secure)이고 컨트롤러가 없습니다. Open vSwitch가 스스로 "
    "플로우를 추가하지 않으므로 플로우는 로컬 프로그램(ovs-ofctl, ovn-controller)이 설정하며, 플로우가 없으면 패킷을 "
    "모두 폐기(drop)합니다.",
    "fail.standalone.controller": "{bridges:은} 시큐어 모드가 아닙니다. 응답하는 컨트롤러가 없으면 일반 MAC 학습 "
    "스위치로 동작합니다.",
    "fail.standalone.alone": "{bridges:은} 컨트롤러도 없고 시큐어 모드도 아닙니다. 누군가 플로우를 설정하기 전에는 "
    "일반 MAC 학습 스위치입니다.",
    # -- 브리지 ---------------------------------------------------------------------------------------------------
    "bridge.integration.neutron": "{bridge:은} 통합 브리지입니다. {host}의 VM, DHCP, 라우터가 모두 여기에 연결되고, "
    "로컬 VLAN이 네트워크를 서로 분리합니다.",
    "bridge.integration.ovn": "{bridge:은} 통합 브리지입니다. {host}의 워크로드가 모두 여기에 연결되고, VLAN 태그가 "
    "아니라 OVN의 플로우가 네트워크를 서로 분리합니다.",
    "bridge.integration.antrea": "{bridge:은} 통합 브리지입니다. {host}의 파드가 모두 여기에 연결됩니다.",
    "bridge.integration.plain": "{bridge:은} 통합 브리지입니다. {host}의 워크로드가 여기에 연결됩니다.",
    "bridge.tunnel": "{bridge:은} 터널 브리지입니다. 다른 호스트로 가는 패킷은 여기서 캡슐화되고, 터널에서 나온 패킷은 "
    "통합 브리지로 전달됩니다.",
    "bridge.provider": "{bridge:은} 프로바이더 브리지입니다. 물리 네트워크로 가는 경로입니다.",
    "bridge.provider.nonic": "{bridge:은} 프로바이더 브리지이지만 물리 NIC가 없어 그 자체로는 물리 네트워크로 "
    "이어지지 않습니다.",
    "bridge.other": "포트로 보아 {bridge:은} 통합, 터널, 프로바이더 브리지 중 어느 것도 아닙니다.",
    "bridge.switch": "{bridge:은} 독립된 스위치입니다. 다른 브리지와 잇는 것은 원본에 나오지 않습니다.",
    "bridge.only": "{bridge:은} {host}의 유일한 브리지입니다. 워크로드, 터널, 물리 NIC 등 있는 것은 모두 여기에 "
    "연결됩니다.",
    "bridge.underlay": "{bridge:은} 언더레이 브리지입니다. {port} 포트에 이 호스트의 터널 주소가 있어, 터널의 "
    "외부(outer) 패킷이 여기로 나갑니다. 워크로드의 패킷은 캡슐화된 상태로만 여기를 지납니다.",
    "bridge.underlay.guessed": "{bridge:은} 언더레이 브리지로 보입니다. 물리 NIC가 있고 컨트롤러가 없는 사용자 공간 "
    "데이터패스의 브리지이며, 터널이 있는 브리지와 함께 있습니다. {bridge}에 터널 주소가 있으면 터널의 외부(outer) "
    "패킷이 여기로 나가지만, 주소는 원본에 나오지 않습니다.",
    "bridge.netdev": "datapath_type: netdev. {bridge:은} 커널이 아니라 사용자 공간에서(DPDK처럼) 패킷을 전달합니다.",
    "plugged.none": "{bridge}에는 아직 연결된 워크로드가 없습니다.",
    "plugged.vm": "VM 포트: {ports}.",
    "plugged.ovn": "VM 또는 OVN 메타데이터 서비스의 포트: {ports}.",
    "plugged.dhcp": "DHCP 에이전트가 연결한 DHCP 서버 포트: {ports}.",
    "plugged.router": "라우터의 안쪽 포트(qr-): {ports}.",
    "plugged.gateway": "라우터의 바깥쪽 포트(qg-), 곧 외부로 나가는 게이트웨이 포트: {ports}.",
    "plugged.snat": "분산 라우터(DVR)의 중앙 SNAT 포트(sg-): {ports}.",
    "plugged.floating": "분산 라우터(DVR)의 플로팅 IP 게이트웨이 포트(fg-): {ports}.",
    "plugged.ha": "고가용성(HA) 라우터의 하트비트 포트(ha-): {ports}.",
    "plugged.pod": "파드와 이 노드에 있는 그 밖의 포트: {ports}.",
    "plugged.antrea-gw": "파드 트래픽이 클러스터 네트워크 밖으로 나갈 때 지나는 노드 자신의 포트: {ports}.",
    "plugged.node": "노드 자신과 파드가 서로 통신하는 포트: {ports}.",
    "plugged.fake": "{bridge}의 가짜 브리지(fake bridge; ovs-vsctl add-br NAME {bridge} VLAN), 각각 {bridge}의 VLAN "
    "하나입니다: {ports}.",
    "plugged.vlan": "VLAN 태그가 있는 internal 포트: {ports}. 호스트의 VLAN 인터페이스이거나 가짜 브리지(fake bridge; "
    "ovs-vsctl add-br NAME {bridge} VLAN)이며, 어느 쪽인지는 원본에 나오지 않습니다.",
    "plugged.unknown": "알 수 없는 포트: {ports}. VM, 컨테이너, 이름이 특이한 물리 NIC, 호스트 자신 가운데 무엇이 "
    "연결되어 있는지 원본에 나오지 않습니다.",
    "tags.local": "로컬 VLAN: {tags}. 태그가 같은 포트는 같은 네트워크에 속합니다. 이 번호는 이 호스트 안에서만 "
    "통하며, 어느 네트워크인지는 원본에 나오지 않습니다.",
    "tags.networks": "로컬 VLAN과 각각의 네트워크: {tags}. 이 번호는 이 호스트 안에서만 통합니다.",
    "tags.access": "{bridge}의 VLAN 태그: {tags}. 이 포트들은 해당 VLAN의 프레임을 태그 없이 받습니다.",
    "tags.dead": "태그 4095는 Neutron의 데드 VLAN입니다. 에이전트가 네트워크를 정해 줄 때까지 패킷을 폐기(drop)하는 "
    "포트: {ports}.",
    "tags.trunks": "{port:은} VLAN {vlans}만 태그를 단 채로 전달합니다.",
    "tags.sub-ports": "{port:은} 트렁크의 부모 포트입니다. 이 VLAN 태그가 달린 패킷은 저마다 다른 네트워크에 있는 "
    "서브포트의 것입니다: {vlans}.",
    "port.bond": "{port:은} {members:을} 묶은 본드입니다({mode}).",
    "port.error": "{port:은} 동작하지 않습니다: {error}.",
    "port.gone": "장치가 없어(No such device) 통신하지 못하는 포트: {ports}. VM이 사라진 경우처럼 장치는 없어지고 "
    "포트만 남았습니다.",
    "wire.patch": "패치 포트 쌍 {port}({bridge}) ↔ {other}({joined}): 두 브리지를 잇는 가상 케이블입니다.",
    "wire.more": "{bridge}의 패치 포트 {count}개는 여기서 다루지 않습니다. JSON 출력에는 모두 있습니다.",
    "port.error.more": "{bridge}에 동작하지 않는 포트가 {count}개 더 있습니다.",
    "wire.veth": "{port}({bridge}) ↔ {other}({joined}): 이름으로 보아 veth 쌍이며, 예전 Neutron이 두 브리지를 이을 때 "
    "쓰던 케이블입니다.",
    "wire.patch.missing": "{bridge}의 {port:이} 상대(peer)로 지정한 패치 포트 {peer:이} 없어, 보낸 패킷을 "
    "폐기(drop)합니다.",
    "wire.patch.unseen": "{bridge}의 {port:은} {peer:을} 상대(peer)로 지정했지만 보이지 않습니다. 덤프에서 빠진 부분에 "
    "있을 수 있습니다.",
    "wire.patch.unanswered": "{bridge}의 {port:은} {peer:을} 상대(peer)로 지정했지만 {peer:은} 그렇지 않아, 보낸 "
    "패킷을 폐기(drop)합니다.",
    "wire.patch.nopeer": "{bridge}의 {port:은} 상대(peer)가 없는 패치 포트라서, 보낸 패킷을 폐기(drop)합니다.",
    "nic.underlay": "{bridge}에 있는 언더레이 물리 NIC: {nics}.",
    "nic.joined": "{bridge}에서 물리 네트워크로 나가는 물리 NIC: {nics}.",
    "nic.apart.router": "{bridge:과} {entrance:을} 직접 잇는 케이블은 없고, 그 사이에는 라우터만 있습니다.",
    "nic.apart.ovn": "{bridge:은} {entrance}에 연결되어 있지 않습니다. {bridge}에 매핑된 네트워크를 이 호스트가 "
    "처리해야 할 때 ovn-controller가 패치 포트를 만듭니다.",
    "nic.apart.other": "{bridge:은} {entrance}에 연결되어 있지 않아, 워크로드의 패킷이 브리지를 거쳐 이곳에 오지 "
    "않습니다.",
    # -- 지금의 상태 -------------------------------------------------------------------------------------------------
    "state.waiting": "{host}에 flow-restore-wait가 설정되어 있습니다. Open vSwitch는 시작할 때부터 플로우가 복원되기를 "
    "기다리며, 그동안 아무것도 전달하지 않습니다.",
    "state.underlay": "이 호스트의 터널은 {addresses} 주소를 가진 {device:으로} 나갑니다: MTU {mtu}, {state}.",
    "state.underlay.speed": "이 호스트의 터널은 {addresses} 주소를 가진 {device:으로} 나갑니다: MTU {mtu}, {speed}, "
    "{state}.",
    "state.nic": "물리 NIC {device}: MTU {mtu}, {state}.",
    "state.nic.speed": "물리 NIC {device}: MTU {mtu}, {speed}, {state}.",
    "state.bond.active": "{port:은} 지금 {member:으로} 보냅니다.",
    "state.bond.down": "{port}에서 꺼져 있는 멤버: {members}.",
    "state.bond.lacp": "{port:은} LACP({lacp})로 협상하며, 상대가 확인되는 멤버는 다음과 같습니다: {members}.",
    "state.bond.lacp.none": "{port:은} LACP({lacp})로 협상하지만, 상대가 확인되지 않습니다.",
    "state.bfd.up": "BFD가 상대 호스트까지 닿는다고 확인한 터널: {ports}.",
    "state.bfd.down": "BFD가 상대 호스트까지 닿지 않는다고 판단한 터널: {ports}.",
    "state.mac_table": "{bridge:은} MAC 주소를 {used}개 학습했으며, 최대 {size}개까지 학습할 수 있습니다.",
    # -- 터널 -----------------------------------------------------------------------------------------------------
    "tunnel.known": "{port:은} {peer:으로} 가는 {type} 터널입니다: {local}에서 {remote:으로}.",
    "tunnel.known.nolocal": "{port:은} {peer}({remote}) 쪽으로 가는 {type} 터널입니다. 외부(outer) 출발지 주소는 나와 "
    "있지 않습니다.",
    "tunnel.unknown": "{port:은} {local}에서 {remote:으로} 가는 {type} 터널이며, 그쪽은 분석 대상 호스트가 아닙니다.",
    "tunnel.unknown.nolocal": "{port:은} {remote:으로} 가는 {type} 터널이며, 그쪽은 분석 대상 호스트가 아닙니다.",
    "tunnel.flow": "{port:은} 여러 호스트로 가는 {type} 터널입니다. 패킷마다 플로우가 주소를 정하므로 상대가 여기에 "
    "나오지 않습니다.",
    "tunnel.mirror": "{ports:으로} 패킷의 복사본을 수집 서버({hosts})에 보냅니다. 거기에서 돌아오는 패킷은 없습니다.",
    "tunnel.others": "같은 방식으로 {hosts:으로} 가는 터널: {ports}.",
    "tunnel.oneway": "{port:은} {peer:으로} 가는 {type} 터널이지만, {peer}에는 돌아오는 터널이 없어 여기서 보낸 패킷을 "
    "폐기(drop)합니다.",
    "tunnel.broken": "{port:은} {peer:으로} 가는 {type} 터널이지만, 양쪽 설정이 서로 맞지 않거나 한쪽에 오류가 "
    "있습니다.",
    "tunnel.flow.broken": "{port:은} 여러 호스트로 가는 {type} 터널이지만 오류가 있어, 보낸 패킷을 폐기(drop)합니다.",
    "tunnel.wrong.more": "{bridge}에 정상이 아닌 터널이 {count}개 더 있습니다.",
    "option.keys_flow": "in_key=flow, out_key=flow: 터널 헤더의 네트워크 번호(VNI 또는 GRE 키)를 플로우가 읽고 "
    "쓰므로, 포트 하나로 모든 네트워크를 나릅니다.",
    "option.key_flow": "key=flow: 터널 헤더의 네트워크 번호(VNI 또는 GRE 키)를 플로우가 읽고 쓰므로, 포트 하나로 모든 "
    "네트워크를 나릅니다.",
    "option.key_fixed": "터널 헤더의 번호가 받을 때 {inward}, 보낼 때 {outward:으로} 정해져 있습니다.",
    "option.key_read": "받은 터널 헤더의 번호는 플로우가 읽고, 보낼 때는 {outward:으로} 정해져 있습니다.",
    "option.key_written": "받는 터널 헤더의 번호는 {inward:으로} 정해져 있고, 보낼 때는 플로우가 씁니다.",
    "option.key_none": "키 옵션이 없습니다. 터널 헤더의 번호가 항상 0이므로 이 터널은 네트워크 하나만 나릅니다.",
    "option.remote_flow": "remote_ip=flow: 목적지 주소를 플로우가 정합니다.",
    "option.df_default": "df_default=true: 외부(outer) 패킷을 단편화할 수 없으므로, 언더레이 MTU는 워크로드 패킷에 "
    "터널 헤더를 더한 크기를 담을 수 있어야 합니다.",
    "option.fragment": "df_default=false: 언더레이에 비해 너무 큰 외부(outer) 패킷은 단편화될 수 있습니다.",
    "option.mark0": "egress_pkt_mark=0: 외부(outer) 패킷의 패킷 마크(방화벽과 정책 라우팅이 보는 fwmark)가 0입니다.",
    "option.csum": "csum=true: 외부(outer) 패킷에 체크섬을 넣습니다.",
    "option.dst_port": "dst_port={port}: 외부(outer) UDP 목적지 포트입니다.",
    # -- 경로 -----------------------------------------------------------------------------------------------------
    "assumed.neutron": "원본에는 연결 구조만 있고 플로우는 없습니다. 이 호스트들에 걸친 네트워크를 Neutron "
    "에이전트처럼 플로우로 구성한다고 가정하고 예측한 경로입니다. 경로 표기에서 →는 가상 케이블이나 물리 NIC, ⇒는 "
    "터널, ⇢는 라우터입니다.",
    "assumed.ovn": "원본에는 연결 구조만 있고 플로우는 없습니다. 이 호스트들에 걸친 네트워크를 OVN처럼 플로우로 "
    "구성한다고 가정하고 예측한 경로입니다. 경로 표기에서 →는 가상 케이블이나 물리 NIC, ⇒는 터널, ⇢는 라우터입니다.",
    "assumed.antrea": "원본에는 연결 구조만 있고 플로우는 없습니다. 노드들이 한 클러스터에 속하고 Antrea의 encap "
    "모드처럼 플로우를 구성한다고 가정하고 예측한 경로입니다. 경로 표기에서 →는 가상 케이블이나 물리 NIC, ⇒는 터널, "
    "⇢는 라우터입니다.",
    "assumed.plain": "원본에는 연결 구조만 있고 플로우는 없습니다. 이 구조를 본래 쓰임대로 쓴다고 가정하고 예측한 "
    "경로이며, 플로우에 따라 달라질 수 있습니다. 경로 표기에서 →는 가상 케이블이나 물리 NIC, ⇒는 터널, ⇢는 "
    "라우터입니다.",
    "path.alike": "포트만 다르고 같은 경로:",
    "path.more": "예측한 경로 가운데 {count}개가 더 이와 같습니다.",
    "path.gateways": "다른 게이트웨이 호스트로 나갈 수도 있습니다: {hosts}. 네트워크의 라우터가 있는 호스트에 따라 "
    "정해지며, 이는 원본에 나오지 않습니다.",
    "path.nowhere": "외부로 나가는 경로가 보이지 않는 호스트: {hosts}. 워크로드가 연결되는 브리지에서 이어지는 물리 "
    "NIC도, 그런 NIC가 있는 호스트로 가는 터널도 없습니다.",
    "path.none": "밖으로 나가는 경로가 원본에 나오지 않는 호스트: {hosts}. 워크로드에서 닿는 브리지에 터널도 물리 "
    "NIC도 없습니다.",
    "path.none.unseen": "밖으로 나가는 경로가 보이지 않는 호스트: {hosts}. 덤프 일부가 빠져 있어 경로가 있을 수도 "
    "있습니다.",
    "path.noentrance": "경로를 예측하지 않은 호스트: {hosts}. 여러 브리지 가운데 워크로드가 어디에 연결되는지 알 수 "
    "없습니다.",
    "path.nobridge": "경로를 예측하지 않은 호스트: {hosts}. 브리지가 없습니다.",
    "path.notjoined": "서로 터널이 없는 호스트 쌍: {pairs}.",
    "path.physical": "{host}, {peer} 사이에는 터널이 없습니다. 양쪽 모두 프로바이더 브리지에 물리 NIC가 있으므로, 두 "
    "NIC가 같은 물리 네트워크에 있으면 그 위의 네트워크로 이어집니다. 각 호스트에서 그 네트워크까지의 경로:",
    "path.stopped": "예측한 경로 {total}개 가운데 {count}개는 중간에 끝납니다. --brief 없이 실행하면 종류별로 "
    "설명합니다.",
    "chain.workload": "{chain} → {workload}",
    "chain.outside": "{chain} → 외부",
    "chain.stopped": "{chain} ✗ 여기서 끝남",
    "chain.unknown": "{chain} ? 이후는 알 수 없음",
    "path.start": "{workload}의 패킷이 {host}의 {bridge:으로} 들어갑니다.",
    "path.end": "{host}의 {bridge:이} 패킷을 {workload} 포트로 전달합니다.",
    "path.provider": "프로바이더 네트워크에 있는 {workload}의 경로입니다. 그 밖의 네트워크에서는 먼저 라우터를 "
    "지납니다.",
    "step.patch": "{bridge:이} {port:으로} 내보내면, {host}의 {joined:이} {other:으로} 받습니다.",
    "step.veth": "{bridge:이} {port:으로} 내보내면, 이름으로 보아 {host}의 {joined:이} {other:으로} 받습니다.",
    "step.half": "{bridge:이} {port:으로} 보냅니다.",
    "step.tunnel": "{bridge:이} {port}에서 {type:으로} 캡슐화해 {local}에서 {remote:으로} 보내면, {peer}의 {joined:이} "
    "{other:으로} 받습니다.",
    "step.tunnel.nolocal": "{bridge:이} {port}에서 {type:으로} 캡슐화해 {remote:으로} 보내면, {peer}의 {joined:이} "
    "{other:으로} 받습니다.",
    "step.tunnel.out": "{bridge:이} {port}에서 {type:으로} 캡슐화해 {local}에서 {remote:으로} 보냅니다.",
    "step.tunnel.nolocal.out": "{bridge:이} {port}에서 {type:으로} 캡슐화해 {remote:으로} 보냅니다.",
    "step.overlay": "{bridge:이} {port}에서 {type:으로} 캡슐화합니다. {peer:이} 같은 클러스터의 노드라면 플로우가 그 "
    "주소를 정하고, 패킷은 그곳의 {other:으로} 나옵니다.",
    "step.overlay.out": "{bridge:이} {port}에서 {type:으로} 캡슐화하고, 상대 호스트의 주소는 플로우가 정합니다.",
    "step.router": "{host}의 라우터가 {bridge}의 {port:으로} 받아 {other:으로} {joined}에 전달합니다. 어느 안쪽 포트와 "
    "어느 바깥쪽 포트가 같은 라우터의 것인지는 원본에 나오지 않습니다.",
    "step.router.floating": "플로팅 IP가 있는 VM이라면, {host}의 분산 라우터가 {bridge}의 {port:으로} 받아 "
    "{other:으로} {joined}에 전달합니다.",
    "step.nic": "{bridge:이} 물리 NIC {port:으로} 내보내, 패킷이 물리 네트워크로 나갑니다.",
    "step.nics": "{bridge:이} 물리 NIC({nics}) 중 하나, 예를 들어 {port:으로} 내보내, 패킷이 물리 네트워크로 나갑니다.",
    "step.stack": "{bridge:이} {port:으로} 호스트에 전달합니다.",
    "router.none": "테넌트 네트워크에서 온 패킷은 {host}의 {bridge}에서 라우터가 프로바이더 네트워크로 전달해야 "
    "하는데, 아직 연결된 라우터가 없습니다.",
    "router.unseen": "테넌트 네트워크에서 온 패킷은 {host}의 {bridge}에서 라우터가 프로바이더 네트워크로 전달해야 "
    "하는데, 덤프의 남아 있는 부분에는 라우터가 보이지 않습니다.",
    "router.inner": "테넌트 네트워크에서 온 패킷은 {host}의 {bridge}에서 라우터가 프로바이더 네트워크로 전달해야 "
    "하는데, 연결된 라우터({ports})에는 게이트웨이 포트(qg-)가 없습니다.",
    "router.ovn": "{host}의 {bridge}에서, 포트가 아니라 플로우로 구현된 OVN 라우터가 프로바이더 네트워크로 전달합니다.",
    "stop.no-patch": "{host}의 {bridge}에서 끝납니다. 거기서 {peer:으로} 가는 정상 케이블이 없습니다.",
    "stop.broken-patch": "{host}의 {bridge}에 있는 {port}에서 끝납니다. {peer:으로} 가는 케이블이 정상이 아닙니다.",
    "stop.no-tunnel": "{host}의 {bridge}에서 끝납니다. {peer}에는 {host:으로} 오는 터널이 있지만, {host}에는 "
    "{peer:으로} 가는 터널이 없습니다.",
    "stop.broken-tunnel": "{host}의 {bridge}에 있는 {port}에서 끝납니다. {peer:으로} 가는 터널이 정상이 아닙니다.",
    "stop.not-joined": "{host}의 {bridge}에서 끝납니다. {host}, {peer} 사이에 터널이 없습니다.",
    "stop.unseen": "{host}의 {bridge} 다음은 보이지 않습니다. 그 호스트의 덤프 일부가 빠져 있습니다.",
    "stop.unknown-host": "{peer:이} 분석 대상이 아니어서 그 뒤는 알 수 없습니다. {host}의 {bridge}까지만 알 수 "
    "있습니다.",
    "stop.which-host": "{host}에는 외부로 나가는 경로가 없습니다(터널로 가는 마지막 브리지는 {bridge}). 분석 대상이 "
    "아닌 다음 호스트에 있을 수 있습니다: {hosts}.",
    "stop.which-host.unseen": "{host}에서 외부로 나가는 경로가 보이지 않습니다(터널로 가는 마지막 브리지는 {bridge}). "
    "덤프의 빠진 부분이나 분석 대상이 아닌 다음 호스트에 있을 수 있습니다: {hosts}.",
    "stop.no-way-in": "{host}의 {bridge}에서 끝납니다. 거기서 {peer:으로} 가는 정상 케이블이 없습니다.",
    "stop.no-entrance": "{host}의 {bridge}에서 끝납니다. {host}의 워크로드가 어디에 연결되는지 알 수 없습니다.",
    "stop.no-nic": "{host}의 {bridge}에서 끝납니다. 물리 NIC가 없습니다. 호스트 자신이 더 라우팅할 수도 있지만 "
    "원본에는 나오지 않습니다.",
    "stop.broken-nic": "{host}의 {bridge}에서 끝납니다. 물리 NIC {port:이} 동작하지 않습니다.",
    "stop.dead-nic": "{host}의 {bridge}에서 끝납니다. 물리 NIC {port:이} 꺼져(down) 있습니다.",
    "stop.host-stack": "{bridge}에서부터는 {host}의 IP 스택이 라우팅하며, 원본에는 나오지 않습니다.",
    "stop.linux-bridge": "{host}의 {bridge}에서 Linux 브리지에도 들어 있는 {port:으로} 나갑니다. 그 뒤의 경로는 원본에 "
    "나오지 않습니다.",
}
