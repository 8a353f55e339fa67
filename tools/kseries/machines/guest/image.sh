#!/bin/sh
# SPDX-License-Identifier: GPL-2.0
# image.sh TREE AGENT IMAGE SIZE: finish the unpacked guest in TREE and make IMAGE of it, an ext4
# file system of SIZE. Runs as root, or as root of a user namespace that maps only one user.
set -eu
tree=$1 agent=$2 image=$3 size=$4

# What the maintainer scripts of base-files, base-passwd, libc-bin and mawk would have done.
mkdir -p "$tree/mnt" "$tree/opt" "$tree/srv" "$tree/media" "$tree/usr/local/bin"
rm -rf "$tree/var/run" "$tree/var/lock"
ln -s /run "$tree/var/run"
ln -s /run/lock "$tree/var/lock"
cp "$tree/usr/share/base-passwd/passwd.master" "$tree/etc/passwd"
cp "$tree/usr/share/base-passwd/group.master" "$tree/etc/group"
# tcpdump gives up root for an account of its own, and ends where there is none.
echo 'tcpdump:*:101:65534::/nonexistent:/usr/sbin/nologin' >>"$tree/etc/passwd"
cp "$tree/usr/share/libc-bin/nsswitch.conf" "$tree/etc/nsswitch.conf"
ln -sf mawk "$tree/usr/bin/awk"
chmod 1777 "$tree/tmp"

# What update-alternatives would have linked.
link() {
	for place in usr/sbin usr/bin; do
		if [ -e "$tree/$place/$1" ] && [ ! -e "$tree/$place/$2" ]; then
			ln -s "$1" "$tree/$place/$2"
		fi
	done
}
for name in iptables ip6tables ebtables arptables; do
	link "$name-nft" "$name"
	link "$name-nft-save" "$name-save"
	link "$name-nft-restore" "$name-restore"
done
link nc.openbsd nc
link which.debianutils which
link traceroute.db traceroute
link traceroute6.db traceroute6

echo '127.0.0.1 localhost kseries
::1 localhost' >"$tree/etc/hosts"

# No udev here: devtmpfs makes the nodes at once, so there is never anything to settle.
if [ ! -e "$tree/usr/bin/udevadm" ]; then
	printf '#!/bin/sh\nexit 0\n' >"$tree/usr/bin/udevadm"
	chmod 755 "$tree/usr/bin/udevadm"
fi

install -D -m 755 "$agent" "$tree/usr/lib/kseries/agent"

rm -rf "$tree/usr/share/doc" "$tree/usr/share/man" "$tree/usr/share/locale" \
	"$tree/usr/share/info" "$tree/var/lib/apt" "$tree/var/cache/apt"

# Without their bytecode every start of Python compiles its library again: the guest forgets.
chroot "$tree" /bin/sh -c "python3 -m compileall -q /usr/lib/python3*"

# No journal: the image is never written, QEMU keeps changes aside and drops them.
mke2fs -q -t ext4 -O '^has_journal' -L kseries -d "$tree" "$image" "$size"
