"""Files fetched over HTTP or from a folder, resumed where they were cut off."""

import contextlib
import http
import http.client
import math
import re
import time
import urllib.error
import urllib.request

# Seconds in which a server has to say something.
TIMEOUT = 20
# Each goes on where the one before was cut off.
ATTEMPTS = 3

_PIECE = 2**16
_TROUBLE = (OSError, http.client.HTTPException, ValueError)


class Failed(Exception):
    """A server cannot be reached, or does not give what was asked for."""

    def __init__(self, reason):
        # A part of it may be the server's words, and a terminal obeys.
        super().__init__("".join(c if c.isprintable() else " " for c in reason))


class _Redirects(urllib.request.HTTPRedirectHandler):
    """Follows to the same scheme or to https: never from https to less."""

    def redirect_request(self, req, fp, code, msg, headers, newurl):
        if not newurl.startswith(("https:", f"{req.type}:")):
            fp.close()
            raise urllib.error.URLError(f"it leads to {newurl}")
        return super().redirect_request(req, fp, code, msg, headers, newurl)


def read(url, most):
    """Reads a small file.

    Args:
      url: of http, https or file.
      most: bytes that are read at most.

    Returns:
      Bytes.

    Raises:
      Failed: if it cannot be had within `TIMEOUT`.
    """
    content = bytearray()
    end = time.monotonic() + TIMEOUT
    with _opened(url, 0) as (_, whole, pieces):
        for piece in pieces:
            content += piece
            if len(content) > most:
                raise Failed(f"{url} is larger than {most:,} bytes")
            if time.monotonic() > end:
                raise Failed(f"{url} takes longer than {TIMEOUT} s")
    if whole not in (None, len(content)):
        raise Failed(f"{url} was cut off at {len(content):,} bytes")
    return bytes(content)


def fetch(url, path, size, watch):
    """Fetches a file, and goes on with it if a part of it is there.

    Args:
      url: of http, https or file.
      path: `pathlib.Path` to write to. Where fetching fails, the part that is
        there stays, unless the server has another file than was expected.
      size: of the file in bytes; no more are written.
      watch: function of the bytes that are there.

    Raises:
      Failed: if the file cannot be had.
    """
    for attempt in range(1, ATTEMPTS + 1):
        try:
            _go_on(url, path, size, watch)
            return
        except Failed:
            if attempt == ATTEMPTS or not path.exists():
                raise


def _go_on(url, path, size, watch):
    """One attempt."""
    have = path.stat().st_size if path.exists() else 0
    if have >= size:
        return
    with _opened(url, have) as (have, whole, pieces):
        if whole not in (None, size):
            path.unlink(missing_ok=True)
            raise Failed(f"{url} is of {whole:,} bytes, not of {size:,}")
        with open(path, "ab") as file:
            file.truncate(have)
            for piece in pieces:
                have += len(piece)
                if have > size:
                    path.unlink()
                    raise Failed(f"{url} is of more than {size:,} bytes")
                file.write(piece)
                watch(have)
    if have < size:
        raise Failed(f"{url} was cut off at {have:,} of {size:,} bytes")


@contextlib.contextmanager
def _opened(url, start):
    """A file from byte `start` on; from its first where a server has no ranges.

    Yields:
      Triple of the position where it starts, the size of the whole file, None
      where it is not told, and an iterator of bytes.
    """
    with _answer(url, start) as response:
        position, whole = _extent(response)
        if position <= start:
            yield position, whole, _pieces(url, response)
            return
    if not start:
        raise Failed(f"{url} is answered with a part of it")
    with _opened(url, 0) as opened:
        yield opened


def _answer(url, start):
    headers = {"User-Agent": "gansynth_zoo", "Accept-Encoding": "identity"}
    if start:
        headers["Range"] = f"bytes={start}-"
    try:
        request = urllib.request.Request(url, headers=headers)
        opener = urllib.request.build_opener(_Redirects)
        return opener.open(request, timeout=TIMEOUT)
    except urllib.error.HTTPError as error:
        error.close()
        if error.code == http.HTTPStatus.REQUESTED_RANGE_NOT_SATISFIABLE:
            if start:
                return _answer(url, 0)
        raise Failed(
            f"{url} is answered with {error.code}, {error.reason}"
        ) from error
    except _TROUBLE as error:
        raise Failed(f"{url}: {getattr(error, 'reason', error)}") from error


def _extent(response):
    """(position, size of the whole file) of what a server sends."""
    if response.status != http.HTTPStatus.PARTIAL_CONTENT:
        length = response.headers.get("Content-Length", "")
        return 0, int(length) if re.fullmatch(r"\d{1,18}", length) else None
    told = response.headers.get("Content-Range", "")
    match = re.fullmatch(r"bytes (\d{1,18})-\d+/(\d{1,18}|\*)", told.strip())
    if not match:
        return math.inf, None  # Of no use, wherever it starts.
    return int(match[1]), None if match[2] == "*" else int(match[2])


def _pieces(url, response):
    while True:
        try:
            # What is there: a slow server is not waited for.
            piece = response.read1(_PIECE)
        except _TROUBLE as error:
            raise Failed(f"{url}: {error}") from error
        if not piece:
            return
        yield piece
