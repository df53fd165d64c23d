"""The shell functions of a script: the same for every plan, nothing of a machine in them."""

from __future__ import annotations

FUNCTIONS = """
set -eu
LC_ALL=C
export LC_ALL
pci=${BARPLAN_PCI:-/sys/bus/pci}

say() { printf 'barplan: %s\\n' "$*"; }
fail() { printf 'barplan: %s\\n' "$*" >&2; exit 1; }

# get FUNCTION REGISTER: its value, in hex digits
get() {
    value=$(read_register "$1" "$2") || fail "$1 $2 cannot be read"
    case $value in
    '' | *[!0-9a-f]*) fail "$1 $2 reads as $value" ;;
    esac
    printf '%s' "$value"
}

# same A B MASK: whether two numbers are the same in these bits, all in hex
same() { [ $((0x$1 & 0x$3)) -eq $((0x$2 & 0x$3)) ]; }

# expect FUNCTION REGISTER MASK VALUE
expect() {
    found=$(get "$1" "$2")
    same "$found" "$4" "$3" || fail "$1 $2 holds $found and not $4"
}

# present FUNCTION
present() {
    found=$(get "$1" 00.w)
    [ "$found" != ffff ] || fail "$1 does not answer"
}

# put FUNCTION REGISTER MASK OLD VALUE; OLD is - where it is not known
put() {
    [ "$4" = - ] || expect "$1" "$2" "$3" "$4"
    set_register "$1" "$2" "$5"
    expect "$1" "$2" "$3" "$5"
}

# decode_off FUNCTION
decode_off() {
    found=$(get "$1" 04.w)
    set_register "$1" 04.w "$(printf '%x' $((0x$found & ~3)))"
    expect "$1" 04.w 3 0
}

# decode_on FUNCTION BITS: the lowest two of them
decode_on() {
    found=$(get "$1" 04.w)
    set_register "$1" 04.w "$(printf '%x' $((0x$found | (0x$2 & 3))))"
    expect "$1" 04.w "$(printf '%x' $((0x$2 & 3)))" 3
}
"""

LIVE = """
place_device=${BARPLAN_PLACE:-/dev/barplan}
[ -w "$place_device" ] || fail "$place_device cannot be written: load the kernel module barplan_place, as root"

# read_register FUNCTION REGISTER, set_register FUNCTION REGISTER VALUE
read_register() { setpci -s "$1" "$2"; }
set_register() { setpci -s "$1" "$2=$3"; }

# driver FUNCTION: its name, nothing where none is bound
driver() {
    [ -e "$pci/devices/$1" ] || fail "there is no function $1"
    if [ -e "$pci/devices/$1/driver" ]; then basename "$(readlink "$pci/devices/$1/driver")"; fi
}

# bound FUNCTION DRIVER
bound() { [ "$(driver "$1")" = "$2" ] || fail "$1 is not bound to $2"; }

unbind() {
    if [ -e "$pci/devices/$1/driver" ]; then printf '%s' "$1" >"$pci/devices/$1/driver/unbind"; fi
    [ -z "$(driver "$1")" ] || fail "$1 keeps its driver"
}

# bind FUNCTION DRIVER
bind() {
    [ -n "$2" ] || return 0
    printf '%s' "$1" >"$pci/drivers/$2/bind"
    bound "$1" "$2"
}

# probe FUNCTION: finding no driver is no failure
probe() { printf '%s' "$1" >"$pci/drivers_probe" || say "no driver takes $1"; }

vfs() { if [ -e "$pci/devices/$1/sriov_numvfs" ]; then cat "$pci/devices/$1/sriov_numvfs"; else echo 0; fi; }

# set_vfs FUNCTION COUNT
set_vfs() {
    if [ "$(vfs "$1")" != "$2" ]; then printf '%s' "$2" >"$pci/devices/$1/sriov_numvfs"; fi
    [ "$(vfs "$1")" = "$2" ] || fail "$1 has not $2 virtual functions"
}

# place: a transaction; the module wants all of it in one write, which cat does not promise
place() {
    dd bs=1048576 iflag=fullblock conv=notrunc of="$place_device" 2>/dev/null ||
        fail "the module says: $(tail -n 2 "$place_device" | tr '\\n' ' ')"
}

# kernel_line LINE FIRST LAST: whether a line of sysfs's resource file has this range, - - for none
kernel_line() {
    if [ "$2" = - ]; then set -- "$1" 0 0; fi
    first=${1%% *} rest=${1#* }
    [ $((first)) -eq $((0x$2)) ] && [ $((${rest%% *})) -eq $((0x$3)) ]
}

# kernel_bar FUNCTION LINE FIRST LAST
kernel_bar() {
    line=$(sed -n "$2p" "$pci/devices/$1/resource")
    kernel_line "$line" "$3" "$4" || fail "the kernel has line $2 of the resources of $1 at $line"
}

# kernel_window BRIDGE NUMBER FIRST LAST: windows are the last four lines
kernel_window() {
    line=$(tail -n 4 "$pci/devices/$1/resource" | sed -n "$2p")
    kernel_line "$line" "$3" "$4" || fail "the kernel has window $2 of $1 at $line"
}
"""

KEXEC = """
# Port I/O reaches functions that the kernel has forgotten, in domain 0 and the first 256 bytes.
read_register() { setpci -A intel-conf1 -s "$1" "$2"; }
set_register() { setpci -A intel-conf1 -s "$1" "$2=$3"; }

# remove FUNCTION
remove() {
    printf 1 >"$pci/devices/$1/remove"
    sleep "${BARPLAN_WAIT:-1}"
    [ ! -e "$pci/devices/$1" ] || fail "$1 is still there"
}

# The kernel to be started is loaded while there is still a way back.
kernel=${BARPLAN_KERNEL:-/boot/vmlinuz-$(uname -r)}
initrd=${BARPLAN_INITRD:-/boot/initrd.img-$(uname -r)}
kexec -l "$kernel" --initrd="$initrd" --reuse-cmdline || fail "$kernel cannot be loaded"
"""
