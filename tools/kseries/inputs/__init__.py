# SPDX-License-Identifier: GPL-2.0
"""What a run is asked to do: stacks, sources by name, series from folders, mboxes and archives."""
