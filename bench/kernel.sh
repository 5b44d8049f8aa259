#!/bin/bash
# The first process of a User Mode Linux kernel, in which the agent is measured on the kernel's datapath.
# Given on the kernel's command line: TB_PYTHON, TB_MODULES, and what bench/kernel.py asks for.
export PATH=/usr/sbin:/usr/bin:/sbin:/bin HOME=/root PYTHONWARNINGS=ignore
mount -t proc proc /proc
mount -t sysfs sys /sys
mount -t tmpfs tmpfs /run
exec 2>&1
cd "${0%/bench/*}" || poweroff -f
ip link set lo up
for module in openvswitch vport-vxlan veth bridge overlay; do modprobe -d "$TB_MODULES" $module; done
# Open vSwitch 3.1 counts processors every 10 s from the kernel's start: one started earlier has no handler threads.
while [ "$(cut -d. -f1 /proc/uptime)" -lt 11 ]; do sleep 0.2; done
echo "--- measuring"
"$TB_PYTHON" -m bench.kernel
echo "--- end"
poweroff -f
