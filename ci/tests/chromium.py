# SPDX-License-Identifier: GPL-2.0
"""Headless Chromium, in which a page is used as a person uses it: typed into and clicked at.

It is told so through its DevTools protocol, over a pipe: JSON that ends with a zero byte.
"""

from __future__ import annotations

import json
import os
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

# No script of the page's own is run; what is asked of the page is no part of it.
LOOK = """(() => {
  const page = document.documentElement;
  const wide = [...document.querySelectorAll("body *")].filter(
    (one) => one.getBoundingClientRect().right > page.clientWidth + 1
      && !one.closest("pre, .skip, svg"));
  const small = [...document.querySelectorAll("button, .top nav a")].filter(
    (one) => one.getBoundingClientRect().height < 20);
  return {
    url: location.pathname,
    text: document.body.innerText,
    overflow: page.scrollWidth - page.clientWidth,
    wide: wide.map((one) => one.outerHTML.slice(0, 120)),
    small: small.map((one) => one.outerHTML.slice(0, 120)),
    ran: "ran" in window,
    ground: getComputedStyle(document.body).backgroundColor,
  };
})()"""


@dataclass
class Page:
    """A page in a browser. Each method waits until it is loaded."""

    _to: Any
    _from: Any
    _session: str = ""
    _number: int = 0

    def send(self, method: str, **words: Any) -> dict[str, Any]:
        """Give an order, and its result."""
        self._number += 1
        order: dict[str, Any] = {"id": self._number, "method": method, "params": words}
        if self._session:
            order["sessionId"] = self._session
        self._to.write(json.dumps(order).encode() + b"\0")
        self._to.flush()
        while True:
            told = self._read()
            if told.get("id") == self._number:
                assert "error" not in told, told
                found: dict[str, Any] = told["result"]
                return found

    def open(self, url: str) -> None:
        """Go to a page."""
        self._loading("Page.navigate", url=url)

    def type(self, selector: str, text: str) -> None:
        """Type into a field."""
        self._do(selector, "one.focus()")
        self.send("Input.insertText", text=text)

    def click(self, selector: str) -> None:
        """Click at what leads to another page."""
        where = self._do(
            selector,
            "one.scrollIntoView(), (({x, y, width, height}) => ({x: x + width / 2,"
            " y: y + height / 2}))(one.getBoundingClientRect())",
        )
        press = {**where, "button": "left", "clickCount": 1}
        self.send("Input.dispatchMouseEvent", type="mousePressed", **press)
        self._loading("Input.dispatchMouseEvent", type="mouseReleased", **press)

    def look(self, width: int, *, dark: bool) -> dict[str, Any]:
        """Tell how the page looks on a screen of that width, in CSS pixels."""
        screen = {"width": width, "height": 900, "deviceScaleFactor": 1, "mobile": width < 600}
        self.send("Emulation.setDeviceMetricsOverride", **screen)
        scheme = {"name": "prefers-color-scheme", "value": "dark" if dark else "light"}
        self.send("Emulation.setEmulatedMedia", features=[scheme])
        found: dict[str, Any] = self._value(LOOK)
        return found

    def picture(self) -> str:
        """Give the page as PNG, in base64."""
        found: str = self.send("Page.captureScreenshot", captureBeyondViewport=True)["data"]
        return found

    def _do(self, selector: str, what: str) -> Any:
        quoted = json.dumps(selector)
        return self._value(f"(() => {{ const one = document.querySelector({quoted});"
                           f" return {what}; }})()")  # fmt: skip

    def _value(self, script: str) -> Any:
        told = self.send("Runtime.evaluate", expression=script, returnByValue=True)
        assert "exceptionDetails" not in told, told
        return told["result"].get("value")

    def _loading(self, method: str, **words: Any) -> None:
        self.send(method, **words)
        while self._read().get("method") != "Page.loadEventFired":
            pass

    def _read(self) -> dict[str, Any]:
        data = bytearray()
        while (one := self._from.read(1)) != b"\0":
            assert one, "the browser has ended"
            data += one
        found: dict[str, Any] = json.loads(data)
        return found


@contextmanager
def page(chromium: str, folder: Path, *, scripts: bool = False) -> Iterator[Page]:
    """Start a browser with one page. scripts: whether those of the page are run."""
    (here, its_out), (its_in, there) = os.pipe(), os.pipe()
    options = ("--headless", "--no-sandbox", "--disable-gpu", "--hide-scrollbars")
    argv = [chromium, *options, "--remote-debugging-pipe", f"--user-data-dir={folder / 'profile'}"]
    # It reads from 3 and writes to 4.
    script = f'exec "$@" 3<&{its_in} 4>&{its_out} {its_in}<&- {its_out}>&-'
    browser = subprocess.Popen(
        ["bash", "-c", script, "bash", *argv, "about:blank"],
        pass_fds=(its_in, its_out),
        stderr=subprocess.DEVNULL,
    )
    os.close(its_in)
    os.close(its_out)
    try:
        with os.fdopen(there, "wb") as to, os.fdopen(here, "rb") as of:
            found = Page(to, of)
            target = found.send("Target.createTarget", url="about:blank")["targetId"]
            attached = found.send("Target.attachToTarget", targetId=target, flatten=True)
            found._session = attached["sessionId"]
            found.send("Page.enable")
            found.send("Emulation.setScriptExecutionDisabled", value=not scripts)
            yield found
            found._session = ""
            found.send("Browser.close")
    finally:
        browser.kill()
        browser.wait()
