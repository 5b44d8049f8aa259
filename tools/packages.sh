#!/usr/bin/env bash
# Install the system packages that are missing: those of the lab, with `tests` those that only tests use, and with `bench`
# those of `make bench`, with `deb` those of `make man` and `make deb`.
# Safe to run twice, asks nothing. Where it cannot install (not root, no apt), it says what is missing; that is an error
# for the lab's own, while tests that miss something of theirs skip with a reason (and fail where CI=true).
set -euo pipefail
cd "$(dirname "$0")/.."
PATH=$PATH:/usr/sbin:/sbin
declare -A lab=(
    [ovs-vsctl]=openvswitch-switch [ovs-vswitchd]=openvswitch-switch
    [ip]=iproute2 [ss]=iproute2 [nsenter]=util-linux [unshare]=util-linux [ping]=iputils-ping [ethtool]=ethtool
    [udhcpc]=udhcpc [busybox]=busybox-static [curl]=curl
)
declare -A bench=([iperf3]=iperf3)
declare -A deb=([lowdown]=lowdown [dpkg-deb]=dpkg [gzip]=gzip)
# command, or file -> package that has it
declare -A tests=(
    [qemu-system-x86_64]=qemu-system-x86 [depmod]=kmod
    [ssh]=openssh-client [openssl]=openssl [dot]=graphviz
    [dhclient]=isc-dhcp-client [dhcpcd]=dhcpcd-base [dig]=bind9-dnsutils
    [iperf3]=iperf3 [chromium]=chromium [rsvg-convert]=librsvg2-bin [fc-list]=fontconfig
    [/usr/share/fonts/truetype/nanum/NanumGothic.ttf]=fonts-nanum
    [lowdown]=lowdown [man]=man-db
)

missing() { # names of the packages of these tables whose command is not there
    local name command
    for name in "$@"; do
        local -n table=$name
        for command in "${!table[@]}"; do
            command -v "$command" >/dev/null || [ -e "$command" ] || echo "${table[$command]}"
        done
        # In Debian 12 it comes with QEMU.
        [ "$name" != tests ] || command -v virtiofsd >/dev/null || [ -e /usr/libexec/virtiofsd ] ||
            [ -e /usr/lib/qemu/virtiofsd ] || ! apt-cache show virtiofsd >/dev/null 2>&1 || echo virtiofsd
    done | sort -u
}

can_install() { [ "$(id -u)" = 0 ] && command -v apt-get >/dev/null; }

install() {
    local wanted
    mapfile -t wanted < <(missing "$1")
    [ ${#wanted[@]} -gt 0 ] || return 0
    can_install || return 1
    echo "installing ${wanted[*]}"
    case " ${wanted[*]} " in *" openvswitch-switch "*)
        echo "  (where systemd runs, Debian also starts this machine's own Open vSwitch; labs have their own and leave it alone)" ;;
    esac
    tools/apt.sh "${wanted[@]}"
}

# Kernel hosts and tests use sshd's program, never the service that its package brings: only where nothing would start it.
install_sshd() {
    [ ! -x /usr/sbin/sshd ] || return 0
    if [ -d /run/systemd/system ]; then
        echo "openssh-server is not installed, and would be started as a service here: tests of kernel hosts and of ssh:" \
            "sources skip without it"
        return 0
    fi
    can_install || return 1
    echo "installing openssh-server (its service is not started)"
    local policy=/usr/sbin/policy-rc.d made=
    [ -e "$policy" ] || { printf '#!/bin/sh\nexit 101\n' >"$policy" && chmod +x "$policy" && made=$policy; }
    local status=0
    tools/apt.sh openssh-server || status=$?
    [ -z "$made" ] || rm -f "$made"
    return $status
}

# A real cloud-init for tests: its files alone, in a folder where no machine looks for it. The package would have this
# machine configure itself from a metadata service at its next start.
cloud_init=/usr/local/lib/tunbridge-tests/cloud-init
install_cloud_init() {
    [ ! -d "$cloud_init" ] || return 0
    can_install || return 1
    echo "unpacking cloud-init into $cloud_init (it is not installed)"
    tools/apt.sh python3-configobj python3-jinja2 python3-jsonpatch python3-jsonschema python3-netifaces \
        python3-oauthlib python3-requests python3-yaml
    local folder status=0
    folder=$(mktemp -d)
    download() { apt-get download -q cloud-init >/dev/null 2>&1; }
    (cd "$folder" && { download || { apt-get update >/dev/null 2>&1 && download; }; } &&
        dpkg-deb -x cloud-init_*.deb unpacked) || status=$?
    if [ $status = 0 ]; then
        mkdir -p "$cloud_init"
        cp -r "$folder"/unpacked/usr/lib/python3/dist-packages/cloudinit "$cloud_init"/
    fi
    rm -rf "$folder"
    return $status
}

if ! can_install; then
    tables=(lab)
    [ "${1:-}" != tests ] || tables+=(tests)
    mapfile -t wanted < <(missing "${tables[@]}")
    [ "${1:-}" != tests ] || [ -x /usr/sbin/sshd ] || wanted+=(openssh-server)
    [ "${1:-}" != tests ] || [ -d "$cloud_init" ] || wanted+=(cloud-init)
    [ ${#wanted[@]} = 0 ] || echo "missing packages: ${wanted[*]} (as root on Debian or Ubuntu, this installs them)" >&2
fi
install lab
if [ "${1:-}" = bench ]; then install bench; fi
if [ "${1:-}" = deb ]; then install deb; fi
if [ "${1:-}" = tests ]; then
    { install tests && install_sshd && install_cloud_init; } || [ "${CI:-}" != true ]
fi
