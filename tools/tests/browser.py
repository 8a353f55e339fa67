# SPDX-License-Identifier: GPL-2.0
"""Open a page in headless Chromium and ask how it looks; for tests and for bench_results.py."""

from __future__ import annotations

import html as escaping
import json
import re
import shutil
import subprocess
from pathlib import Path
from typing import Any

from kseries.model import Case, ProgramResult, Status

INSTALL = "apt-get install --no-install-recommends chromium"

# The page in a frame of the same origin; what is asked of it goes into the title.
FRAME = """<!DOCTYPE html><title></title><script>
const start = performance.now();
function look(frame) {
  const page = frame.contentDocument.documentElement;
  document.title = JSON.stringify({
    overflow: page.scrollWidth - page.clientWidth,
    ms: performance.now() - start,
    ran: "ran" in frame.contentWindow,
    shown: [...page.querySelectorAll("tr")].filter((row) => row.checkVisibility()).length,
  });
}
</script>
"""


def find() -> str | None:
    """Give the program, None where it is not installed."""
    return shutil.which("chromium") or shutil.which("google-chrome")


def many_programs() -> tuple[ProgramResult, ...]:
    """Make 40 programs with 2,000 tests together, all of which pass."""
    return tuple(
        ProgramResult(
            "zcrx",
            f"program_{p}",
            Status.PASS,
            0,
            12.0,
            tuple(
                Case(f"suite_{p}.a_test_with_number_{n}", Status.PASS, "", ("# x",) * 3, (), 0.1)
                for n in range(50)
            ),
        )
        for p in range(40)
    )


def opened(chromium: str, text: str, width: int, folder: Path) -> dict[str, Any]:
    """Open a page in a frame of that width in CSS pixels; give what FRAME asks."""
    # Without the page's own policy, so that a script that came through would run.
    bare = re.sub(r'<meta http-equiv="Content-Security-Policy"[^>]*>', "", text)
    file = folder / "frame.html"
    file.write_text(
        f'{FRAME}<iframe style="width:{width}px;height:800px" onload="look(this)"'
        f' srcdoc="{escaping.escape(bare)}"></iframe>'
    )
    options = ("--headless", "--no-sandbox", "--disable-gpu", "--hide-scrollbars", "--dump-dom")
    argv = [chromium, *options, f"--user-data-dir={folder / 'profile'}", file.as_uri()]
    done = subprocess.run(argv, capture_output=True, text=True, timeout=90, check=True)
    title = re.search(r"<title>(\{.*?\})</title>", done.stdout)
    assert title is not None
    told: dict[str, Any] = json.loads(escaping.unescape(title[1]))
    return told
