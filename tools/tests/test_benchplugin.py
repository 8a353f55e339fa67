# SPDX-License-Identifier: GPL-2.0
"""The plugin on a real QEMU: a guest of which every instruction is known (data/bench/toy.S)."""

from __future__ import annotations

from pathlib import Path

import pytest

from kseries.bench import counts, machine, programs
from kseries.bench.model import Row
from kseries.lib import proc
from kseries.lib.deadline import Deadline
from kseries.lib.errors import InfraError

TOY = Path(__file__).parent / "data" / "bench" / "toy.S"
EXIT_0 = 1  # of QEMU, for a 0 written to the port
BASE = 0x100000

BRACKETS = """\
layer softirq softirq
layer poll driver_poll
layer dma dma
layer dma copy driver_
receives deliver
switch __switch_to_asm
"""

# (role, layer, function): instructions between the marks, as the comments of the source have them.
EXPECTED = {
    ("receiver", "syscall", "measured"): 1 + 3 + 3 + 2,
    ("receiver", "softirq", "softirq"): 2 * 5,
    ("receiver", "softirq", "poll"): 2 * 4,
    ("receiver", "softirq", "poll_of_acks"): 2 * 2,
    ("receiver", "poll-rx", "driver_poll"): 2 * 10,
    ("receiver", "poll-tx", "driver_poll"): 2 * 9,
    ("receiver", "poll-rx", "driver_rx"): 2 * 5,
    ("receiver", "dma", "dma"): 2 * 22,
    ("receiver", "dma", "copy"): 2 * (9 + 9),
    ("receiver", "poll-rx", "deliver"): 2 * 6,
    ("receiver", "poll-rx", "copy"): 2 * 9,
    ("receiver", "user", "program"): 31,
    ("receiver", "syscall", "__switch_to_asm"): 2,
    ("sender", "syscall", "__switch_to_asm"): 1,
    ("sender", "syscall", "measured"): 11,
}


@pytest.fixture(scope="module")
def plugin(tmp_path_factory: pytest.TempPathFactory) -> Path:
    file = tmp_path_factory.mktemp("plugin") / "plugin.so"
    file.write_bytes(programs.compile_plugin())
    return file


def toy(folder: Path, *defines: str) -> tuple[Path, str]:
    """Give the guest's image, and the lines that tell its functions."""
    made, image = folder / "toy.o", folder / "toy"
    words = ["gcc", "-c", "-o", str(made), *(f"-D{name}" for name in defines), str(TOY)]
    proc.run(words, cwd=folder, deadline=Deadline.after(30))
    linked = folder / "toy.elf"
    for options in (["-o", str(linked)], ["--oformat", "binary", "-o", str(image)]):
        link = ["ld", f"-Ttext={BASE:#x}", "-e", "start", *options, str(made)]
        proc.run(link, cwd=folder, deadline=Deadline.after(30))
    named = proc.run(["nm", "-g", linked], cwd=folder, deadline=Deadline.after(30))
    lines = (line.split() for line in named.output.splitlines())
    functions = [(address, name) for address, kind, name in lines if kind == "T"]
    return image, "".join(
        f"{'program' if name == 'program' else 'kernel'} {address} {name}\n"
        for address, name in functions
    )


def booked(plugin: Path, folder: Path, *defines: str, tables: str = BRACKETS) -> str:
    image, functions = toy(folder, *defines)
    (folder / "tables").write_text(functions + tables)
    argv: list[str | Path] = ["qemu-system-x86_64", "-accel", "tcg,thread=single", "-cpu", "max"]
    argv += ["-icount", "shift=0,sleep=off", "-m", "16M", "-nodefaults", "-display", "none"]
    argv += ["-device", "isa-debug-exit,iobase=0xf4", "-kernel", image, "-plugin"]
    argv += [f"file={plugin},tables={folder / 'tables'},output={folder / 'counts'}"]
    done = proc.run(argv, cwd=folder, deadline=Deadline.after(30), check=False)
    assert (done.returncode, done.output) == (EXIT_0, "")
    return (folder / "counts").read_text()


