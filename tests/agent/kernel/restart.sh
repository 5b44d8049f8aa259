#!/bin/bash
# The first process of a User Mode Linux kernel: two hosts with the kernel's datapath, a ping between their workloads,
# and restarts of one host's ovs-vswitchd under it. Each `--- name` begins a section.
# Given on the kernel's command line: TB_PYTHON, TB_MODULES, TB_KINDS (words joined by commas).
export PATH=/usr/sbin:/usr/bin:/sbin:/bin HOME=/root PYTHONWARNINGS=ignore
mount -t proc proc /proc
mount -t sysfs sys /sys
mount -t tmpfs tmpfs /run
exec 2>&1
cd "${0%/tests/*}" || poweroff -f
ip link set lo up
for module in openvswitch vport-vxlan veth bridge overlay; do modprobe -d "$TB_MODULES" $module; done
# Open vSwitch 3.1 counts processors every 10 s from the kernel's start: one started earlier has no handler threads.
while [ "$(cut -d. -f1 /proc/uptime)" -lt 11 ]; do sleep 0.2; done
echo "--- restarts"
"$TB_PYTHON" -m tests.agent.workloads ${TB_KINDS//,/ }
echo "--- end"
poweroff -f
