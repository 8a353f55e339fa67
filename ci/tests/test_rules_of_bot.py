# SPDX-License-Identifier: GPL-2.0
"""The operator's rules: which series are taken, and why."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

from kseries.lib.errors import UserError
from seriesbot import rules
from seriesbot.rules import Facts, Rule, decide, prefixes_of

FACTS = Facts(
    paths=("io_uring/net.c", "net/core/dev.c"),
    lists=("netdev", "netdev@vger.kernel.org", "io-uring@vger.kernel.org"),
    prefixes=("patch", "net-next", "v2"),
    texts=("net: add zero Copy rx", "With zcrx it is faster.\n"),
    sender="zoe@example.org",
)


def test_a_rule_without_conditions_takes_all() -> None:
    ruling = decide([Rule("all")], FACTS)
    assert ruling.take
    assert ruling.reason == "rule all takes it: it takes all"


@pytest.mark.parametrize(
    ("rule", "why"),
    [
        (Rule("r", paths=("mm/*", "io_uring/*")), "io_uring/net.c (paths: io_uring/*)"),
        (Rule("r", paths=("net/*",)), "net/core/dev.c (paths: net/*)"),
        (Rule("r", lists=("netdev@*",)), "netdev@vger.kernel.org (lists: netdev@*)"),
        (Rule("r", prefixes=("net-next",)), "prefixes: net-next"),
        (Rule("r", keywords=("zero copy",)), "keywords: zero copy"),
        (Rule("r", keywords=("zcrx",)), "keywords: zcrx"),
        (Rule("r", senders=("*@example.org",)), "zoe@example.org (senders: *@example.org)"),
        (
            Rule("r", prefixes=("net-next",), keywords=("zcrx",)),
            "prefixes: net-next, keywords: zcrx",
        ),
    ],
)
def test_a_rule_says_by_what_it_fits(rule: Rule, why: str) -> None:
    ruling = decide([rule], FACTS)
    assert ruling.take
    assert ruling.rule is rule
    assert ruling.reason == f"rule r takes it: {why}"


@pytest.mark.parametrize(
    ("rule", "why"),
    [
        (Rule("r", paths=("mm/*", "io_uring")), "paths"),
        (Rule("r", lists=("vger",)), "lists"),
        (Rule("r", prefixes=("net",)), "prefixes"),
        (Rule("r", keywords=("devmem",)), "keywords"),
        (Rule("r", senders=("example.org",)), "senders"),
        (Rule("r", paths=("net/*",), senders=("*@example.com",)), "senders"),
    ],
)
def test_each_condition_has_to_fit(rule: Rule, why: str) -> None:
    ruling = decide([rule], FACTS)
    assert not ruling.take
    assert ruling.reason == f"no rule takes it (r: none of its {why} fits)"


def test_the_first_rule_that_fits_decides() -> None:
    out = Rule("out", take=False, keywords=("zcrx",))
    ruling = decide([Rule("mm", paths=("mm/*",)), out, Rule("all")], FACTS)
    assert not ruling.take
    assert ruling.reason == "rule out leaves it out: keywords: zcrx"
    assert decide([out, Rule("all")], replace(FACTS, texts=())).take


def test_without_rules_nothing_is_taken() -> None:
    assert decide([], FACTS).reason == "there are no rules, so nothing is taken"


def test_words_in_brackets() -> None:
    assert prefixes_of(["[PATCH net-next v2 1/3] a", "[RFC,net] [x] b [c]", "d"]) == (
        *("patch", "net-next", "v2", "1", "3", "rfc", "net", "x"),
    )


def test_a_file_of_rules(tmp_path: Path) -> None:
    file = tmp_path / "rules.toml"
    assert rules.read(file) == ()
    file.write_text('[[rule]]\nname = "zcrx"\npaths = ["io_uring/*"]\narguments = ["--until"]\n')
    assert rules.read(file) == (Rule("zcrx", paths=("io_uring/*",), arguments=("--until",)),)


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ('[[rule]]\nname = "a"\npath = ["x"]\n', "rules.toml:3: rule.0.path: "),
        ('[[rule]]\nname = "a"\n[[rule]]\nname = "a"\n', "rules.toml:4: there are two rules 'a'"),
        ("[[rule]]\ntake = true\n", "rules.toml:1: rule.0.name: "),
        ("[[rule]\n", "rules.toml:1: not valid TOML"),
        ('[[rule]]\nname = "a"\ntake = "no"\n', "rules.toml:3: rule.0.take: "),
    ],
)
def test_mistakes_have_their_line(tmp_path: Path, text: str, told: str) -> None:
    file = tmp_path / "rules.toml"
    file.write_text(text)
    with pytest.raises(UserError) as raised:
        rules.read(file)
    assert told in str(raised.value)
