#!/busybox sh
# The first process of a kernel host, in the files that kernel.py packs: reach this machine's files, go on with qemu-host.sh.
# /environ says: PROBE (not empty: only tell that the kernel came so far), SCRIPT (qemu-host.sh's path), and what qemu-host.sh needs.
/busybox mount -t proc proc /proc
set -a
. /environ
set +a
if [ -n "$PROBE" ]; then
    echo "$PROBE"
    /busybox poweroff -f
fi
/busybox mount -t sysfs sys /sys
/busybox mount -t devtmpfs dev /dev
for module in /modules/*; do /busybox insmod "$module"; done
/busybox mount -t virtiofs machine /machine || exit 1
for folder in proc sys dev; do /busybox mount --move /$folder /machine/$folder; done
# The machine's files become the root of the mount namespace, not only of this process: setns(2), so nsenter, goes there.
cd /machine && /busybox mount --move . / || exit 1
exec /busybox chroot . /bin/sh "$SCRIPT"
