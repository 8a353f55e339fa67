# SPDX-License-Identifier: GPL-2.0
"""Folders of masters and workers: made by one command, changed by the same, with their secrets."""

from __future__ import annotations

import os
import stat
import subprocess
import sys
from pathlib import Path

import pytest

from kseries.lib.errors import UserError
from seriesbot import bot, cli, secretfile
from seriesbot.engine.buildbot import BuildbotEngine
from seriesbot.farm import carry, logins, setting_up
from seriesbot.farm.folders import MasterFolder, WorkerFolder, endpoint
from tests.desk import make_home


def made(path: Path, *workers: str, **told: str) -> MasterFolder:
    list(setting_up.master(path, told, workers))
    return MasterFolder(path)


def test_a_master_listens_here_alone_where_nothing_is_said(tmp_path: Path) -> None:
    told = made(tmp_path / "m").read()
    assert endpoint(told.listen, "server") == "tcp:9989:interface=127.0.0.1"
    assert endpoint(told.www, "server") == "tcp:8010:interface=127.0.0.1"
    assert told.db == "sqlite:///state.sqlite"


def test_a_second_time_changes_what_is_told_and_keeps_the_rest(tmp_path: Path) -> None:
    first = made(tmp_path / "m", "one", db="postgresql://u:p@h/d")
    kept = {login.user: login.password for login in first.workers()}
    secret = logins.read(first.login, "the bot")
    second = made(tmp_path / "m", "two", url="https://ci.example.org/buildbot")
    assert second.read().db == "postgresql://u:p@h/d"
    assert second.read().url == "https://ci.example.org/buildbot"
    after = {login.user: login.password for login in second.workers()}
    assert list(after) == ["one", "two"]
    assert after["one"] == kept["one"]
    assert logins.read(second.login, "the bot") == secret
    assert len({secret.password, *after.values()}) == 3
    assert min(map(len, (secret.password, *after.values()))) >= 40


@pytest.mark.parametrize("name", ["", "../x", "a b", "a\n", ".x", "x" * 51, "__Janitor", 'a"'])
def test_a_worker_has_a_plain_name(tmp_path: Path, name: str) -> None:
    with pytest.raises(UserError, match="cannot be called"):
        made(tmp_path / "m", name)
    assert not (tmp_path / "m").exists()


@pytest.mark.parametrize("address", ["9989", "host", "host:", ":1", "host:99999", "host:0", "h:-1"])
def test_an_address_is_a_host_and_a_port(tmp_path: Path, address: str) -> None:
    with pytest.raises(UserError, match="HOST:PORT"):
        made(tmp_path / "m", listen=address)
    with pytest.raises(UserError, match="HOST:PORT"):
        list(setting_up.worker(tmp_path / "w", address, tmp_path / "login"))


def test_addresses_are_given_to_twisted_as_it_wants_them() -> None:
    assert endpoint("[::1]:9989", "server") == r"tcp:9989:interface=\:\:1"
    assert endpoint("ci.example.org:9989", "client") == "tcp:ci.example.org:9989"
    assert endpoint("tls:ci.example.org:9989", "client") == "tls:ci.example.org:9989"


def test_a_worker_takes_the_login_that_the_master_made(tmp_path: Path) -> None:
    master = made(tmp_path / "m", "one")
    login = master.logins / "one.toml"
    list(setting_up.worker(tmp_path / "w", "h:1", login, ["/bin/true"]))
    folder = WorkerFolder(tmp_path / "w")
    assert folder.read().command == ("/bin/true",)
    assert logins.read(folder.login, "") == logins.read(login, "")
    for file in (folder.login, folder.settings, master.settings, master.login, login):
        assert stat.S_IMODE(file.stat().st_mode) == 0o600
    for path in (tmp_path / "m", tmp_path / "w", master.logins):
        assert stat.S_IMODE(path.stat().st_mode) == 0o700


def test_a_login_that_others_may_read_is_not_taken(tmp_path: Path) -> None:
    master = made(tmp_path / "m", "one")
    (master.logins / "one.toml").chmod(0o640)
    with pytest.raises(UserError, match="Others may read"):
        master.workers()
    with pytest.raises(UserError, match="Others may read"):
        list(setting_up.worker(tmp_path / "w", "h:1", master.logins / "one.toml"))


@pytest.mark.parametrize("text", ["", "user = 1", 'user = "a"', "\xff", 'user="a"\npassword=""'])
def test_a_login_that_is_none_is_told_without_its_words(tmp_path: Path, text: str) -> None:
    file = tmp_path / "login"
    secretfile.write(file, text)
    with pytest.raises(UserError, match="no file with the password") as told:
        logins.read(file, "the bot")
    assert not text or text not in str(told.value)


def test_a_folder_of_neither_is_not_started(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert cli.main(["buildbot", "start", str(tmp_path)]) == 2
    assert "no folder of a master or a worker" in capsys.readouterr().err


def test_the_command_line_makes_both(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    master, worker = str(tmp_path / "m"), str(tmp_path / "w")
    assert cli.main(["buildbot", "master", master, "-w", "one", "--www", "127.0.0.1:1"]) == 0
    login = f"{master}/logins/one.toml"
    assert f"worker one: give it {login}" in capsys.readouterr().out
    assert cli.main(["buildbot", "worker", worker, "--master", "h:1", "--login", login]) == 0
    assert f"seriesbot buildbot start {worker}" in capsys.readouterr().out
    assert cli.main(["buildbot", "worker", worker, "--master", "h", "--login", login]) == 2


def test_what_no_master_would_ask_is_not_carried_out(tmp_path: Path) -> None:
    made(tmp_path / "m", "one")
    list(setting_up.worker(tmp_path / "w", "h:1", tmp_path / "m/logins/one.toml"))
    jobs = tmp_path / "w/series/jobs"
    jobs.mkdir(parents=True)
    for words in (["run", "../x"], ["base", "job-1"], ["run", "job-1"]):
        argv = [str(tmp_path / "w" / carry.PROGRAM), *words]
        done = subprocess.run(argv, cwd=jobs, capture_output=True, check=False)
        assert done.returncode == 3
    assert list(jobs.iterdir()) == []


def test_the_bot_takes_the_engine_of_its_settings(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    made(tmp_path / "m", "one")
    told = '[engine]\nkind = "buildbot"\nmaster = "{}"\ncredentials = "../m/bot.toml"\nslots = 2\n'
    engine = bot.engine_of(make_home(tmp_path / "bot", told.format("http://127.0.0.1:8010")))
    assert isinstance(engine, BuildbotEngine)
    assert (engine.rest.user, engine.a_worker) == ("seriesbot", 2)
    with pytest.raises(UserError, match="in the clear"):
        bot.engine_of(make_home(tmp_path / "bot", told.format("http://ci.example.org")))
    for odd in ("ftp://x", "javascript:alert(1)", "http:// x", "https://"):
        with pytest.raises(UserError):
            make_home(tmp_path / "bot", told.format(odd))


def test_buildbot_is_needed_only_where_it_runs() -> None:
    code = "import sys, seriesbot.cli, seriesbot.bot; sys.exit('twisted' in sys.modules)"
    env = {**os.environ, "PYTHONPATH": os.pathsep.join(sys.path)}
    assert subprocess.run([sys.executable, "-c", code], env=env, check=False).returncode == 0
