# SPDX-License-Identifier: GPL-2.0
"""The door to lab machines, against a real server: what it runs, what it says when it cannot."""

from __future__ import annotations

import json
import shlex
import socket
import subprocess
from pathlib import Path

import pytest

from kseries.cli.main import main
from kseries.hardware import probe
from kseries.hardware.probe import Question
from kseries.hardware.ssh import Unreachable, connected
from kseries.lib.deadline import Deadline
from kseries.lib.errors import InfraError, UserError
from tests import sshserver
from tests.sshserver import Server


def run(script: str, host: str = "dut") -> str:
    with connected((host,)) as links:
        return links.by_host[host].run(script, Deadline.after(20.0)).output


def refused(host: str = "dut") -> Unreachable:
    with pytest.raises(Unreachable) as caught, connected((host,)):
        pass
    return caught.value


def test_a_script_runs_there(server: Server) -> None:
    assert run("echo one; echo two >&2") == "one\ntwo\n"


def test_both_outputs_come_in_their_order(server: Server) -> None:
    lines = [f"{number} out\n{number} err\n" for number in range(200)]
    script = "n=0; while [ $n -lt 200 ]; do echo $n out; echo $n err >&2; n=$((n+1)); done"
    assert run(script) == "".join(lines)


def test_several_machines_are_asked_at_the_same_time(server: Server) -> None:
    with connected(("dut", "peer")) as links:
        both = [
            lambda link=link: link.run("echo here", Deadline.after(20.0)).output
            for link in links.by_host.values()
        ]
        assert links.together(*both) == ["here\n", "here\n"]


def test_a_machine_with_two_roles_is_connected_once(server: Server) -> None:
    with connected(("dut", "dut")) as links:
        assert list(links.by_host) == ["dut"]
        assert len(links.masters) == 1


def test_nothing_is_left_when_the_connection_ends(server: Server) -> None:
    with connected(("dut",)) as links:
        place = links.by_host["dut"].socket.parent
        (master,) = links.masters
    assert master.poll() is not None
    assert not place.exists()


def test_an_unknown_host_key_is_refused(server: Server) -> None:
    server.trust("")
    error = refused()
    assert error.what == "dut has a host key that is not known here."
    assert "compare the fingerprint" in error.do


def test_a_changed_host_key_is_refused(server: Server) -> None:
    server.trust("other")
    assert refused().what == "dut has another host key than the one that is known."


@pytest.mark.parametrize("key", ["", "other"])
def test_a_host_key_is_checked_whatever_the_config_says(server: Server, key: str) -> None:
    server.trust(key)
    server.configure("  StrictHostKeyChecking no")
    assert "host key" in refused().what


def test_a_user_without_a_key_is_told_so(server: Server) -> None:
    server.configure(user="stranger")
    error = refused()
    assert error.what == "dut lets no key of yours in."


def test_nobody_listening_is_told(server: Server) -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        server.configure(f"  Port {taken.getsockname()[1]}")
        text = (server.folder / "config").read_text().replace(f"  Port {server.port}\n", "")
        (server.folder / "config").write_text(text)
        assert refused().what == "dut runs no sshd there."


def test_a_mistake_in_sshs_config_is_told(server: Server) -> None:
    server.configure("  Portt 22")
    error = refused()
    assert "config is wrong" in error.what
    assert "portt" in error.where.lower()


def test_without_ssh_it_says_what_to_install(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))
    with pytest.raises(UserError, match="The program ssh is not installed"):
        refused()


def test_a_connection_that_is_cut_is_told(server: Server) -> None:
    with pytest.raises(Unreachable, match="dut "):
        run(f"# {sshserver.CUT}")


def test_a_script_that_is_cut_short_does_nothing(tmp_path: Path) -> None:
    # As the machine's shell would see it, at each place where the connection may end.
    script = f"{{\ntouch {tmp_path}/one\ntouch {tmp_path}/two\nexit\n}}\n"
    for length in range(len(script) - 2):
        subprocess.run(["sh", "-s"], input=script[:length], text=True, capture_output=True)
        assert list(tmp_path.iterdir()) == []
    subprocess.run(["sh", "-s"], input=script, text=True, check=True)
    assert len(list(tmp_path.iterdir())) == 2


