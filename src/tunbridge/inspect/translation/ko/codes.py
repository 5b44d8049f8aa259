"""What each code means, in Korean: what `check --explain` and `--list-codes` print."""

from collections.abc import Mapping
from typing import NamedTuple


class Words(NamedTuple):
    """The texts of a `registry.Code`."""

    summary: str
    meaning: str
    not_when: str
    fix: str


CODES: Mapping[str, Words] = {
    "patch-peer-missing": Words(
        "패치 포트의 상대(peer)가 이 호스트에 없습니다.",
        "패치 포트는 두 브리지를 잇는 케이블의 한쪽 끝이고 `options:peer`가 반대쪽 끝의 이름입니다. 이 호스트의 어느 "
        "브리지에도 그 이름의 인터페이스가 없거나 상대가 지정되어 있지 않습니다. 그래서 케이블 끝에 아무것도 없고 "
        "그쪽으로 보낸 패킷은 폐기(drop)됩니다. 두 브리지가 서로 끊어진 상태입니다.",
        "덤프의 일부가 빠져 있을 때. 상대가 거기 있을 수 있으므로 '점검 안 함'으로 표시합니다.",
        "그 쌍을 만든 에이전트를 다시 시작하세요. Neutron과 Tunbridge의 에이전트, ovn-controller는 쌍과 그에 딸린 "
        "플로우(포트 번호를 따름)를 새로 만듭니다. `phy-X`와 `int-X`의 X는 브리지 이름입니다. X 자체가 없으면 다시 "
        "만들거나 매핑에서 빼고, 그렇지 않으면 남아 있는 한쪽을 삭제하세요.",
    ),
    "patch-peer-one-sided": Words(
        "패치 포트의 상대(peer)가 있지만 그 상대는 이 포트를 가리키지 않습니다.",
        "패치 쌍은 양쪽이 서로를 가리켜야 합니다. 여기서는 상대가 패치 포트가 아니거나, 다른 포트를 가리키거나, 포트가 "
        "자기 자신을 가리킵니다. Open vSwitch는 이런 케이블로 패킷을 보내지 않습니다.",
        "양쪽이 서로를 가리킬 때.",
        "양쪽의 `options:peer`를 서로의 인터페이스 이름으로 설정하세요.",
    ),
    "tunnel-one-way": Words(
        "다른 호스트로 가는 터널이 있지만 그 호스트에는 돌아오는 터널이 없습니다.",
        "Neutron, OVN, Tunbridge의 터널은 쌍으로 있으며 양쪽이 서로의 주소를 가리킵니다. 터널 포트가 없는 주소에서 온 "
        "패킷은 받은 호스트가 폐기하므로, 여기서는 패킷이 도착하지 못합니다. 한 호스트에 여러 터널이 빠져 있으면 그 "
        "호스트에 한 번만 보고합니다.",
        "반대쪽 호스트가 분석 대상이 아니거나, 그 주소를 알 수 없거나, 누구에게서나 받는 다중 상대 터널"
        "(`remote_ip=flow`)이 있을 때.",
        "Neutron이라면 터널이 없는 호스트의 에이전트가 실행 중인지, 양쪽의 l2population과 터널 유형이 같은지 "
        "확인하세요. OVN이라면 그 호스트에서 ovn-controller가 실행 중인지 확인하세요. 수동 설정은 에이전트가 터널을 "
        "만들지 않는 곳에서만 하세요.",
    ),
    "tunnel-address-mismatch": Words(
        "터널의 양쪽 끝이 서로의 주소를 가리키지 않습니다.",
        "한쪽의 `remote_ip`는 반대쪽의 `local_ip`와 양방향으로 같아야 합니다. 여기서는 하나가 다릅니다. 패킷이 아무도 "
        "응답하지 않는 주소로 가거나 예상하지 않은 주소에서 와서 폐기됩니다. 호스트 자신의 주소로 가는 터널도 "
        "마찬가지로 보고합니다.",
        "한쪽에 `local_ip`가 없을 때(OVN). 이때 커널이 라우팅으로 출발지 주소를 정합니다.",
        "한쪽의 `options:remote_ip`를 반대쪽의 `options:local_ip`로 설정하세요.",
    ),
    "tunnel-duplicate": Words(
        "한 호스트의 두 터널을 구별할 수 없습니다.",
        "Open vSwitch는 유형, 로컬 주소와 원격 주소, 수신 키, UDP 포트, 마크로 터널을 구별합니다. 모두 같은 두 번째 "
        "터널은 거부되고(`File exists`) 아무것도 전달하지 못합니다. 둘 중 어느 것이 동작할지는 다시 시작할 때 바뀔 수 "
        "있습니다.",
        "VTEP이나 키가 여럿일 때처럼 이 가운데 하나라도 다를 때.",
        "둘 중 하나를 삭제하세요.",
    ),
    "tunnel-type-mismatch": Words(
        "터널 양쪽의 유형이 다릅니다.",
        "예를 들어 한쪽은 VXLAN으로 보내고 반대쪽은 Geneve를 기다립니다. 서로 상대가 보낸 것을 폐기합니다.",
        "두 호스트 사이에 다른 유형의 터널 쌍이 하나 더 있을 때. 쌍은 유형으로 맞춥니다.",
        "양쪽의 유형을 같게 하세요. Neutron은 모든 호스트의 `tunnel_types`를, OVN은 `ovn-encap-type`을 같게 합니다.",
    ),
    "tunnel-key-mismatch": Words(
        "터널 양쪽의 키가 다릅니다.",
        "한쪽이 보내는 키(`out_key` 또는 `key`)는 반대쪽이 받는 키(`in_key` 또는 `key`)와 같아야 합니다. `flow`는 "
        "`flow`와, 숫자는 같은 숫자와 맞습니다. 키가 없으면 0입니다. 다른 키로 도착한 것은 폐기됩니다.",
        "한쪽이 다중 상대 터널(`remote_ip=flow`)일 때.",
        "양쪽에 같은 `options:key`를 설정하세요. Neutron, OVN, Tunbridge의 오버레이는 `flow`를 씁니다.",
    ),
    "tunnel-port-mismatch": Words(
        "터널 양쪽의 UDP 포트가 다릅니다.",
        "각 끝은 자기 `options:dst_port`로 보내고 그 포트에서 받습니다. 기본값은 VXLAN이 4789, Geneve가 6081입니다. "
        "포트가 다르면 패킷이 가는 곳에서 아무도 받지 않습니다.",
        "UDP 포트를 쓰지 않는 유형일 때(GRE).",
        "양쪽에 같은 `options:dst_port`를 설정하거나 양쪽에서 지우세요.",
    ),
    "tunnel-name-mismatch": Words(
        "터널 포트의 이름이 나타내는 주소와 remote_ip가 다릅니다.",
        "Neutron과 Tunbridge는 상대의 IPv4 주소를 16진수로 터널 포트 이름에 넣습니다. `vxlan-0a00001b`는 10.0.0.27로 "
        "갑니다. 여기서는 이름과 `remote_ip`가 서로 다른 주소입니다. 터널은 `remote_ip`를 따르지만, 누군가 수동으로 "
        "바꿨거나 상대의 주소가 바뀐 것이고, 에이전트는 이름으로 포트를 찾습니다.",
        "이름이 그런 형식이 아닐 때(OVN의 `ovn-32a2f4-0`, 사람이 붙인 이름).",
        "포트를 삭제해 에이전트가 새로 만들게 하거나 `remote_ip`를 고치세요.",
    ),
    "local-ip-duplicate": Words(
        "두 호스트의 터널 주소가 같습니다.",
        "오버레이의 호스트마다 자기 주소가 있어야 합니다. 여기서는 두 호스트의 `local_ip`가 같아서 다른 호스트의 "
        "패킷이 둘 중 하나에만 가거나 번갈아 갑니다. 호스트를 복제했을 때 흔합니다.",
        "두 텍스트가 한 호스트의 것일 때(시스템 UUID가 같음).",
        "한쪽에 다른 주소를 주세요. Neutron과 Tunbridge의 에이전트는 `local_ip`, OVN은 `ovn-encap-ip`입니다.",
    ),
    "system-id-duplicate": Words(
        "서로 다른 두 호스트의 시스템 ID가 같습니다.",
        "`ovs-vsctl show`의 첫 줄은 데이터베이스의 UUID입니다. 라이브 원본에는 `external_ids:system-id`도 있으며 시작 "
        "스크립트가 /etc/openvswitch/system-id.conf에서 읽습니다. 같은 값을 가진 두 호스트는 한 디스크 이미지의 "
        "복제본입니다. OVN은 `system-id`로 섀시를 알아보므로, ID가 같은 두 섀시는 포트와 터널을 번갈아 빼앗습니다. "
        "그래서 OVN에서는 오류입니다.",
        "두 텍스트가 한 호스트의 서로 다른 시점일 수 있을 때. 그때는 `host-given-twice`로 보고합니다.",
        "복제본에서 Open vSwitch를 멈추고 /etc/openvswitch/conf.db와 system-id.conf를 지운 뒤 다시 시작하세요.",
    ),
    "host-given-twice": Words(
        "두 텍스트가 같은 호스트의 것이어서 마지막 것을 씁니다.",
        "둘의 시스템 UUID가 같고, 한 호스트(아마 서로 다른 시점)라는 것과 어긋나는 내용이 없습니다. 한 호스트가 한 "
        "그림에 두 번 나올 수 없으므로 먼저 준 것을 뺍니다.",
        "둘의 터널 주소가 다를 때. 그때는 `system-id-duplicate`로 보고합니다.",
        "호스트마다 한 번씩만 주세요.",
    ),
    "interface-error": Words(
        "Open vSwitch가 인터페이스를 동작시키지 못했습니다.",
        "`ovs-vswitchd`는 인터페이스를 열거나 추가하거나 설정하지 못한 이유를 인터페이스의 `error` 열에 적습니다. 이런 "
        "인터페이스는 패킷을 전달하지 못합니다. 워크로드의 장치가 사라진 경우(tap이나 veth의 `No such device`)는 "
        "오류가 아니라 경고입니다. 워크로드는 삭제되었고 포트만 남은 것입니다.",
        "그 열이 비어 있을 때.",
        "오류와 인터페이스 유형에 따라 다르며, 점검 결과에 적혀 있습니다. 자세한 내용은 `ovs-vswitchd.log`에 있습니다.",
    ),
    "bridge-loop": Words(
        "패치 포트가 한 호스트의 브리지들을 루프로 잇습니다.",
        "한 브리지에서 다른 브리지로 가는 경로가 둘입니다(또는 브리지가 자기 자신에 이어져 있습니다). 두 경로로 간 "
        "브로드캐스트는 되돌아와 끝없이 돕니다. 플로우나 스패닝 트리가 막을 때만 그렇지 않습니다.",
        "OVN의 케이블(`patch-…-to-…`, localnet 포트마다 하나)이거나 Neutron의 트렁크 브리지(`tbr-…`)의 것일 때. 그 "
        "플로우가 네트워크를 분리합니다.",
        "루프 가운데 에이전트가 만들지 않은 패치 쌍을 삭제하세요.",
    ),
    "dead-vlan": Words(
        "포트가 VLAN 4095에 있어 패킷이 폐기됩니다.",
        "Neutron은 포트가 바인딩될 때까지, 또는 바인딩에 실패했을 때 포트를 VLAN 4095(dead VLAN)에 둡니다. 이런 "
        "포트에서 나온 것은 모두 폐기됩니다.",
        "바로 지금 포트를 연결하는 중일 때. 몇 초 뒤에 다시 확인하세요.",
        "인터페이스의 `external_ids:iface-id`에서 포트의 UUID를 찾아 그 포트의 `binding_vif_type`과 에이전트 로그를 "
        "확인하세요.",
    ),
    "controller-disconnected": Words(
        "브리지가 OpenFlow 컨트롤러에 연결되어 있지 않습니다.",
        "Open vSwitch가 접속해야 하는 컨트롤러인데 지금 연결이 없습니다. fail mode가 `secure`이면 브리지는 이미 있는 "
        "플로우로 계속 전달하지만, 갱신되지 않고 컨트롤러로 가는 패킷(DHCP, ARP)은 유실됩니다. `secure`가 아니면 "
        "브리지가 일반 스위치로 동작하기 시작합니다.",
        "대상이 수동일 때(`ptcp:`, `pssl:`, `punix:`). 접속을 기다리므로 연결이 없어도 정상입니다.",
        "컨트롤러를 시작하세요. 127.0.0.1:6633이면 Neutron 또는 Tunbridge의 에이전트이고, 아니면 대상이 가리키는 "
        "것입니다.",
    ),
    "manager-disconnected": Words(
        "연결된 OVSDB 매니저가 없습니다.",
        "능동 매니저(`tcp:`, `ssl:`)에는 Open vSwitch가 접속하고, 수동 매니저(`ptcp:`)는 접속을 기다립니다. 지금은 "
        "아무도 연결되어 있지 않습니다. `ptcp:6640:127.0.0.1`이면 이 호스트의 에이전트(Neutron 또는 Tunbridge)가 "
        "연결되어 있지 않다는 뜻입니다.",
        "연결된 클라이언트가 있을 때.",
        "에이전트나 매니저를 시작하거나, `ovs-vsctl del-manager`로 대상을 지우세요.",
    ),
    "fail-mode-not-secure": Words(
        "컨트롤러가 있는 브리지가 컨트롤러 없이는 일반 스위치로 동작합니다.",
        "fail mode가 `secure`가 아니면, 컨트롤러를 잃었거나 아직 없는 브리지는 스스로 플러딩하고 학습합니다. 플로우로 "
        "분리한 네트워크 사이에 패킷이 샐 수 있습니다.",
        "브리지에 컨트롤러가 없고 클라우드의 브리지(통합, 터널)도 아닐 때.",
        "플로우가 테넌트를 분리하는 곳에서는 `ovs-vsctl set-fail-mode BRIDGE secure`. 모드가 바뀔 때 Open vSwitch가 "
        "브리지의 플로우 테이블을 비웁니다.",
    ),
    "provider-without-nic": Words(
        "프로바이더 브리지에서 물리 네트워크로 나가는 경로가 없습니다.",
        "밖으로 나가기 위한 브리지인데 그 안에도, 패치로 이어진 브리지에도 NIC가 없습니다. 프로바이더 네트워크로 보낸 "
        "것은 호스트 자신 말고는 아무 데도 가지 못합니다. 다른 호스트의 같은 이름 브리지에는 NIC가 있는데 여기에는 "
        "없는 브리지도 모두 보고합니다.",
        "호스트가 대신 라우팅할 때(DevStack처럼 브리지 자체에 주소가 있음). 이것은 여기서 알 수 없습니다. 또는 내부 "
        "포트 하나가 Linux 브리지에도 들어 있을 때(라이브 원본으로 알 수 있음).",
        "`ovs-vsctl add-port BRIDGE NIC`. 먼저 NIC의 주소를 떼어 브리지로 옮기세요.",
    ),
    "nic-on-integration-bridge": Words(
        "물리 NIC가 통합 브리지에 꽂혀 있습니다.",
        "통합 브리지에는 워크로드가 꽂히고, 네트워크는 호스트 밖에서는 의미가 없는 로컬 VLAN으로 구별됩니다. 거기 있는 "
        "NIC로 그 패킷이 물리 네트워크로 나가거나 다른 패킷이 들어옵니다.",
        "워크로드를 대신하는 가상 기능의 representor일 때(`eth4_0`, `pf0vf3` 같은 이름), 또는 Antrea가 옮겨 놓았을 때.",
        "프로바이더 브리지로 옮기세요: `ovs-vsctl del-port BR-INT NIC -- add-port BRIDGE NIC`.",
    ),
    "mixed-datapaths": Words(
        "서로 다른 데이터패스의 브리지가 패치로 이어져 있습니다.",
        "패치 쌍은 한 데이터패스 안에서 동작합니다. 두 브리지 가운데 하나는 커널(`system`), 하나는 사용자 공간"
        "(`netdev`) 데이터패스에 있어 그 사이로 패킷이 지나가지 못합니다.",
        "서로 다른 데이터패스의 브리지가 이어져 있지 않을 때.",
        "둘의 `datapath_type`을 같게 하세요: `ovs-vsctl set bridge BRIDGE datapath_type=netdev`.",
    ),
    "dpdk-on-system-bridge": Words(
        "DPDK 포트가 커널 데이터패스의 브리지에 있습니다.",
        "`dpdk`, `dpdkvhostuser`, `dpdkvhostuserclient` 유형은 사용자 공간 데이터패스(`datapath_type` netdev)에만 "
        "있습니다. 이 브리지는 커널 데이터패스(`system`)에 있으므로 포트가 아무것도 전달하지 못합니다.",
        "데이터패스 유형을 알 수 없거나(Open vSwitch 2.13 이전의 텍스트), 인터페이스에 오류가 있어 `interface-error`가 "
        "설명할 때.",
        "포트를 `datapath_type=netdev`인 브리지로 옮기세요.",
    ),
    "workload-untagged": Words(
        "Neutron 통합 브리지의 워크로드 포트에 VLAN 태그가 없습니다.",
        "Neutron의 에이전트는 연결한 포트마다 로컬 VLAN을 태그로 줍니다. 태그가 없는 포트는 연결되지 않은 것입니다. "
        "에이전트가 그 포트를 모르거나, 실행 중이 아니었거나, 바인딩하지 못했습니다.",
        "OVN이나 Antrea가 구성한 호스트일 때(태그를 쓰지 않음), 또는 포트 자체에 오류가 있을 때.",
        "`external_ids:iface-id`에서 포트의 UUID를 찾아 이 호스트에 바인딩되어 있는지와 에이전트 로그를 확인하세요.",
    ),
    "integration-bridge-isolated": Words(
        "통합 브리지에 워크로드가 있지만 밖으로 나가는 길이 없습니다.",
        "워크로드가 꽂혀 있지만 브리지에 패치 포트도, 터널도, NIC도, 라우터도 없습니다. 서로 말고는 아무 데도 닿지 "
        "못합니다.",
        "로컬 네트워크만 있는 올인원 호스트처럼 라우터나 DHCP 서버가 같은 호스트에 꽂혀 있을 때. Antrea는 호스트가 "
        "라우팅합니다.",
        "에이전트를 다시 시작하고, 왜 터널과 패치 포트를 만들지 않는지 로그에서 확인하세요.",
    ),
    "controller-missing": Words(
        "fail mode가 secure인 브리지에 능동 컨트롤러가 없는데 같은 종류의 다른 브리지에는 있습니다.",
        "fail mode `secure`에서 Open vSwitch는 스스로 플로우를 추가하지 않습니다. 컨트롤러가 없는 브리지는 어떤 "
        "프로그램이 써 둔 플로우로만 전달하고, Open vSwitch가 다시 시작된 뒤에는 아무것도 전달하지 않습니다. 같은 "
        "호스트의 다른 브리지나 다른 호스트의 같은 이름 브리지에는 컨트롤러가 있습니다.",
        "OVN이나 Antrea가 구성한 호스트일 때. 데이터베이스에 컨트롤러가 필요하지 않습니다.",
        "브리지의 컨트롤러를 설정하는 에이전트를 다시 시작하세요.",
    ),
    "bridge-mapping-missing": Words(
        "물리 네트워크가 없는 브리지에 매핑되어 있습니다.",
        "`external_ids:ovn-bridge-mappings`(또는 Neutron 에이전트의 `bridge_mappings`)가 이 호스트에 없는 브리지를 "
        "가리킵니다. 그 물리 네트워크의 포트는 연결되지 않고 네트워크가 여기서 끝납니다.",
        "원본에 매핑이 없을 때(텍스트에는 없음).",
        "브리지를 만들고 NIC를 꽂거나, 매핑을 고치세요.",
    ),
    "bridge-unconnected": Words(
        "브리지가 어디에도 이어져 있지 않습니다.",
        "터널 브리지나 에이전트가 제어하는 브리지에 다른 브리지로 가는 패치 포트가 없거나, 브리지에 자기 포트 말고는 "
        "아무것도 없습니다. 워크로드의 패킷이 지나갈 수 없습니다. 의도한 것일 수 있으면 경고가 아니라 정보입니다. "
        "OVN은 그 네트워크의 첫 포트가 호스트에 생길 때 프로바이더 브리지의 패치 포트를 만들고, 내부 포트만 있는 "
        "브리지는 호스트 자신이 씁니다(그중 하나가 NIC 같은 이름일 수 있지만 NIC가 아닙니다).",
        "라우터가 직접 꽂혀 있거나(`qg-`), 호스트 자신이 쓸 때(컨트롤러 없는 NIC).",
        "에이전트를 다시 시작하세요. 에이전트는 자기가 아는 모든 브리지의 패치 쌍을 만듭니다.",
    ),
    "nic-down": Words(
        "호스트 밖으로 나가는 NIC가 down입니다.",
        "브리지의 NIC나 터널이 나가는 장치가 꺼져 있거나(`admin_state` down) 링크가 없습니다(`link_state` down). "
        "케이블, 트랜시버, 스위치 포트, 또는 veth 쌍의 반대쪽 때문입니다. 그쪽으로 보낸 것은 아무 데도 가지 못합니다.",
        "Open vSwitch가 아예 열지 못했을 때(`interface-error`), 본드의 구성원일 때(`bond-member-down`), 워크로드의 "
        "장치일 때(워크로드가 꺼져 있으면 down).",
        "`ip link set NIC up`. 링크가 없으면 케이블과 스위치 포트를 확인하세요.",
    ),
    "bond-member-down": Words(
        "본드의 구성원이 down입니다.",
        "본드는 남은 구성원으로 계속 동작하지만 대역폭이 줄고, 하나만 남으면 이중화가 없습니다. 다음 장애에서 호스트가 "
        "끊어집니다. 모든 구성원이 down이면 이미 끊어진 것이므로 오류입니다.",
        "구성원의 상태를 알 수 없을 때(텍스트, 데이터베이스 파일).",
        "`nic-down`과 같습니다. `ovs-appctl bond/show BOND`로 Open vSwitch가 쓰는 구성원을 볼 수 있습니다.",
    ),
    "lacp-not-negotiated": Words(
        "LACP 본드의 구성원에 상대가 없습니다.",
        "본드가 협상해야 하고(`lacp` active 또는 passive) 구성원의 링크도 있지만 LACP 상대의 응답이 없습니다"
        "(`lacp_current` false). 이런 구성원은 쓰이지 않습니다. 모두 그러면 아무것도 지나가지 못합니다(오류). "
        "`other_config:lacp-fallback-ab`가 설정되어 있으면 예외입니다.",
        "`lacp`가 off이거나 구성원이 down일 때. 그때는 `bond-member-down`으로 보고합니다.",
        "모든 구성원의 스위치 포트를 한 LACP 그룹으로 묶고, 적어도 한쪽은 active로 하세요.",
    ),
    "bfd-down": Words(
        "BFD가 터널이 상대 호스트에 닿지 않는다고 알립니다.",
        "BFD(RFC 5880)는 터널로 양방향에 작은 패킷을 보냅니다. 그것이 돌아오지 않거나(세션이 `up`이 아님), 상대가 "
        "전달할 수 없다고 알립니다. OVN은 이런 호스트에서 게이트웨이를 옮깁니다. 한쪽만 BFD를 켰으면 세션이 올라오지 "
        "않습니다.",
        "BFD가 꺼져 있거나 세션을 일부러 껐을 때(`admin_down`).",
        "두 호스트가 서로의 터널 주소에 닿는지, 방화벽이 터널의 UDP 포트(또는 GRE)를 허용하는지, 양쪽에 BFD가 켜져 "
        "있는지 확인하세요.",
    ),
    "underlay-mtu-too-small": Words(
        "터널 헤더를 더한 워크로드 패킷이 언더레이에 들어가지 않습니다.",
        "터널은 워크로드의 패킷을 캡슐화하며 헤더를 더합니다. IPv4에서 VXLAN과 Geneve는 워크로드의 MTU보다 50바이트"
        "(외부 IP 20, UDP 8, VXLAN 또는 Geneve 8, 내부 프레임의 이더넷 14), OVN의 Geneve는 58바이트(옵션 8), 키가 있는 "
        "GRE는 42바이트가 더 필요하고, IPv6에서는 20바이트가 더해집니다. 터널 주소가 있는 장치의 MTU가 이 호스트나 "
        "반대쪽의 가장 큰 오버레이 워크로드 포트에 필요한 값보다 작습니다. ping과 로그인은 되지만 최대 크기 패킷은 "
        "유실됩니다.",
        "해당 워크로드가 프로바이더 네트워크에 있을 때, 또는 어느 것이 그런지 알 수 없을 때('점검 안 함'으로 "
        "표시). 게스트가 DHCP로 포트보다 작은 MTU를 받았으면 아무것도 유실되지 않습니다.",
        "모든 호스트와 그 사이 스위치에서 언더레이의 MTU를 키우거나, 네트워크의 MTU를 언더레이의 MTU에서 헤더를 뺀 "
        "값으로 낮추세요(Neutron: `global_physnet_mtu`, `path_mtu`, `openstack network set --mtu`).",
    ),
    "flow-restore-wait": Words(
        "Open vSwitch가 플로우 복원을 기다리도록 설정되어 있습니다.",
        "`other_config:flow-restore-wait`가 있으면 ovs-vswitchd는 그것이 지워질 때까지 전달도, 컨트롤러 접속도 "
        "시작하지 않습니다. 스크립트는 다시 시작하는 동안 설정하고, 플로우를 복원한 뒤 지웁니다. 지금 설정되어 "
        "있습니다. ovs-vswitchd가 이 상태로 시작되었으면 호스트의 모든 브리지가 멈춰 있고, 아니면 다음 시작 뒤에 "
        "그렇게 됩니다.",
        "설정되어 있지 않을 때. 진행 중인 재시작은 몇 초 동안 설정하므로 다시 확인하세요.",
        "`ovs-vsctl remove Open_vSwitch . other_config flow-restore-wait`를 실행하고 에이전트를 다시 시작하세요. 그 "
        "순간 Open vSwitch가 컨트롤러가 있는 브리지의 테이블을 비웁니다.",
    ),
    "mac-table-full": Words(
        "브리지가 배울 수 있는 MAC 주소를 모두 배웠습니다.",
        "학습으로 전달하는 브리지(`NORMAL`)는 `mac-table-size`만큼의 주소를 기억합니다(기본값 8192, 옛 버전은 2048). "
        "가득 차면 새 주소가 옛 주소를 밀어내고, 밀려난 주소로 가는 패킷은 모든 포트로 플러딩됩니다. 느리고 모두에게 "
        "보입니다. 90%부터 정보로 보고합니다.",
        "원본이 그 기계에 있지 않을 때. 데이터베이스에는 이 값이 없습니다.",
        "`ovs-vsctl set bridge BRIDGE other_config:mac-table-size=50000`. 루프와 주소를 지어내는 기계를 찾으세요"
        "(`ovs-appctl fdb/show BRIDGE`).",
    ),
    "drops-growing": Words(
        "인터페이스가 지금 패킷을 버리고 있습니다.",
        "두 번 읽는 사이에 인터페이스의 `rx_dropped`, `tx_dropped`, `rx_missed_errors`, `rx_over_err` 가운데 하나가 "
        "늘었습니다. 장치는 너무 크거나 받는 쪽보다 빨리 오는 것을 버립니다.",
        "카운터를 한 번만 읽었거나 늘지 않았을 때(과거의 drop은 지금에 대해 말해 주지 않음). Open vSwitch는 통계를 "
        "5초마다 기록하므로 그보다 길게 띄워 읽어야 합니다. 브리지 자신의 포트처럼 꺼져 있는 인터페이스도 보고하지 "
        "않습니다. 플러딩된 것을 버릴 뿐입니다.",
        "양쪽의 MTU를 비교하고, 큐 길이(`ethtool -g`, `ethtool -S`)와 CPU 부하를 확인하세요.",
    ),
    "errors-growing": Words(
        "인터페이스에 지금 전송 오류가 있습니다.",
        "두 번 읽는 사이에 인터페이스의 `rx_errors`, `tx_errors`, `rx_crc_err`, `rx_frame_err`, `collisions` 가운데 "
        "하나가 늘었습니다. 패킷이 손상되어 도착하거나 보낼 수 없습니다.",
        "카운터를 한 번만 읽었거나 늘지 않았을 때.",
        "다른 케이블, 트랜시버, 스위치 포트를 써 보고, 양쪽의 속도와 이중 모드(duplex)를 같게 하세요.",
    ),
}
"""Code -> its texts; the order is that of the registry."""
