# SPDX-License-Identifier: GPL-2.0
"""Stacks and sources: read, checked, changed by options."""

from __future__ import annotations

import os
from dataclasses import replace
from pathlib import Path

import pytest

from kseries.lib.errors import UserError
from kseries.lib.paths import Project
from kseries.lib.progress import Silent
from kseries.model import (
    DebianSource,
    GitSource,
    LocalSource,
    NamedSource,
    Request,
    TarballSource,
)
from kseries.stacks.source import read_source
from kseries.stacks.stack import Plan, plan, read_stack, resolve
from kseries.suite import Suite

OURS = Project(Path(__file__).parents[2])

PATCH = """\
From: Zoë <zoe@example.org>
Subject: [PATCH] {title}

---
diff --git a/a b/a
new file mode 100644
--- /dev/null
+++ b/a
@@ -0,0 +1 @@
+a
"""

STACK = """\
source = "debian"
series = ["prep", "feature", "extra"]
under_test = "feature"
config = ["base", "zcrx"]
suites = ["zcrx"]
"""


NETDEVSIM = """\
kind = "kselftest"
title = "of drivers"
targets = ["drivers/net"]
"""


@pytest.fixture
def project(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Project:
    """Make a project with a few sources, series, fragments and stacks."""
    project = Project(tmp_path / "project")
    write(project.sources / "debian.toml", 'kind = "debian"\npackage = "linux-source-6.12"\n')
    commit = "0" * 40
    write(
        project.sources / "mainline.toml",
        f'kind = "git"\nremote = "https://x/y"\ncommit = "{commit}"\n',
    )
    add_series(project, "prep", 'for_sources = ["debian*"]\n')
    add_series(project, "feature", 'requires = ["prep"]\nneeds = ["NET"]\n')
    add_series(project, "extra", "")
    add_series(project, "other", "")
    for name in ("base", "zcrx", "netdevsim", "debug"):
        write(project.configs / f"{name}.config", "CONFIG_NET=y\n")
    write(project.stacks / "zcrx-v7.toml", STACK)
    write(
        project.stacks / "plain.toml",
        'source = "debian"\nconfig = ["base", "netdevsim"]\nsuites = ["netdevsim"]\n',
    )
    write(project.suites / "zcrx.toml", 'kind = "generated"\ntitle = "x"\ngenerator = "zcrx"\n')
    write(project.suites / "netdevsim.toml", NETDEVSIM)
    kernel_tree(tmp_path / "my linux")
    monkeypatch.chdir(tmp_path)
    monkeypatch.delenv("KSERIES_ARCHIVE", raising=False)
    return project


def write(file: Path, text: str) -> Path:
    file.parent.mkdir(parents=True, exist_ok=True)
    file.write_text(text)
    return file


def add_series(project: Project, name: str, told: str) -> None:
    write(project.patches / name / "series.toml", told)
    write(project.patches / name / "0001-x.patch", PATCH.format(title=f"{name} one"))


def kernel_tree(folder: Path) -> Path:
    for name in ("Makefile", "Kconfig", "Kbuild"):
        write(folder / name, "")
    return folder


def planned(project: Project, **options: object) -> Plan:
    return plan(replace(Request(), **options), project=project)  # type: ignore[arg-type]


def called(suites: tuple[Suite, ...]) -> list[str]:
    return [suite.name for suite in suites]


def names(of: Plan) -> list[str]:
    return [one.name for one in of.series]


def refusal(project: Project, **options: object) -> str:
    with pytest.raises(UserError) as caught:
        planned(project, **options)
    return str(caught.value)


# ---------------------------------------------------------------- stacks as written


def test_the_default_stack_is_read_whole(project: Project, tmp_path: Path) -> None:
    stack = read_stack("zcrx-v7", project=project, workdir=tmp_path / "run", progress=Silent())
    assert stack.name == "zcrx-v7"
    debian = DebianSource(kind="debian", package="linux-source-6.12")
    assert stack.source == NamedSource("debian", debian)
    assert [series.name for series in stack.series] == ["prep", "feature", "extra"]
    assert stack.series[1].patches[0].title == "feature one"
    assert stack.series[1].patches[0].file.parent == tmp_path / "run" / "feature"
    assert stack.under_test == "feature"
    assert stack.fragments == (project.configs / "base.config", project.configs / "zcrx.config")
    assert (called(stack.suites), stack.trusted) == (["zcrx"], False)
    assert planned(project) == planned(project, stack="zcrx-v7")


def test_a_stack_of_ones_own_names_paths_beside_it(project: Project, tmp_path: Path) -> None:
    home = tmp_path / "home"
    write(home / "patches" / "1.patch", PATCH.format(title="mine"))
    write(home / "my.config", "")
    file = write(
        home / "mine.toml",
        'source = "../my linux"\nseries = ["./patches", "<a@b.c>"]\nunder_test = "./patches"\n'
        'config = ["base", "my.config"]\nsuites = []\ntrusted = true\n',
    )
    of = planned(project, stack=str(file))
    assert (of.name, of.under_test, of.trusted) == ("mine", "patches", True)
    path = (tmp_path / "my linux").resolve()
    assert of.source == NamedSource("my-linux", LocalSource(kind="local", path=path))
    assert names(of) == ["patches", "a@b.c"]
    assert of.fragments == (project.configs / "base.config", (home / "my.config").resolve())
    first = replace(of, series=of.series[:1])
    stack = resolve(first, project=project, workdir=tmp_path / "run", progress=Silent())
    assert stack.series[0].patches[0].title == "mine"


def test_every_mistake_is_told_with_its_line(project: Project) -> None:
    file = write(
        project.stacks / "bad.toml",
        """\
source = "debain"
series = [
  "feature",
  "extra",
  "fature",
  "extra",
]
under_test = "prep"
config = ["base", "zcrxx"]
suites = ["zcrx", "zcrx", "net"]
""",
    )
    message = refusal(project, stack="bad")
    assert "The stack file has 7 mistakes." in message
    for line, text in [
        (1, "source: There is no source 'debain'."),
        (5, "series: There is no series 'fature'."),
        (6, "series: 'extra' is there twice"),
        (8, "under_test: 'prep' is not in series; there are: extra, extra, fature, feature"),
        (9, "config: There is no config fragment 'zcrxx'. did you mean zcrx?"),
        (10, "suites: 'zcrx' is there twice"),
        (
            10,
            "suites: There is no suite 'net'. there are: netdevsim, zcrx",
        ),
    ]:
        assert f"{file}:{line}: {text}" in message


def test_keys_and_types_are_checked(project: Project) -> None:
    file = write(
        project.stacks / "bad.toml",
        'source = "debian"\nserie = ["feature"]\nconfig = "base"\ntrusted = "yes"\n',
    )
    message = refusal(project, stack="bad")
    assert f"{file}:2: serie: Unexpected keyword argument" in message
    assert f"{file}:3: config: Input should be a valid tuple" in message
    assert f"{file}:4: trusted: Input should be a valid boolean" in message
    write(file, 'config = ["base"\n')
    assert f"{file}:2: not valid TOML: Unclosed array" in refusal(project, stack="bad")


def test_a_required_series_must_stand_before(project: Project) -> None:
    file = write(
        project.stacks / "bad.toml",
        STACK.replace('"prep", "feature", "extra"', '"feature", "prep"'),
    )
    message = refusal(project, stack="bad")
    assert f"{file}:2: series: 'feature' requires 'prep' before it" in message
    # Where the required series has nothing to do, it is not required.
    write(file, 'source = "mainline"\nseries = ["feature"]\nconfig = ["base"]\n')
    assert names(planned(project, stack="bad")) == ["feature"]


def test_a_requirement_that_does_not_exist_is_told(project: Project) -> None:
    write(project.patches / "feature" / "series.toml", 'title = "x"\nrequires = ["prap"]\n')
    message = refusal(project)
    file = project.patches / "feature" / "series.toml"
    assert f"{file}:2: requires: there is no series 'prap' in patches/" in message


def test_an_unknown_stack_gets_the_list(project: Project) -> None:
    message = refusal(project, stack="zcrx-v8")
    assert "There is no stack 'zcrx-v8'." in message
    assert "did you mean zcrx-v7? there are: plain, zcrx-v7" in message


# ---------------------------------------------------------------- options


def test_a_series_alone_is_put_on_the_plain_stack(project: Project) -> None:
    of = planned(project, series="other")
    assert (of.name, names(of), of.under_test) == ("plain+other", ["other"], "other")
    assert called(of.suites) == ["netdevsim"]


def test_what_a_series_requires_comes_with_it(project: Project) -> None:
    of = planned(project, series="feature")
    assert names(of) == ["prep", "feature"]
    assert of.notes == ("prep is put before feature, which requires it",)
    of = planned(project, series="feature", source="mainline")
    assert (names(of), of.notes) == (["feature"], ())


def test_requirements_of_requirements_come_once_and_circles_are_refused(project: Project) -> None:
    add_series(project, "deep", 'requires = ["mid", "other"]\n')
    add_series(project, "mid", 'requires = ["other"]\n')
    assert names(planned(project, series="deep")) == ["other", "mid", "deep"]
    write(project.patches / "other" / "series.toml", 'requires = ["deep"]\n')
    message = refusal(project, series="deep")
    assert "deep requires mid requires other requires deep" in message


def test_a_series_takes_the_place_of_the_one_under_test(project: Project, tmp_path: Path) -> None:
    mail = write(tmp_path / "v8 new.mbox", PATCH.format(title="x"))
    of = planned(project, stack="zcrx-v7", series=str(mail))
    assert names(of) == ["prep", "v8-new", "extra"]
    assert (of.name, of.under_test) == ("zcrx-v7+v8-new", "v8-new")
    assert of.replaces == "feature"
    same = planned(project, stack="zcrx-v7", series="feature")
    assert same == planned(project)
    moved = planned(project, stack="zcrx-v7", series="prep")
    assert (names(moved), moved.under_test) == (["prep", "extra"], "prep")


def test_series_for_another_source_are_left_out(project: Project) -> None:
    of = planned(project, source="mainline")
    assert of.source.name == "mainline"
    assert isinstance(of.source.source, GitSource)
    assert names(of) == ["feature", "extra"]
    assert of.notes == ("prep is for the source debian*: left out on mainline",)
    of = planned(project, source="mainline", series="prep")
    assert names(of) == ["prep"]
    assert "it is under test all the same" in of.notes[0]


def test_a_tree_is_tested_as_it_lies_there(project: Project, tmp_path: Path) -> None:
    of = planned(project, tree="my linux", stack="zcrx-v7")
    assert (names(of), of.under_test, of.name) == ([], "", "zcrx-v7+tree")
    assert of.source == NamedSource(
        "my-linux", LocalSource(kind="local", path=(tmp_path / "my linux").resolve())
    )
    assert called(of.suites) == ["zcrx"]
    assert of.notes[0].startswith("what was changed in the tree is not known")
    of = planned(project, tree="my linux", series="other")
    assert not of.notes
    assert (names(of), of.name) == (["other"], "plain+tree+other")
    assert "This folder holds no kernel tree." in refusal(project, tree="project")
    assert "--source and --tree both say" in refusal(project, tree="my linux", source="debian")


def test_a_tree_alone_takes_the_stack_that_suits_it(project: Project, tmp_path: Path) -> None:
    of = planned(project, tree="my linux")
    assert (of.name, called(of.suites), of.under_test) == ("plain+tree", ["netdevsim"], "")
    assert of.notes[1].startswith("the stack is plain, as the tree has no NET, which zcrx-v7")
    assert not planned(project, tree="my linux", stack="zcrx-v7").notes[1:]
    write(tmp_path / "my linux/net/Kconfig", "menuconfig NET\n\tbool\n")
    of = planned(project, tree="my linux")
    assert (of.name, called(of.suites)) == ("zcrx-v7+tree", ["zcrx"])
    assert of.notes[1] == "the stack is zcrx-v7, as the tree has NET"
    os.mkfifo(tmp_path / "my linux/Kconfig.fifo")
    write(tmp_path / "my linux/net/Kconfig", "config NETS\n\tbool\n# config NET\n")
    assert planned(project, tree="my linux").name == "plain+tree"


def test_fragments_are_added_once(project: Project, tmp_path: Path) -> None:
    mine = write(tmp_path / "mine.config", "")
    of = planned(project, configs=("debug", "zcrx", "./mine.config"))
    assert [file.stem for file in of.fragments] == ["base", "zcrx", "debug", "mine"]
    assert of.fragments[-1] == mine.resolve()
    message = refusal(project, configs=("debugg",))
    assert "There is no config fragment 'debugg'." in message
    assert "did you mean debug? there are: base, debug, netdevsim, zcrx" in message


@pytest.mark.parametrize(
    ("options", "trusted"),
    [
        ({}, True),
        ({"configs": ("debug",)}, True),
        ({"series": "other"}, False),
        ({"source": "mainline"}, False),
        ({"tree": "my linux"}, False),
        ({"series": "other", "trusted": True}, True),
    ],
)
def test_trust_does_not_pass_to_what_the_stack_does_not_name(
    project: Project, options: dict[str, object], trusted: bool
) -> None:
    write(project.stacks / "mine.toml", STACK + "trusted = true\n")
    assert planned(project, stack="mine", **options).trusted is trusted


def test_the_archive_is_an_option_or_a_variable(
    project: Project, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert planned(project).archive.midmask == ""
    monkeypatch.setenv("KSERIES_ARCHIVE", "http://h/env")
    assert planned(project).archive.midmask == "http://h/env/%s"
    of = planned(project, archive="http://h/option", series="a@b.c")
    assert of.archive.midmask == "http://h/option/%s"
    assert of.series[0].located.archive == of.archive
    assert "not an address of an archive" in refusal(project, archive="nonsense")


# ---------------------------------------------------------------- sources


def test_a_source_is_a_name_a_file_or_a_folder(project: Project, tmp_path: Path) -> None:
    file = write(
        tmp_path / "v6.12.toml", f'kind = "tarball"\nurl = "l.tar"\nsha256 = "{"a" * 64}"\n'
    )
    tarball = TarballSource(kind="tarball", url=str(tmp_path / "l.tar"), sha256="a" * 64)
    assert read_source("v6.12.toml", project=project) == NamedSource("v6.12", tarball)
    assert read_source(str(file), project=project) == NamedSource("v6.12", tarball)
    local = write(tmp_path / "conf" / "here.toml", 'kind = "local"\npath = "../my linux"\n')
    path = (tmp_path / "my linux").resolve()
    assert read_source(str(local), project=project) == NamedSource(
        "here", LocalSource(kind="local", path=path)
    )
    assert read_source("my linux", project=project).name == "my-linux"


@pytest.mark.parametrize(
    ("text", "line", "told"),
    [
        ('kind = "debian"\npackge = "x"\n', 2, "packge: Unexpected keyword argument"),
        ('kind = "git"\nremote = "x"\ncommit = "v6.12"\n', 3, "commit: String should match"),
        ('kind = "ftp"\n', 1, "Input tag 'ftp' found"),
        ('kind = "local"\npath = "nowhere"\n', 2, "path: This folder holds no kernel tree."),
        ('kind = "tarball"\n\nurl = "x"\nsha256 = "A"\n', 4, "sha256: String should match"),
    ],
)
def test_mistakes_of_a_source_have_lines(project: Project, text: str, line: int, told: str) -> None:
    file = write(project.sources / "bad.toml", text)
    with pytest.raises(UserError) as caught:
        read_source("bad", project=project)
    mistakes = [one for one in caught.value.where.splitlines() if f"{file}:{line}: " in one]
    assert any(told in one for one in mistakes), caught.value.where


def test_what_is_no_source_is_told(project: Project, tmp_path: Path) -> None:
    write(tmp_path / "linux.tar.xz", "x")
    with pytest.raises(UserError, match="This file is not a source") as caught:
        read_source("linux.tar.xz", project=project)
    assert "sha256" in caught.value.do
    with pytest.raises(UserError, match="There is no source 'debain'") as caught:
        read_source("debain", project=project)
    assert caught.value.do.startswith("did you mean debian? Take one of: debian, mainline")


# ---------------------------------------------------------------- the project's own


@pytest.mark.parametrize("file", sorted(OURS.stacks.glob("*.toml")), ids=lambda file: file.stem)
def test_the_projects_stacks_hold_no_mistake(file: Path, tmp_path: Path) -> None:
    stack = read_stack(file.stem, project=OURS, workdir=tmp_path, progress=Silent())
    assert stack.name == file.stem
    assert all(series.patches for series in stack.series)


def test_what_was_never_run_says_so_in_each_run(tmp_path: Path) -> None:
    stack = read_stack("zcrx-v7-bnxt", project=OURS, workdir=tmp_path, progress=Silent())
    (series,) = (one for one in stack.series if one.name == stack.under_test)
    assert (series.name, stack.series[-1]) == ("bnxt-zcrx-6.12", series)
    assert series.notes[0].startswith("never run: no Broadcom card was at hand")
    below = {one.name for one in stack.series[:-1]}
    assert below >= set(series.requires)


def test_the_flagship_is_under_test_by_default(tmp_path: Path) -> None:
    of = plan(Request(), project=OURS)
    assert (of.name, of.source.name, of.under_test) == ("zcrx-v7", "debian-6.12", "zcrx-v7")
    below = ["prep-debian-6.12", "tcp-urgent", "skb-net-iov", "devmem-device", "drv-net-remote"]
    assert names(of)[: len(below) + 1] == [*below, "zcrx-v7"]
    assert of.series[len(below)].told.posted == 15
    assert of.trusted is False
