# SPDX-License-Identifier: GPL-2.0
"""The answer to a series: what it says, to whom, and how it gets there.

`thread` reads what is answered, `since` compares with the version before, `compose` writes the
mail, `deciding` says whether one is written; all pure. `writing` puts it into the store, and
`outbox` takes it from there to the bot's own list (`ownlist`) or to a mail server (`smtp`).
"""
