# SPDX-License-Identifier: GPL-2.0
"""Run folders, the cache folder, the doctor."""

from __future__ import annotations

import os
import shutil
from pathlib import Path

import pytest
from pydantic import TypeAdapter

from kseries.host import doctor
from kseries.lib import runfolder
from kseries.lib.errors import UserError
from kseries.lib.paths import Cache, Project
from kseries.model import BaseTree, LocalSource, NamedSource

BASE: TypeAdapter[BaseTree] = TypeAdapter(BaseTree)


def test_a_stage_outcome_comes_back_as_it_was(tmp_path: Path) -> None:
    run = runfolder.create(tmp_path, "stack")
    source = NamedSource("here", LocalSource(kind="local", path=Path("/x")))
    base = BaseTree(source, Path("/repo"), "0" * 40, "6.12.1", "here")
    run.save("fetch", base, BASE)
    assert run.load("fetch", BASE) == base
    assert run.has("fetch")


def test_runs_of_one_second_do_not_collide_and_latest_is_the_last(tmp_path: Path) -> None:
    runs = [runfolder.create(tmp_path, "stack") for _ in range(3)]
    assert len({run.path for run in runs}) == 3
    (runs[-1].path / "request.json").write_text("{}")
    assert runfolder.find(tmp_path, "latest").path == runs[-1].path


def test_an_unknown_run_names_those_there_are(tmp_path: Path) -> None:
    run = runfolder.create(tmp_path, "stack")
    (run.path / "request.json").write_text("{}")
    with pytest.raises(UserError, match="no run 'x'") as caught:
        runfolder.find(tmp_path, "x")
    assert run.name in caught.value.do


def test_a_stage_that_was_not_reached_says_how_to_reach_it(tmp_path: Path) -> None:
    run = runfolder.create(tmp_path, "stack")
    with pytest.raises(UserError, match="not come to the stage 'fetch'") as caught:
        run.load("fetch", BASE)
    assert caught.value.do.startswith("`kseries fetch --run ")


def test_an_outcome_of_another_version_is_refused(tmp_path: Path) -> None:
    run = runfolder.create(tmp_path, "stack")
    (run.path / "fetch.json").write_text('{"commit": 1}')
    with pytest.raises(UserError, match="not of this version"):
        run.load("fetch", BASE)


def test_the_cache_follows_xdg(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    assert Cache.find().root == tmp_path / "kseries"
    monkeypatch.setenv("XDG_CACHE_HOME", "relative/is/ignored")
    assert Cache.find().root == Path.home() / ".cache" / "kseries"


def test_the_project_is_the_programs_own_or_named(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    # A kernel tree may bring stacks that vouch for themselves.
    (tmp_path / "kernel" / "stacks").mkdir(parents=True)
    (tmp_path / "deep" / "er").mkdir(parents=True)
    monkeypatch.delenv("KSERIES_ROOT", raising=False)
    monkeypatch.chdir(tmp_path / "deep" / "er")
    assert Project.find().root == Path(__file__).parents[2]
    monkeypatch.setenv("KSERIES_ROOT", str(tmp_path))
    assert Project.find().root == tmp_path
    monkeypatch.setenv("KSERIES_ROOT", str(tmp_path / "deep"))
    with pytest.raises(UserError, match="No kseries checkout"):
        Project.find()


def test_the_doctor_finds_every_tool_and_names_the_mend(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    project, cache = Project(tmp_path), Cache(tmp_path)
    findings = {finding.name: finding for finding in doctor.examine(project, cache)}
    assert findings["git"].health is doctor.Health.OK
    assert findings["sandbox"].health is doctor.Health.OK
    monkeypatch.setattr(doctor, "TOOLS", (doctor.Tool("no-such", "a-package", "build"),))
    monkeypatch.setattr(doctor, "MEMORY_GIB", 1 << 20)
    monkeypatch.setattr(doctor, "DISK_OUT_GIB", 1 << 30)
    ill = {finding.name: finding for finding in doctor.examine(project, cache)}
    assert not doctor.healthy(tuple(ill.values()))
    assert ill["no-such"].fix == "apt-get install --no-install-recommends a-package"
    assert "--jobs 1" in ill["memory"].fix
    assert "cache clear" in ill["disk for out/"].fix


def test_the_doctor_names_bounds_that_this_host_does_not_enforce(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    bounds = (
        doctor.Bound("there", "this", lambda: "", "a command"),
        doctor.Bound("gone", "that", lambda: "no such file", "a command"),
    )
    monkeypatch.setattr(doctor, "BOUNDS", bounds)
    findings = {f.name: f for f in doctor.examine(Project(tmp_path), Cache(tmp_path))}
    assert findings["there"] == doctor.Finding("there", doctor.Health.OK, "enforced: this")
    told = "no such file; not enforced: that"
    assert findings["gone"] == doctor.Finding("gone", doctor.Health.OPEN, told, "a command")
    assert doctor.healthy((findings["gone"],))


def test_a_bound_that_is_not_there_is_seen(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    looks = {bound.name: bound.missing for bound in doctor.BOUNDS}
    assert "no cgroups" in looks["memory of a build"]()
    monkeypatch.setattr("os.geteuid", lambda: 1000)
    monkeypatch.setattr(doctor, "USERNS_LIMIT", tmp_path / "limit")
    (tmp_path / "limit").write_text("0\n")
    assert looks["user namespaces"]() == f"{tmp_path / 'limit'} is 0"
    (tmp_path / "limit").write_text("100\n")
    assert looks["user namespaces"]() == ""


@pytest.mark.parametrize(
    ("group", "mode", "told"),
    [
        ("daemon", 0o660, "usermod --append --groups daemon ada"),
        ("daemon", 0o600, "chgrp kvm {} && chmod g+rw {} && usermod --append --groups kvm ada"),
        ("daemon", 0o640, "chgrp kvm {} && chmod g+rw {} && usermod --append --groups kvm ada"),
        # Nobody is to join the group of root.
        ("root", 0o660, "chgrp kvm {} && chmod g+rw {} && usermod --append --groups kvm ada"),
    ],
)
@pytest.mark.skipif(os.geteuid() != 0, reason="only root gives files away")
def test_a_device_is_opened_by_its_group_where_that_may(
    tmp_path: Path, group: str, mode: int, told: str
) -> None:
    device = tmp_path / "device"
    device.touch()
    shutil.chown(device, group=group)
    device.chmod(mode)
    assert doctor.to_open(device, "ada") == told.replace("{}", str(device))