def test_every_instruction_is_booked_where_it_belongs(plugin: Path, tmp_path: Path) -> None:
    text = booked(plugin, tmp_path)
    lines = [line.split() for line in text.splitlines()]
    found = {(w[1], w[2], w[4]): int(w[3]) for w in lines if w[0] == "count"}
    assert found == EXPECTED
    events = {w[1]: int(w[2]) for w in lines if w[0] == "event"}
    assert events == {
        "switches": 1,
        "halts": 0,
        "exceptions": 0,
        "polls-rx": 2,
        "polls-tx": 2,
        "enter-softirq": 2,
        "enter-poll": 4,
        "enter-dma": 4,
    }
    read = counts.read(text)
    assert read.total == sum(EXPECTED.values())
    assert Row("softirq", "deliver", 12) in read.rows
    assert Row("sender", "driver_poll", 18) in read.rows


def test_a_call_that_is_interrupted_before_what_it_calls_begins_is_one(
    plugin: Path, tmp_path: Path
) -> None:
    text = booked(plugin, tmp_path, "INTERRUPTS")
    lines = [line.split() for line in text.splitlines()]
    found = {(w[1], w[2], w[4]): int(w[3]) for w in lines if w[0] == "count"}
    extra = {
        ("receiver", "syscall", "interrupted"): 11,
        ("receiver", "syscall", "asm_exc_debug"): 3,
        ("receiver", "dma", "dma"): EXPECTED["receiver", "dma", "dma"] + 22,
        ("receiver", "dma", "copy"): EXPECTED["receiver", "dma", "copy"] + 9,
        ("receiver", "syscall", "measured"): EXPECTED["receiver", "syscall", "measured"] + 1,
    }
    assert found == EXPECTED | extra
    assert counts.read(text).events["enter-dma"] == 5


def tree(text: str) -> dict[str, int]:
    """Give what was executed by each path of calls, in each layer that is not the task's own."""
    names, found, path = {"0": ""}, {}, ""
    for line in (line.split() for line in text.splitlines()):
        if line[0] == "node":
            path = names[line[1]] = f"{names[line[2]]}/{line[3]}"
        elif line[0] == "spent" and line[1] == "receiver":
            found[f"{path} {line[2]}"] = int(line[3])
    return found


def test_who_called_is_known_of_every_instruction(plugin: Path, tmp_path: Path) -> None:
    poll, acks = "/measured/softirq/poll/driver_poll", "/measured/softirq/poll_of_acks"
    assert tree(booked(plugin, tmp_path)) == {
        "/measured syscall": 9,
        "/measured/program user": 31,
        "/measured/__switch_to_asm syscall": 2,
        "/measured/softirq softirq": 10,
        "/measured/softirq/poll softirq": 8,
        f"{acks} softirq": 4,
        f"{acks}/driver_poll poll-tx": 18,
        f"{poll} poll-rx": 20,
        f"{poll}/driver_rx poll-rx": 10,
        f"{poll}/driver_rx/dma dma": 44,
        f"{poll}/driver_rx/dma/copy dma": 18,
        f"{poll}/driver_rx/copy dma": 18,
        f"{poll}/driver_rx/deliver poll-rx": 12,
        f"{poll}/driver_rx/deliver/copy poll-rx": 18,
    }


def test_a_call_that_is_interrupted_has_its_caller(plugin: Path, tmp_path: Path) -> None:
    found = tree(booked(plugin, tmp_path, "INTERRUPTS"))
    of = "/measured/interrupted"
    assert {path: count for path, count in found.items() if path.startswith(of)} == {
        f"{of} syscall": 11,
        f"{of}/asm_exc_debug syscall": 3,
        f"{of}/dma dma": 22,
        f"{of}/dma/copy dma": 9,
    }


