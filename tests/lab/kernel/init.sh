#!/bin/bash
# The first process of a User Mode Linux kernel that has the openvswitch module: a whole lab in it, up and down.
# It shares this machine's files; what it writes goes to file systems in its own memory. Each `--- name` begins a section.
# Given on the kernel's command line: TB_PYTHON, TB_MODULES.
export PATH=/usr/sbin:/usr/bin:/sbin:/bin HOME=/root
mount -t proc proc /proc
mount -t sysfs sys /sys
mount -t tmpfs tmpfs /run
exec 2>&1
cd "${0%/tests/*}" || poweroff -f
ip link set lo up
for module in openvswitch vport-vxlan veth bridge overlay; do modprobe -d "$TB_MODULES" $module; done
# Open vSwitch 3.1 counts processors every 10 s from the kernel's start: one started earlier has no handler threads.
while [ "$(cut -d. -f1 /proc/uptime)" -lt 11 ]; do sleep 0.2; done
lab() { "$TB_PYTHON" -m tunbridge lab "$@"; }
echo "--- up"
lab up --like examples/compute0.txt network0=examples/network.txt --out /run/out | cat
for host in compute0 network0; do
    echo "--- $host"
    lab exec $host -- ovs-vsctl show
done
echo "--- datapath"
lab exec network0 -- ovs-dpctl show
echo "--- address"
lab exec network0 -- ip -brief address show dev enunderlay0
echo "--- ping"
lab exec compute0 -- ping -c 2 -W 2 network0
echo "--- check"
# Its output is no terminal, where a progress bar would be drawn.
"$TB_PYTHON" -m tunbridge check lab: 2>&1 | cat
echo "--- down"
lab down
echo "--- left"
ip netns
ls -A /run/tunbridge
ip -brief link show | grep -v '^lo '
for name in ovs sleep python; do pgrep -a $name; done
echo "--- end"
poweroff -f
