"""What `tunbridge lab up` tells, in Korean: each template in English, as the lab makes it, and its translation."""

from collections.abc import Mapping

LAB: Mapping[str, str] = {
    "lab {name}: 1 host": "랩 {name}: 호스트 1개",
    "lab {name}: {count} hosts": "랩 {name}: 호스트 {count}개",
    "laying the network that carries the tunnels": "터널이 지나갈 네트워크를 만드는 중",
    "physical networks: none": "물리 네트워크: 없음",
    "physical networks: {names}": "물리 네트워크: {names}",
    "making the host": "호스트를 만드는 중",
    "started {programs}": "시작함: {programs}",
    "Open vSwitch runs already": "Open vSwitch가 이미 실행 중",
    "the agent runs already": "에이전트가 이미 실행 중",
    "starting the agent": "에이전트를 시작하는 중",
    "wired in {time} s": "{time}초 만에 연결됨",
    "1 host wired in {time} s; datapath {type}: {why!}": "호스트 1개를 {time}초 만에 연결했습니다. 데이터패스 "
    "{type}: {why}",
    "{count} hosts wired in {time} s; datapath {type}: {why!}": "호스트 {count}개를 {time}초 만에 연결했습니다. "
    "데이터패스 {type}: {why}",
    "this kernel has no openvswitch module, so packets are switched in userspace": "이 커널에는 openvswitch "
    "모듈이 없어 사용자 공간에서 패킷을 처리합니다",
    "the kernel has its openvswitch module loaded": "커널에 openvswitch 모듈이 올라와 있습니다",
    "the kernel's openvswitch module could be loaded": "커널의 openvswitch 모듈을 올릴 수 있습니다",
    "runs already": "이미 실행 중",
    "starting the Networking API": "Networking API를 시작하는 중",
    "{url} answers after {time} s": "{url}에서 {time}초 만에 응답",
    "downloading Debian's {package} into {folder}, this once": "Debian의 {package:을} {folder}에 내려받는 중(한 번만)",
    "making the network {name}, {cidr}": "네트워크 {name}({cidr})을 만드는 중",
    "making a port in {network}": "{network}에 포트를 만드는 중",
    "plugging port {port} into {host}": "포트 {port:을} {host}에 연결하는 중",
    "port {state}; waiting for {addresses}": "포트 {state}, {addresses} 대기 중",
    "port {state}: {reason}": "포트 {state}: {reason}",
    "port ACTIVE, no address after {time} s": "{time}초 만에 포트 ACTIVE, 주소 없음",
    "port ACTIVE, {addresses} after {time} s": "{time}초 만에 포트 ACTIVE, {addresses}",
    "making the security group {name}: ping and TCP port 80": "보안 그룹 {name:을} 만드는 중(ping과 TCP 포트 80 허용)",
    "making the router {name}, from {inner} to {outer}": "{inner}에서 {outer:으로} 가는 라우터 {name:을} 만드는 중",
    "making a floating IP of {name}": "{name}의 플로팅 IP를 만드는 중",
    "waiting for {name} to be reached at {address}": "{name:이} {address}에서 응답할 때까지 대기 중",
    "the flows that a packet meets on its way, on each host": "패킷이 호스트마다 지나는 플로우",
    "removing it from {host}": "{host}에서 제거하는 중",
    "its port stays in the API: {reason}": "포트는 API에 남습니다: {reason}",
    "note: {note!}": "참고: {note}",
    "{host}: the dump of its peer {address} was not given; the tunnel to it leads nowhere in this lab": "{host}: "
    "상대 {address}의 덤프가 없어 이 랩에서 그 터널은 어디로도 이어지지 않습니다",
    "{host}: {bridge} has {nics}, each a port of its own here; only {first} leads to the physical network, since "
    "two would be a loop": "{host}: {bridge}에 {nics:이} 있고 여기서는 각각 하나의 포트입니다. 둘이면 루프가 "
    "되므로 {first:만} 물리 네트워크로 이어집니다",
    "picture saved: {files}": "그림 저장: {files}",
    "next:": "다음에 해 볼 것:",
    "the same in words, with the path that a VM's packet takes": "같은 내용을 글로, VM의 패킷이 지나는 경로와 함께",
    "what is wrong (nothing, yet)": "무엇이 잘못되었는지(아직은 없음)",
    "what you would see on the host itself": "호스트에서 직접 보이는 것",
    "break it: the agent repairs it at once": "망가뜨려 보기: 에이전트가 바로 복구합니다",
    "hold the agent still, to look at damage; then resume": "에이전트를 멈추고 손상을 살펴보기(그 뒤 resume)",
    "look around": "둘러보기",
    "remove every trace": "흔적 없이 모두 제거",
    "OpenStack's own client, which is not here yet": "OpenStack의 클라이언트(아직 설치되지 않음)",
    "the Networking API is this cloud": "이 클라우드가 Networking API입니다",
    "the lab's hosts, as their agents registered them": "에이전트가 등록한 랩의 호스트",
    "a network, as with Neutron; a subnet, and VMs in it": "Neutron에서처럼 네트워크 하나, 그 안에 서브넷과 VM",
    "{name}: {step!}": "{name}: {step}",
}