def test_a_function_that_is_jumped_to_takes_the_place_of_the_one_before(
    plugin: Path, tmp_path: Path
) -> None:
    # Nothing is a layer here, so that the jump is no fault.
    found = tree(booked(plugin, tmp_path, "JUMPS", tables="switch __switch_to_asm\n"))
    assert found["/measured/jumper syscall"] == 1
    assert found["/measured/dma syscall"] == 22
    assert found["/measured/dma/copy syscall"] == 9
    assert found["/measured/softirq syscall"] == 10


MARKS = {
    **{f"{what}_{name}": what[0].upper() + name for what in ("begin", "end") for name in "abc"},
    "operations_a": "Oa",
    "double": "D",
    "one": "I",
}


def sectioned(plugin: Path, folder: Path, *defines: str) -> dict[str, list[list[str]]]:
    """Give the words of each section's lines; "": of what is in none."""
    _, functions = toy(folder, "SECTIONS", *defines)
    named = {
        name: address for _, address, name in (line.split() for line in functions.splitlines())
    }
    marks = "".join(f"mark {named[name]} {what}\n" for name, what in MARKS.items())
    text = booked(plugin, folder, "SECTIONS", *defines, tables=f"switch __switch_to_asm\n{marks}")
    found, name = {"": list[list[str]]()}, ""
    for line in (line.split() for line in text.splitlines()):
        if line[0] == "section":
            name = line[1]
            found[name] = []
        found[name].append(line)
    return found


def counted(lines: list[list[str]]) -> dict[tuple[str, str], int]:
    return {(w[1], w[4]): int(w[3]) for w in lines if w[0] == "count"}


def test_a_section_is_of_the_task_that_began_it_and_of_those_that_are_in_none(
    plugin: Path, tmp_path: Path
) -> None:
    found = sectioned(plugin, tmp_path)
    assert found["a"][0] == ["section", "a", "2", "5"]
    assert counted(found["a"]) == {
        ("receiver", "sectioned"): 4 + 2 + 2 + 3,
        ("receiver", "__switch_to_asm"): 2 + 1,
        ("sender", "__switch_to_asm"): 1 + 2,
        ("sender", "sectioned"): 9,
    }
    assert found["b"][0] == ["section", "b", "1", "0"]
    assert counted(found["b"]) == {
        ("receiver", "sectioned"): 2 + 1,
        ("receiver", "__switch_to_asm"): 2 + 1,
        ("sender", "__switch_to_asm"): 1 + 2,
        ("sender", "sectioned"): 1 + 2,
    }
    assert counted(found["c"]) == {("sender", "sectioned"): 10}
    assert not [line for lines in found.values() for line in lines if line[0] == "wrong"]
    booked_in_all = sum(sum(counted(lines).values()) for lines in found.values())
    assert ["total", str(booked_in_all)] in found["c"]


@pytest.mark.parametrize(
    ("define", "section", "wrong"),
    [
        ("NESTED", "b", "it is begun within a"),
        ("NESTED", "a", "b is begun within it"),
        ("UNENDED", "c", "it is begun and not ended"),
        ("UNBEGUN", "c", "it is ended by a task that has not begun it"),
        ("BORN", "c", "the task that began it is gone"),
    ],
)
def test_a_section_whose_marks_are_no_pairs_is_wrong(
    plugin: Path, tmp_path: Path, define: str, section: str, wrong: str
) -> None:
    found = sectioned(plugin, tmp_path, define)
    assert ["wrong", *wrong.split()] in found[section]
    good = {"a", "b", "c"} - {"NESTED": {"a", "b"}}.get(define, {"c"})
    for name in good:
        assert [line for line in found[name] if line[0] == "wrong"] == []


def test_two_runs_agree_to_the_byte(plugin: Path, tmp_path: Path) -> None:
    texts = []
    for name in ("one", "two"):
        (tmp_path / name).mkdir()
        texts.append(booked(plugin, tmp_path / name))
    assert texts[0] == texts[1]


