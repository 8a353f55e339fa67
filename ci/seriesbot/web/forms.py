# SPDX-License-Identifier: GPL-2.0
"""Forms that come back: small, and from our own pages alone."""

from __future__ import annotations

from urllib.parse import parse_qsl, urlsplit

from starlette.requests import Request

MAX_BYTES = 8 << 10
MAX_FIELDS = 10
TYPE = "application/x-www-form-urlencoded"


class Denied(Exception):
    """A request that is not carried out; told: why, for people. wait_s: until it may be."""

    def __init__(self, status: int, told: str, wait_s: int = 0) -> None:
        super().__init__(told)
        self.status, self.told, self.wait_s = status, told, wait_s


async def read(request: Request) -> dict[str, str]:
    """Read the fields of a form, of each name the last one. Raises Denied."""
    if not _is_from_here(request):
        raise Denied(403, "This form does not come from a page of ours.")
    if request.headers.get("content-type", "").partition(";")[0].strip().lower() != TYPE:
        raise Denied(415, "This is no form.")
    data = b""
    async for chunk in request.stream():
        data += chunk
        if len(data) > MAX_BYTES:
            raise Denied(413, "This form is too large.")
    try:
        return dict(parse_qsl(data.decode(), keep_blank_values=True, max_num_fields=MAX_FIELDS))
    except ValueError:
        raise Denied(400, "This form cannot be read.") from None


def _is_from_here(request: Request) -> bool:
    """Whether a browser says so; what is no browser has no cookie of somebody else's."""
    site, origin = (request.headers.get(name) for name in ("sec-fetch-site", "origin"))
    if site is not None and site != "same-origin":
        return False
    try:
        return origin is None or urlsplit(origin).netloc == request.headers.get("host", "")
    except ValueError:
        return False
