# SPDX-License-Identifier: GPL-2.0
"""The web page: for people, without script; and what machines ask (metrics, health).

`reading` asks the store, `pages` works out what is shown, `render` writes it, `app` answers
requests. All of it only reads. `login` answers operators, who are known by `sessions`, and `forms`
reads what they send.
"""