@pytest.mark.parametrize(
    ("define", "fault"),
    [
        ("JUMPS", "entered by a jump: dma"),
        ("SWITCHES", "another task goes on within softirq"),
    ],
)
def test_what_it_does_not_understand_is_a_fault(
    plugin: Path, tmp_path: Path, define: str, fault: str
) -> None:
    tables = BRACKETS + "layer softirq softirq_that_switches\n"
    with pytest.raises(counts.Incomplete, match=f"^the guest was not understood: {fault}"):
        counts.read(booked(plugin, tmp_path, define, tables=tables))


@pytest.mark.parametrize(
    ("tables", "told"),
    [
        ("", "has no functions: "),
        ("kernel 10 f\nnonsense\n", "cannot be read: nonsense"),
        ("kernel 10 f\nlayer cellar f\n", "no such layer: layer cellar f"),
        ("kernel 10 f\nswitch g\n", "has to be there once: switch g"),
    ],
)
def test_it_refuses_tables_that_it_cannot_use(
    plugin: Path, tmp_path: Path, tables: str, told: str
) -> None:
    (tmp_path / "tables").write_text(tables)
    argv = ["qemu-system-x86_64", "-machine", "none", "-display", "none", "-nodefaults", "-plugin"]
    argv += [f"file={plugin},tables={tmp_path / 'tables'},output={tmp_path / 'counts'}"]
    done = proc.run(argv, cwd=tmp_path, deadline=Deadline.after(30), check=False)
    assert done.returncode == 1
    assert done.output.splitlines()[0].startswith(f"kseries plugin: {told}")


def fake_qemu(folder: Path, says: str) -> str:
    """Make what stands for a QEMU of another kind: there is none on this host."""
    program = folder / "qemu"
    program.write_text(f"#!/bin/sh\necho '{says}' >&2\nexit 1\n")
    program.chmod(0o755)
    return str(program)


def test_a_qemu_that_takes_no_plugin_is_refused_with_its_own_words(tmp_path: Path) -> None:
    says = "qemu: -plugin: invalid option"
    with pytest.raises(InfraError, match="takes no plugin of ours") as refused:
        programs.require(b"", fake_qemu(tmp_path, says))
    assert refused.value.where == says
    assert "--enable-plugins" in refused.value.do


def test_a_plugin_of_another_version_is_refused_by_the_real_qemu(tmp_path: Path) -> None:
    source, made = tmp_path / "other.c", tmp_path / "other.so"
    source.write_text(
        "int qemu_plugin_version = 99;\nint qemu_plugin_install(void) { return 0; }\n"
    )
    words = ["gcc", "-shared", "-fPIC", "-o", str(made), str(source)]
    proc.run(words, cwd=tmp_path, deadline=Deadline.after(30))
    with pytest.raises(InfraError) as refused:
        programs.require(made.read_bytes())
    assert "API version 99" in refused.value.where


def job(seed: int = 0) -> machine.Job:
    return machine.Job(Path("/kernel"), b"", b"", "", "without-erms", seed)


def test_a_seed_is_stirred_into_the_random_numbers_by_the_command_line() -> None:
    plain, seeded = (machine.command(job(seed), Path("/k"), Path("/vm")) for seed in (0, 7))
    place = plain.index("-append") + 1
    assert seeded[place] == f"{plain[place]} kseries.seed=7"
    seeded[place] = plain[place]
    assert seeded == plain


def test_the_guest_is_told_to_be_the_same_each_time() -> None:
    words = machine.command(job(), Path("/vm/kernel"), Path("/vm"))
    told = " ".join(words)
    assert "-smp 1 " in told
    assert "-accel tcg,thread=single -cpu max,-rdrand,-rdseed,-erms,-fsrm " in told
    assert "-icount shift=0,sleep=off " in told
    for word in ("nokaslr", "norandmaps", "random.trust_cpu=off"):
        assert word in words[words.index("-append") + 1].split()
