#!/bin/sh
# The first process of a User Mode Linux kernel that is a host of a lab (uml.py): its places, its modules, its sshd.
# Given on the kernel's command line: TB_MODULES, TB_FOLDER, TB_NAME, TB_BINDS, TB_ADDRESS.
export PATH=/usr/sbin:/usr/bin:/sbin:/bin HOME=/root
mount -t proc proc /proc
mount -t sysfs sys /sys
mount -t devtmpfs dev /dev 2>/dev/null
mkdir -p /dev/pts && mount -t devpts devpts /dev/pts
# What this kernel needs of its own is in its own memory; /tmp stays this machine's, a checkout may be there.
own=/dev/shm
mkdir -p $own && mount -t tmpfs tmpfs $own
for place in $(echo "$TB_BINDS" | tr , ' '); do
    [ -d "${place#*:}" ] || {
        # This machine has no such folder, and is not to get one: its parent as an overlay in memory.
        parent=$(dirname "${place#*:}") layer=$own/layer$(dirname "${place#*:}" | tr / -)
        mkdir -p "$layer/upper" "$layer/work"
        modprobe -d "$TB_MODULES" overlay
        mount -t overlay overlay -o "lowerdir=$parent,upperdir=$layer/upper,workdir=$layer/work" "$parent"
        mkdir -p "${place#*:}"
    }
done
# Only now: an overlay would cover what is bound below it.
for place in $(echo "$TB_BINDS" | tr , ' '); do mount --bind "${place%%:*}" "${place#*:}"; done
mount --bind "$TB_FOLDER/hosts" /etc/hosts
# Keys are to be owned by root alone; the account may be locked on this machine, which sshd would respect.
mkdir -m 700 $own/ssh
cp "$TB_FOLDER/uml/host_key" "$TB_FOLDER/uml/key.pub" $own/ssh/
printf 'root:*:19000:0:99999:7:::\nsshd:!:19000::::::\n' > $own/ssh/shadow
mount --bind $own/ssh/shadow /etc/shadow
# Bash would read root's start files for each command, which may take seconds and change the environment.
sed 's,^\(root:.*:\)[^:]*$,\1/bin/sh,' /etc/passwd > $own/ssh/passwd
mount --bind $own/ssh/passwd /etc/passwd
# A binding keeps the folder in sight at its own path, where log/ is, when /run becomes this kernel's.
mkdir $own/folder && mount --bind "$TB_FOLDER" $own/folder
mount -t tmpfs tmpfs /run
mkdir -p /run/openvswitch /run/sshd /run/central "$TB_FOLDER"
mount --bind $own/folder "$TB_FOLDER"
hostname "$TB_NAME"
ip link set lo up
for module in openvswitch vport-vxlan veth; do modprobe -d "$TB_MODULES" $module; done
ethtool -K vec0 tx off gso off gro off
ip addr add "$TB_ADDRESS" dev vec0
ip link set vec0 up
# Open vSwitch 3.1 counts processors every 10 s from the kernel's start: one started earlier has no handler threads.
while [ "$(cut -d. -f1 /proc/uptime)" -lt 11 ]; do sleep 0.2; done
/usr/sbin/sshd -f /dev/null -h $own/ssh/host_key -o AuthorizedKeysFile=$own/ssh/key.pub -o StrictModes=no \
    -o PermitRootLogin=yes -o UsePAM=no -o UseDNS=no -o MaxSessions=200 -o StreamLocalBindUnlink=yes -o PidFile=none -e
while :; do sleep 1000 & wait; done
