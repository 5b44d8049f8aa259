#!/bin/bash
# The first process of a User Mode Linux kernel: a whole host with the kernel's datapath, the agent, one damage.
# It shares this machine's files; what it writes goes to file systems in its own memory. Each `--- name` begins a section.
# Given on the kernel's command line: TB_PYTHON, TB_MODULES, TB_CONFIG.
export PATH=/usr/sbin:/usr/bin:/sbin:/bin HOME=/root
mount -t proc proc /proc
mount -t sysfs sys /sys
for folder in /run /etc/openvswitch /var/log/openvswitch /var/lib/openvswitch; do mount -t tmpfs tmpfs $folder; done
mkdir -p /run/openvswitch /run/tunbridge
exec 2>&1
ip link set lo up
for module in openvswitch vport-vxlan veth; do modprobe -d "$TB_MODULES" $module; done
ip link add eno16777736 type veth peer name outside0
ip link add underlay0 type veth peer name underlay1
for device in eno16777736 outside0 underlay0 underlay1; do ip link set $device up; done
ip addr add 10.0.0.27/24 dev underlay0
# Open vSwitch 3.1 counts processors every 10 s from the kernel's start: one started earlier has no handler threads.
while [ "$(cut -d. -f1 /proc/uptime)" -lt 11 ]; do sleep 0.2; done
ovsdb-tool create /etc/openvswitch/conf.db /usr/share/openvswitch/vswitch.ovsschema
ovsdb-server /etc/openvswitch/conf.db --remote=punix:/run/openvswitch/db.sock \
    --remote=db:Open_vSwitch,Open_vSwitch,manager_options --pidfile --detach --no-chdir --log-file -vconsole:off
ovs-vsctl --no-wait init -- set Open_vSwitch . ovs-version=3.1.0
ovs-vswitchd --pidfile --detach --no-chdir --log-file -vconsole:off
"$TB_PYTHON" -m tunbridge agent --config "$TB_CONFIG" >/run/agent.log &
for _ in $(seq 300); do grep -q 'in sync' /run/agent.log && break; sleep 0.2; done
for _ in $(seq 100); do # who is connected is written down every 5 s
    [ "$(ovs-vsctl show | grep -c 'is_connected: true')" = 4 ] && break
    sleep 0.2
done
echo "--- show"
ovs-vsctl show
echo "--- datapath"
ovs-dpctl show
echo "--- flows"
for bridge in br-int br-tun br-eth1; do ovs-ofctl -O OpenFlow14 --names --no-stats dump-flows $bridge; done
ovs-vsctl del-port patch-tun
ovs-ofctl -O OpenFlow14 del-flows br-tun
for _ in $(seq 100); do
    [ "$(ovs-ofctl -O OpenFlow14 dump-flows br-tun table=22 | wc -l)" = 2 ] && ovs-vsctl port-to-br patch-tun >/dev/null && break
    sleep 0.2
done
echo "--- mended"
ovs-vsctl list-ports br-int
ovs-ofctl -O OpenFlow14 --names --no-stats dump-flows br-tun
"$TB_PYTHON" -m tunbridge agent --config "$TB_CONFIG" --plan
echo "--- log"
cat /run/agent.log
echo "--- end"
poweroff -f
