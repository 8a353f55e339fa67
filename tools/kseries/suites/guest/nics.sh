# SPDX-License-Identifier: GPL-2.0
# nics.sh [QUEUES -- COMMAND ...]: make two linked netdevsims, one here and one in the namespace "peer".
# Without a command they are made ready for zero copy receive as far as the kernel can: headers split,
# one queue kept for one port. A command finds them as devices come, its environment says where they are
# as the kernel's tests of drivers want it (drivers/net/README.rst), and they go when it ends.
set -u
queues=4 last=3 port=9999
if [ $# -gt 0 ]; then
	queues=$1
	shift 2
fi
bus=/sys/bus/netdevsim
modprobe netdevsim 2>/dev/null
if [ ! -w $bus/new_device ]; then
	echo "nics: this kernel has no netdevsim (CONFIG_NETDEVSIM)" >&2
	exit 1
fi
name_of() {
	echo "$1 1 $queues" >$bus/new_device || exit 1
	ls "$bus/devices/netdevsim$1/net"
}
told() {
	"$@" >/dev/null 2>&1 || echo "nics: not on this kernel: $*"
}
here=$(name_of 801)
there=$(name_of 802)
ip netns add peer
ip link set dev "$there" netns peer
ip addr add 192.0.2.1/24 dev "$here"
ip addr add 2001:db8::1/64 dev "$here" nodad
ip -n peer addr add 192.0.2.2/24 dev "$there"
ip -n peer addr add 2001:db8::2/64 dev "$there" nodad
ip -n peer link set dev lo up
ip link set dev "$here" up
ip -n peer link set dev "$there" up
if [ -w $bus/link_device ]; then
	exec 5</proc/self/ns/net 6</run/netns/peer
	other=$(ip netns exec peer cat "/sys/class/net/$there/ifindex")
	echo "5:$(cat "/sys/class/net/$here/ifindex") 6:$other" >$bus/link_device
	exec 5<&- 6<&-
else
	echo "nics: this kernel cannot link two netdevsims"
fi
if [ $# -gt 0 ]; then
	# Shell tests that want two ports of a card are to make no veths in their place.
	NETIF_CREATE=no \
		NETIF=$here LOCAL_V4=192.0.2.1 LOCAL_V6=2001:db8::1 \
		LOCAL_PREFIX_V6=2001:db8:2::/64 \
		REMOTE_V4=192.0.2.2 REMOTE_V6=2001:db8::2 REMOTE_TYPE=netns REMOTE_ARGS=peer "$@"
	status=$?
	echo 801 >$bus/del_device
	echo 802 >$bus/del_device
	ip netns del peer
	exit $status
fi
told ethtool -G "$here" tcp-data-split on
# Small areas are enough then: nothing of them waits for payload.
told ethtool -G "$here" rx 0
told ethtool -X "$here" equal $last
told ethtool -N "$here" flow-type tcp6 dst-port $port action $last
told ethtool -N "$here" flow-type tcp4 dst-port $port action $last
echo "here: $here, 192.0.2.1, 2001:db8::1; queue $last is for TCP to port $port"
echo "peer: $there, 192.0.2.2, 2001:db8::2, in the namespace: ip netns exec peer ..."
