# SPDX-License-Identifier: GPL-2.0
"""What a machine is asked, as one script of POSIX sh that answers in lines of JSON.

All that a machine needs for that is sh and awk. What a question could not be answered with is told
with its exit status and what was printed instead, and is never taken for an answer.
"""

from __future__ import annotations

import json
import re
import secrets
import shlex
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from kseries.hardware.ssh import Link
from kseries.lib.deadline import Deadline
from kseries.lib.errors import InfraError

LIMIT_S = 60.0
"""Of all questions together; each has 10 s, where the machine has timeout(1)."""
INTERFACE = re.compile(r"[A-Za-z0-9_][A-Za-z0-9_.-]{0,14}")
MOST_TEXT = 200_000  # bytes of an answer

FIND = r"""
# Find the port $IF at $PCI; tell whether it is there. Another kernel may call it otherwise, and
# give its name to another port.
find_port() {
	if [ -n "$PCI" ] && [ ! -e "/sys/bus/pci/devices/$PCI/net/$IF" ]; then
		for each in "/sys/bus/pci/devices/$PCI/net/"*; do
			[ ! -e "$each" ] || IF=${each##*/}
		done
	fi
	[ -e "/sys/class/net/$IF" ]
}
"""
SCRIPT = r"""
LC_ALL=C PATH=$PATH:/usr/local/sbin:/usr/sbin:/sbin IF={interface} PCI={pci}
{find}
tries={wait}
until find_port || [ $tries -le 0 ]; do
	tries=$((tries - 1))
	sleep 1
done
export LC_ALL PATH IF
limit=
command -v timeout >/dev/null 2>&1 && limit='timeout 10'
told() {{
	printf '\036%s %s %s\n%s\n' {mark} "$1" "$2" "$3"
}}
read_() {{
	out=$(eval "$2" 2>&1 </dev/null)
	told "$1" "$?" "$out"
}}
ask_() {{
	out=$($limit sh -c "$2" 2>&1 </dev/null)
	told "$1" "$?" "$out"
}}
{{
{questions}
}} | tr -d '\000-\010\013-\035\037' | awk '
function text(line) {{
	gsub(/\\/, "&&", line)
	gsub(/"/, "\\\"", line)
	gsub(/\t/, "\\t", line)
	return line
}}
$1 == "\036{mark}" {{
	if (asked) print "\"}}"
	asked = 1
	printf "{{\"fact\": \"%s\", \"status\": %d, \"text\": \"", $2, $3
	next
}}
{{ gsub(/\036/, ""); printf "%s\\n", text($0) }}
END {{ if (asked) print "\"}}"; print "{{\"fact\": \"end\", \"status\": 0, \"text\": \"\"}}" }}
'
"""


@dataclass(frozen=True)
class Question:
    """Something to ask. command: for sh, in which $IF is the port.

    waits: it may wait for a driver, and is ended after 10 s. Others cost a third of that.
    """

    name: str
    command: str
    waits: bool = True


TUNABLE = Question(
    "tunable",
    # It says no more where the driver has none.
    'out=$(ethtool --get-tunable "$IF" rx-copybreak 2>&1); status=$?; echo "$out";'
    ' case $out in *"Cannot get tunable"*) echo "not supported" ;; esac; exit $status',
)
"""The length up to which a driver copies what it received."""


@dataclass(frozen=True)
class Answer:
    """What a machine said. status: the command's; 127 where there is no such program."""

    status: int
    text: str


@dataclass(frozen=True)
class Facts:
    """What a machine said to all that it was asked."""

    host: str
    answers: Mapping[str, Answer]

    def ok(self, name: str) -> bool:
        """Whether there is an answer."""
        found = self.answers.get(name)
        return found is not None and found.status == 0

    def text(self, name: str) -> str:
        """Give an answer without blanks around it; "" where there is none."""
        return self.answers[name].text.strip() if self.ok(name) else ""

    def json(self, name: str) -> Any:  # noqa: ANN401
        """Give an answer that is JSON; None where there is none, or it is something else.

        Some programs print warnings before it.
        """
        lines = self.text(name).splitlines()
        for number, line in enumerate(lines):
            if line.startswith(("[", "{")):
                try:
                    return json.loads("\n".join(lines[number:]))
                except ValueError:
                    continue
        return None

    def first(self, name: str) -> dict[str, Any]:
        """Give the first object of an answer that is a list of them; {} where there is none."""
        found = self.json(name)
        one = found[0] if isinstance(found, list) and found else None
        return one if isinstance(one, dict) else {}

    @property
    def port(self) -> str:
        """The interface that was asked about, as it is called there; "" where it is not there.

        It goes into commands that people type, so a name that a shell could misread is none.
        """
        name = self.text("port")
        return name if INTERFACE.fullmatch(name) else ""

    def why_not(self, name: str) -> str:
        """Say why there is no answer, in a line."""
        found = self.answers.get(name)
        if found is None:
            return "it was not answered"
        if found.status == 124:
            return "it did not answer in time"
        lines = [line.strip() for line in found.text.splitlines() if line.strip()]
        return (lines[0] if lines else f"exit status {found.status}")[:120]

    def unsupported(self, name: str) -> bool:
        """Whether the driver said that it cannot do that."""
        found = self.answers.get(name)
        return found is not None and found.status != 0 and "not supported" in found.text


def ask(
    link: Link,
    questions: Sequence[Question],
    *,
    interface: str,
    pci: str = "",
    namespace: str = "",
    wait_s: int = 0,
) -> Facts:
    """Ask a machine about one of its ports. namespace: of the network, that the port is in.

    wait_s: for the port to be there, as drivers come as late as udev wants.

    Raises Unreachable, and InfraError where the answers do not come to their end.
    """
    mark = secrets.token_hex(8)
    script = written(questions, mark, interface=interface, pci=pci, wait_s=wait_s)
    shell = "sh -s"
    if namespace:  # where it is not there, ip(8) ends with the status that is ssh's own
        shell = shlex.join(["sh", "-c", f"ip netns exec {shlex.quote(namespace)} sh -s || exit 1"])
    done = link.run(script, Deadline.after(LIMIT_S), shell)
    facts, ended = read(link.host, done.output.splitlines())
    if not ended:
        last = "\n".join(f"| {line}" for line in done.output.splitlines()[-4:])
        put = f"`ip netns add {namespace}; ip link set dev {interface} netns {namespace}`"
        raise InfraError(
            f"{link.host} did not answer all that it was asked.",
            where=f"ssh {link.host}\n{last}",
            do="it needs sh and awk" + (f", and the port's namespace: {put}" if namespace else ""),
        )
    return facts


def written(
    questions: Iterable[Question], mark: str, *, interface: str, pci: str = "", wait_s: int = 0
) -> str:
    """Write the script. mark: that no answer holds."""
    lines = (
        f"{'ask_' if each.waits else 'read_'} {each.name} {shlex.quote(each.command)}"
        for each in questions
    )
    return SCRIPT.format(
        interface=shlex.quote(interface),
        pci=shlex.quote(pci),
        find=FIND,
        wait=wait_s,
        mark=mark,
        questions="\n".join(lines),
    )


def read(host: str, lines: Iterable[str]) -> tuple[Facts, bool]:
    """Read answers; tell whether they came to their end. What is no answer is passed over."""
    answers: dict[str, Answer] = {}
    for line in lines:
        try:
            told = json.loads(line)
            answers[str(told["fact"])] = Answer(int(told["status"]), str(told["text"])[:MOST_TEXT])
        except (ValueError, KeyError, TypeError):
            continue
    return Facts(host, answers), answers.pop("end", None) is not None
