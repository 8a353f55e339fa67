# SPDX-License-Identifier: GPL-2.0
"""The web page: read-only, for people, without script; and what machines ask (metrics, health).

`reading` asks the store, `pages` works out what is shown, `app` answers requests.
"""