def test_answers_come_back_as_they_were(server: Server) -> None:
    text = 'a\\b "c" \\n $IF `x` ä\ttab\n\n  last'
    with connected(("dut",)) as links:
        facts = probe.ask(
            links.by_host["dut"],
            (
                Question("text", f"printf %s {shlex.quote(text)}", waits=False),
                Question("quoted", "printf '%s\\n' 'a\\b \"c\" $IF' 'ä'"),
                Question("port", 'echo "$IF"', waits=False),
                Question("fails", "echo why >&2; exit 3"),
                Question("missing", "nonesuch-program"),
                Question("eats", "cat"),
                Question("after", "echo still here"),
            ),
            interface="lo",
        )
    assert facts.text("quoted") == 'a\\b "c" $IF\nä'
    assert facts.text("text") == text
    assert facts.text("port") == "lo"
    assert (facts.ok("fails"), facts.why_not("fails")) == (False, "why")
    assert facts.answers["missing"].status == 127
    assert facts.text("eats") == ""
    assert facts.text("after") == "still here"


def test_a_port_is_found_by_its_place_where_the_name_is_another(tmp_path: Path) -> None:
    script = probe.written([Question("port", "echo $IF")], "m", interface="gone0", pci="0000:1:0")
    place = tmp_path / "net/new0"
    place.mkdir(parents=True)
    script = script.replace("/sys/bus/pci/devices/$PCI", str(tmp_path))
    done = subprocess.run(["sh", "-s"], input=script, text=True, capture_output=True, check=True)
    facts, ended = probe.read("h", done.stdout.splitlines())
    assert (facts.text("port"), ended) == ("new0", True)


def test_a_port_is_found_by_its_place_where_another_has_its_name(tmp_path: Path) -> None:
    script = probe.written([Question("port", "echo $IF")], "m", interface="lo", pci="0000:1:0")
    (tmp_path / "net/new0").mkdir(parents=True)
    script = script.replace("/sys/bus/pci/devices/$PCI", str(tmp_path))
    done = subprocess.run(["sh", "-s"], input=script, text=True, capture_output=True, check=True)
    facts, _ = probe.read("h", done.stdout.splitlines())
    assert facts.text("port") == "new0"


def test_an_answer_cannot_pass_for_another(server: Server) -> None:
    told = '\x1emark port 0\nhere\n{"fact": "port", "status": 0, "text": "here"}\n"}\n'
    false = f"printf %s {shlex.quote(told)}"
    with connected(("dut",)) as links:
        facts = probe.ask(links.by_host["dut"], (Question("false", false),), interface="lo")
    assert set(facts.answers) == {"false"}


def test_answers_without_an_end_are_none(server: Server, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(probe, "SCRIPT", 'echo \'{{"fact": "a", "status": 0}}\'')
    with pytest.raises(InfraError, match="did not answer all"), connected(("dut",)) as links:
        probe.ask(links.by_host["dut"], (), interface="lo")


def test_a_check_from_end_to_end(
    server: Server,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    file = tmp_path / "lab.toml"
    file.write_text(
        'kind = "ssh"\ntitle = "this host"\n[dut]\nhost = "dut"\ninterface = "lo"\n'
        'driver = "bnxt_en"\n[peer]\nhost = "peer"\ninterface = "nonesuch0"\n'
    )
    assert main(["hw", "check", str(file), "--json"]) == 1
    told = json.loads(capsys.readouterr().out)
    rows = {row["name"]: row for row in told["checks"]}
    assert told["ready"] is False
    assert rows["port, dut"]["state"] == "ok"
    assert rows["port, peer"]["state"] == "wrong"
    assert rows["clock, dut"]["state"] == "ok"
    assert main(["hw", "check", str(file)]) == 1
    assert "lab is not ready" in capsys.readouterr().out
