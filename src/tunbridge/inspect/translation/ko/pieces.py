"""Parts of messages and fixes that several codes share, and why something was not checked, in Korean."""

from collections.abc import Mapping

PIECES: Mapping[str, str] = {
    "the agent of this host": "이 호스트의 에이전트",
    "Tunbridge's agent": "Tunbridge 에이전트",
    "Neutron's agent": "Neutron 에이전트",
    "`tunbridge host status` on {host} gives the reason": "{host}에서 `tunbridge host status`를 실행하면 까닭이 "
    "나옵니다",
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
    "its own tunnel address cannot be told: no tunnel that would state it is seen in the part of the dump that is "
    "here, and the other hosts, as far as they were given, do not single one address out": "이 호스트의 터널 주소를 "
    "알 수 없습니다. 덤프의 보이는 부분에는 주소를 알려 줄 터널이 "
    "없고, 다른 분석 대상 호스트로도 하나로 정해지지 않습니다",
}
"""Why something was not checked."""
