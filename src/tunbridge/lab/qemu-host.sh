#!/bin/sh
# What makes a booted kernel a host of a lab (qemu_machine.py): its own places, its modules, its sshd. From qemu-init.sh, as process 1.
# Environment: FOLDER (the host's, on this machine), NAME, BINDS (folder:place …), ADDRESS (on the NIC mgmt), MODULES.
export PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin HOME=/root
mkdir -p /dev/pts && mount -t devpts devpts /dev/pts
ln -sf /proc/self/fd /dev/fd
for number in 0:stdin 1:stdout 2:stderr; do ln -sf "/proc/self/fd/${number%:*}" "/dev/${number#*:}"; done
# What this kernel needs of its own is in its own memory; /tmp stays this machine's, a checkout may be there.
own=/dev/shm
mkdir -p $own && mount -t tmpfs tmpfs $own
printf '#!/bin/sh\nexec /sbin/modprobe -d %s "$@"\n' "$MODULES" > $own/modprobe && chmod +x $own/modprobe
echo $own/modprobe > /proc/sys/kernel/modprobe
export MODPROBE_OPTIONS="-d $MODULES"
for place in $BINDS; do
    [ -d "${place#*:}" ] || {
        # This machine has no such folder, and is not to get one: its parent as an overlay in memory.
        parent=$(dirname "${place#*:}") layer=$own/layer$(dirname "${place#*:}" | tr / -)
        mkdir -p "$layer/upper" "$layer/work"
        mount -t overlay overlay -o "lowerdir=$parent,upperdir=$layer/upper,workdir=$layer/work" "$parent"
        mkdir -p "${place#*:}"
    }
done
# Only now: an overlay would cover what is bound below it.
for place in $BINDS; do mount --bind "${place%%:*}" "${place#*:}"; done
mount --bind "$FOLDER/hosts" /etc/hosts
# The account may be locked on this machine, which sshd would respect; and bash would read root's start files for each
# command, which may take seconds and change the environment.
printf 'root:*:19000:0:99999:7:::\nsshd:!:19000::::::\n' > $own/shadow
sed 's,^\(root:.*:\)[^:]*$,\1/bin/sh,' /etc/passwd > $own/passwd
for file in shadow passwd; do mount --bind $own/$file /etc/$file; done
# A binding keeps the folder in sight at its own path, where log/ is, when /run becomes this kernel's.
mkdir $own/folder && mount --bind "$FOLDER" $own/folder
mount -t tmpfs tmpfs /run
mkdir -p /run/openvswitch /run/sshd /run/central /run/lock "$FOLDER"
mount --bind $own/folder "$FOLDER"
hostname "$NAME"
ip link set lo up
modprobe -a virtio_net openvswitch vport-vxlan veth tun
ip link set eth0 name mgmt
ip link set mgmt addrgenmode none
ip link set mgmt up
ip addr add "$ADDRESS" dev mgmt
# Open vSwitch 3.1 counts processors at most every 10 s of the monotonic clock, which begins with 0 at boot: one that
# starts earlier has no handler threads and loses packets. So hosts live in a time namespace whose clock is ahead.
unshare --fork --time --monotonic 100 --boottime 100 /usr/sbin/sshd -f /dev/null -h "$FOLDER/qemu/host_key" \
    -o AuthorizedKeysFile="$FOLDER/qemu/key.pub" -o StrictModes=no -o PermitRootLogin=yes -o UsePAM=no -o UseDNS=no \
    -o MaxSessions=200 -o StreamLocalBindUnlink=yes -o PidFile=none -o "SetEnv=MODPROBE_OPTIONS=\"$MODPROBE_OPTIONS\"" -e
touch "$FOLDER/qemu/ready"
while :; do sleep 1000 & wait; done
