#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
# What the kernel's own does, in small: puts file and line in the place of the last word's offset.
# Reads "3 zcrx_poll+0x1/0x20", gives "3 zcrx_poll (io_uring/zcrx.c:6) ".
if [[ $1 == -h ]]; then
	echo "usage: $0 vmlinux base_path modules_path"
	exit 0
fi
vmlinux=$1 base=$2

while read -r words call; do
	symbol=${call%%+*} offset=${call#*+}
	start=$(nm "$vmlinux" | awk -v name="$symbol" '$3 == name { print $1 }')
	if [[ -z $start ]]; then
		echo "$words $call "
		continue
	fi
	at=$(printf %x $((0x$start + ${offset%/*})))
	lines=$(addr2line -i -e "$vmlinux" "$at" | sed "s|^$base/||" | tr '\n' ' ')
	echo "$words $symbol (${lines% }) "
done
