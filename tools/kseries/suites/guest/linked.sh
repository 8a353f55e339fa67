# SPDX-License-Identifier: GPL-2.0
# linked.sh 1: make ready the machine that programs run on; prints the key that it logs in with.
# linked.sh 2 KEY: make ready the machine at the other end of the cable, which lets that key in.
# linked.sh connect: log in there once; what logs in later goes by the same connection.
# The environment is that of programs (linked.py): the first one's interface and addresses are LOCAL.
set -eu
control=/run/ssh-peer

# The packages' own scripts were not run.
passwd() {
	grep -q ^sshd: /etc/passwd || echo 'sshd:*:110:65534::/run/sshd:/usr/sbin/nologin' >>/etc/passwd
	mkdir -p /run/sshd /root/.ssh
	chmod 700 /root /root/.ssh
}

cable() {
	if [ ! -e "/sys/class/net/$NETIF" ]; then
		echo "linked: this kernel sees no network card (CONFIG_VIRTIO_NET)" >&2
		exit 1
	fi
	ip address add "$1/24" dev "$NETIF"
	ip address add "$2/64" dev "$NETIF" nodad
	ip link set dev lo up
	ip link set dev "$NETIF" up
	printf '%s here\n%s here\n%s peer\n%s peer\n' $LOCAL_V4 $LOCAL_V6 $REMOTE_V4 $REMOTE_V6 >>/etc/hosts
}

new_key() {
	rm -f "$1" "$1.pub"
	ssh-keygen -q -t ed25519 -N '' -C kseries -f "$1"
}

case $1 in
1)
	passwd
	cable $LOCAL_V4 $LOCAL_V6
	new_key /root/.ssh/id_ed25519
	# Nobody else is on the cable, and the other machine's key is a new one each time.
	cat >/root/.ssh/config <<-END
		Host peer $REMOTE_V4 $REMOTE_V6
			StrictHostKeyChecking no
			UserKnownHostsFile /dev/null
			LogLevel ERROR
			ControlPath $control
	END
	cat /root/.ssh/id_ed25519.pub
	;;
2)
	passwd
	cable $REMOTE_V4 $REMOTE_V6
	new_key /etc/ssh/ssh_host_ed25519_key
	printf '%s\n' "$2" >/root/.ssh/authorized_keys
	/usr/sbin/sshd -f /dev/null -o UsePAM=no -o MaxSessions=100 \
		-o HostKey=/etc/ssh/ssh_host_ed25519_key \
		-o "Subsystem=sftp /usr/lib/openssh/sftp-server"
	;;
connect)
	rm -f $control
	ssh -f -N -M -o ConnectTimeout=30 peer </dev/null >/dev/null 2>&1
	;;
esac
