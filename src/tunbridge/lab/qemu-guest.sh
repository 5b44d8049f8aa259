#!/busybox sh
# The first process of a guest of a lab, in files that kernel.py packs: an address by DHCP, and commands by a serial line.
# /environ says NAME. On ttyS1 each line is a command in base64; its output follows, then the byte 30 and its exit status.
/busybox mkdir -p /bin /run /etc /tmp
/busybox --install -s /bin
export PATH=/bin HOME=/
mount -t proc proc /proc
mount -t sysfs sys /sys
mount -t devtmpfs dev /dev
. /environ
for module in /modules/*; do insmod "$module"; done
hostname "$NAME"
ln -s /run/resolv.conf /etc/resolv.conf
ip link set lo up
ip link set eth0 up
udhcpc -f -R -i eth0 -t 4 -T 1 -A 2 -s /udhcpc.sh -x "hostname:$NAME" -O mtu -O search -O staticroutes \
    > /run/udhcpc.log 2>&1 &
(while :; do PS1="$NAME# " setsid cttyhack sh; done) < /dev/ttyS0 > /dev/ttyS0 2>&1 &
stty -F /dev/ttyS1 raw -echo
exec < /dev/ttyS1 > /dev/ttyS1
printf '\036%d\n' 0
while read -r line; do
    echo "$line" | base64 -d > /run/command
    sh /run/command < /dev/null 2>&1
    printf '\036%d\n' $?
done
