# SPDX-License-Identifier: GPL-2.0
"""Kconfig fragments: what they may say, for which kernels, and how mistakes are told."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from kseries.config import fragments, kernelrange
from kseries.lib.errors import UserError
from kseries.lib.paths import Project

CONFIGS = Path(__file__).parents[2] / "configs"


def write(folder: Path, name: str, *lines: str) -> Path:
    file = folder / f"{name}.config"
    file.write_text("".join(f"{line}\n" for line in lines))
    return file


def merged(file: Path, version: str = "6.12.1") -> list[str]:
    return fragments.read([file], version).text.splitlines()


def test_fragments_merge_and_later_ones_win(tmp_path: Path) -> None:
    base = write(
        tmp_path, "base", "CONFIG_NET=y", "CONFIG_INET=y", "CONFIG_IO_URING=y", "CONFIG_NR_CPUS=4"
    )
    later = write(
        tmp_path,
        "later",
        *("# a comment", "", "CONFIG_NR_CPUS=8", "# CONFIG_INET is not set", 'CONFIG_NAME="a b"'),
    )
    found = fragments.read([base, later], "6.12.1")
    assert found.text.splitlines() == [
        "CONFIG_NET=y",
        "# CONFIG_INET is not set",
        "CONFIG_IO_URING=y",
        "CONFIG_NR_CPUS=8",
        'CONFIG_NAME="a b"',
    ]
    assert found.promises[3].where == f"{later}:3"
    assert found.notes == (
        f"{later}:3: CONFIG_NR_CPUS=8 overrides 4 of {base}:4",
        f"{later}:4: CONFIG_INET=n overrides y of {base}:2",
    )
    assert fragments.read([base, base], "6.12.1").notes == ()


def test_a_whole_configuration_gives_way_to_promises(tmp_path: Path) -> None:
    own = write(
        tmp_path,
        "own",
        *("# a whole .config: of lab1", "# end of it", "CONFIG_NET=m", "CONFIG_A=m", "CONFIG_B=y"),
    )
    base = write(tmp_path, "base", "CONFIG_MODULES=y", "CONFIG_NET=y")
    for files in ([own, base], [base, own]):
        found = fragments.read(files, "6.12.1")
        assert [one.symbol for one in found.promises] == ["MODULES", "NET"]
        lines = ["CONFIG_A=m", "CONFIG_B=y", "CONFIG_MODULES=y", "CONFIG_NET=y"]
        assert found.text.splitlines() == lines
        assert (found.target, found.notes) == ("alldefconfig", ())
    assert fragments.read([base], "6.12.1").target == "allnoconfig"


def test_promises_of_modules_may_rest_on_a_whole_configuration(tmp_path: Path) -> None:
    own = write(tmp_path, "own", "# a whole .config", "CONFIG_MODULES=y")
    driver = write(tmp_path, "driver", "CONFIG_BNXT=m")
    assert fragments.read([driver, own], "6.12.1").text.splitlines()[-1] == "CONFIG_BNXT=m"


def test_a_fragment_is_whole_from_its_first_line_on_only(tmp_path: Path) -> None:
    late = write(tmp_path, "late", "CONFIG_NET=y", "# a whole .config")
    assert merged(late) == ["CONFIG_NET=y"]
    assert fragments.read([late], "6.12.1").promises


# ---------------------------------------------------------------- mistakes


@pytest.mark.parametrize(
    ("line", "told"),
    [
        ("NET=y", "not understood: NET=y"),
        ("-CONFIG_D", "not understood: -CONFIG_D"),
        ("CONFIG_É=y", "not understood: CONFIG_É=y"),
        ("CONFIG_X\x1b[31m=y", r"not understood: CONFIG_X\x1b[31m=y"),
        (
            "CONFIG_X = y",
            "not understood: CONFIG_X = y (no spaces around =: CONFIG_X=y)",
        ),
        ("CONFIG_B=maybe", 'not a value: maybe (y, m, n, a number or a "string")'),
        ("CONFIG_C=", 'not a value: (nothing) (y, m, n, a number or a "string")'),
        ("CONFIG_C='y'", "not a value: 'y' (y, m, n, a number or a \"string\")"),
        ('CONFIG_C="y', 'not a value: "y (y, m, n, a number or a "string")'),
        ('CONFIG_C="\x07"', r'not a value: "\x07" (y, m, n, a number or a "string")'),
        ("CONFIG_A=n", "CONFIG_A is n here and y in line 1"),
        ("# CONFIG_A is not set", "CONFIG_A is n here and y in line 1"),
        ("# kernels: 6.12 or later", "stands once, and before the first promise: # kernels:"),
        (
            "# only kernels: new ones",
            f"not a range of kernels: new ones ({kernelrange.FORMS})",
        ),
    ],
)  # fmt: skip
def test_each_line_that_promises_nothing_is_named(tmp_path: Path, line: str, told: str) -> None:
    file = write(tmp_path, "bad", "CONFIG_A=y", line, "CONFIG_A=y")
    with pytest.raises(UserError, match="lines that promise nothing") as error:
        merged(file)
    assert error.value.where.splitlines()[0] == f"{file}:2: {told}"


def test_of_many_mistakes_the_first_are_told(tmp_path: Path) -> None:
    file = write(tmp_path, "bad", *["CONFIG" + "y" * 900] * 1000)
    with pytest.raises(UserError) as error:
        merged(file)
    lines = error.value.where.splitlines()
    assert lines[0] == f"{file}:1: not understood: CONFIG{'y' * (fragments.SHOWN - 6)}…"
    assert lines[-1] == "… and 980 more"


def test_carriage_returns_and_a_mark_of_order_say_nothing(tmp_path: Path) -> None:
    file = tmp_path / "dos.config"
    file.write_bytes(b"\xef\xbb\xbf# kernels: 6.12 or later\r\nCONFIG_A=y\r\n\r\nCONFIG_B=1\r\n")
    assert merged(file) == ["CONFIG_A=y", "CONFIG_B=1"]
    # As editors and the kernel count lines, whatever else ends one elsewhere.
    file.write_bytes("CONFIG_A=y # \x0b\x0c\u2028\nCONFIG_B=\n".encode())
    with pytest.raises(UserError) as error:
        merged(file)
    assert f"{file}:2: not a value" in error.value.where


def test_modules_are_asked_for_and_cannot_be_loaded(tmp_path: Path) -> None:
    file = write(tmp_path, "m", "CONFIG_A=y", "CONFIG_B=m")
    with pytest.raises(UserError, match="modules") as error:
        merged(file)
    assert error.value.where == f"{file}:2: CONFIG_B=m"
    assert merged(write(tmp_path, "m", "CONFIG_MODULES=y", "CONFIG_B=m"))


# ---------------------------------------------------------------- no text files


def test_what_is_no_text_file_is_refused_by_name(tmp_path: Path) -> None:
    def why(file: Path) -> str:
        with pytest.raises(UserError, match=r"Kconfig fragment cannot be read") as error:
            merged(file)
        return error.value.where.removeprefix(str(file))

    file = tmp_path / "x.config"
    assert why(file) == ": is not there"
    assert why(tmp_path) == ": is not a regular file"
    os.mkfifo(file)
    assert why(file) == ": is not a regular file"
    file.unlink()
    assert why(Path("/dev/zero")) == ": is not a regular file"
    file.write_bytes(b"CONFIG_A=y\n\x7fELF\0\0")
    assert why(file) == ":2: holds a zero byte, so it is not text"
    file.write_bytes(b'CONFIG_A=y\n\nCONFIG_B="\xff"\n')
    assert why(file) == ":3: is not UTF-8"
    with file.open("wb") as sparse:
        sparse.truncate(1 << 40)
    assert why(file) == ": is larger than 1 MiB"


# ---------------------------------------------------------------- kernels


@pytest.mark.parametrize(
    ("text", "inside", "outside"),
    [
        ("6.12", ("6.12", "6.12.117", "6.12.0-rc1"), ("6.11.9", "6.13.0", "6.1")),
        ("6.12 or later", ("6.12.0", "7.0.0-rc1"), ("6.2.0", "5.15.1", "6.1.192")),
        ("before 7.0", ("6.19.3", "5.4"), ("7.0.0", "10.1")),
        ("6.1 to 6.12", ("6.1", "6.12.117"), ("6.0.9", "6.13.0")),
    ],
)
def test_ranges(text: str, inside: tuple[str, ...], outside: tuple[str, ...]) -> None:
    found = kernelrange.parse(text)
    assert found is not None
    assert [v for v in (*inside, *outside) if found.holds(v)] == list(inside)


@pytest.mark.parametrize("text", ["", "6", "6.12.3", "since 6.1", "6.12 to 6.1", "6.1 or  later"])
def test_no_ranges(text: str) -> None:
    assert kernelrange.parse(text) is None


def test_a_fragment_for_other_kernels_is_refused(tmp_path: Path) -> None:
    file = write(tmp_path, "new", "# all new", "# kernels: 6.12 or later", "", "CONFIG_A=y")
    assert merged(file, "6.12.3") == ["CONFIG_A=y"]
    with pytest.raises(UserError, match=r"fragment new is not for Linux 6\.1\.192") as error:
        merged(file, "6.1.192")
    assert error.value.where == f"{file}:2: for kernels 6.12 or later"


def test_a_paragraph_for_other_kernels_is_left_out(tmp_path: Path) -> None:
    file = write(
        tmp_path,
        "both",
        *("# only kernels: before 7.0", "# why", "CONFIG_A=y", "CONFIG_C=y", ""),
        *("# only kernels: 7.0 or later", "# CONFIG_A is not set", "", "CONFIG_B=y"),
    )
    assert merged(file, "6.12.1") == ["CONFIG_A=y", "CONFIG_C=y", "CONFIG_B=y"]
    assert merged(file, "7.3.0") == ["# CONFIG_A is not set", "CONFIG_B=y"]


def test_each_fragment_of_the_project_says_for_which_kernels_it_is() -> None:
    for file in Project(CONFIGS.parent).configs.glob("*.config"):
        promises = fragments.parse(file, "6.12.117")
        assert [each.where for each in promises if each.kernels is None] == []


def test_lines_of_a_file_that_is_no_fragment_are_not_shown(tmp_path: Path) -> None:
    file = tmp_path / "secrets"
    file.write_text("token = s3cret\nAPI_KEY=s3cret\n")
    with pytest.raises(UserError) as caught:
        fragments.read([file], "6.12")
    assert "s3cret" not in str(caught.value)
    assert f"{file}:1: not understood: (not shown)" in caught.value.where
