"""The web application of the local server, with the URLs of TF Serving.

It holds the extra `serve`, which is installed apart: import it late.
"""

import asyncio
import collections
import concurrent.futures
import hmac
import ipaddress
import json
import secrets
import threading
import urllib.parse

import fastapi
from fastapi.middleware import cors
from starlette import exceptions
from starlette import requests

from gansynth_zoo import errors
from gansynth_zoo.export import rest_model

Refused = rest_model.Refused


def app(models, limits, token="", allow_origin=()):
    """Makes the application, to which more routes may be added.

    Args:
      models: list of `rest_model.Model`.
      limits: a `rest_model.Limits`.
      token: what a request has to bring as its bearer token. Empty asks for
        none, and then only pages and programs of this machine are answered.
      allow_origin: origins of other pages that may ask from a browser.

    Returns:
      `fastapi.FastAPI`. Its routes are guarded, what is mounted is not; what
      takes long goes through its `state.queue`, a `Queue`.
    """
    made = fastapi.FastAPI(
        # Its pages of documentation load scripts from elsewhere.
        openapi_url=None,
        dependencies=[fastapi.Depends(_Guard(token, allow_origin))],
        exception_handlers={
            Refused: _refused,
            errors.ZooError: _wrong,
            exceptions.HTTPException: _no_route,
        },
    )
    if allow_origin:
        made.add_middleware(
            cors.CORSMiddleware,
            allow_origins=list(allow_origin),
            allow_methods=["GET", "POST", "DELETE"],
            allow_headers=["Authorization", "Content-Type"],
        )
    made.state.queue = Queue(limits)
    made.include_router(_router(_Zoo(models), made.state.queue, limits))
    return made


def is_loopback(host):
    """Whether a host's name or address is that of this machine alone."""
    try:
        return host == "localhost" or ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False


def token_for(host, given=""):
    """The token that a server on this host asks for, empty for none."""
    if given or is_loopback(host):
        return given
    return secrets.token_urlsafe()


class Queue:
    """Answers requests one at a time, while the event loop goes on.

    Args:
      limits: a `rest_model.Limits`.
    """

    def __init__(self, limits):
        self._seconds = limits.answer_seconds
        # One is answered while the others wait.
        self._places = threading.BoundedSemaphore(limits.queue + 1)
        self._worker = concurrent.futures.ThreadPoolExecutor(1)

    async def run(self, function, *arguments):
        """What a function of the worker's thread returns.

        Raises:
          Refused: if too many wait, or it takes too long; status 503.
        """
        if not self._places.acquire(blocking=False):
            raise Refused(503, "Too many requests wait; try again later.")
        future = self._worker.submit(function, *arguments)
        # What has begun keeps its place after its time.
        future.add_done_callback(lambda _: self._places.release())
        try:
            return await asyncio.wait_for(
                asyncio.wrap_future(future), self._seconds
            )
        # Python 3.10 tells it from the built-in one.
        except asyncio.TimeoutError as error:  # noqa: UP041
            raise Refused(
                503,
                f"Expected an answer within {self._seconds:g} s, received "
                "none; ask for fewer sounds, or later.",
            ) from error


class _Zoo:
    """Models by name and version."""

    def __init__(self, models):
        self._models = collections.defaultdict(dict)
        for model in models:
            self._models[model.name][model.version] = model

    def versions(self, name):
        """All versions of a model, the newest first."""
        versions = self._models.get(name, {}).values()
        if not versions:
            known = ", ".join(self._models)
            raise Refused(404, f"Expected a model out of {known}.")
        return sorted(versions, key=lambda model: -int(model.version))

    def find(self, name, version):
        """A version of a model; the newest if it is None."""
        found = self.versions(name)
        for model in found:
            if version in (None, model.version):
                return model
        known = ", ".join(model.version for model in found)
        raise Refused(404, f"Expected a version of {name} out of {known}.")


def _router(zoo, queue, limits):
    router = fastapi.APIRouter()
    named, versioned = "/v1/models/{name}", "/v1/models/{name}/versions/{v}"

    async def predict(request: fastapi.Request, name: str, v: str = None):
        model = zoo.find(name, v)
        body = await read(request, limits)
        return fastapi.Response(
            await queue.run(model.predict, body, limits.rows),
            media_type="application/json",
        )

    async def metadata(name: str, v: str = None):
        return zoo.find(name, v).metadata()

    async def status(name: str, v: str = None):
        models = [zoo.find(name, v)] if v else zoo.versions(name)
        return {"model_version_status": [model.status() for model in models]}

    for path in (named, versioned):
        router.post(f"{path}:predict")(predict)
        router.get(f"{path}/metadata")(metadata)
        router.get(path)(status)
    return router


async def read(request, limits):
    """The body of a request.

    Args:
      request: `fastapi.Request`.
      limits: a `rest_model.Limits`.

    Returns:
      Bytes.

    Raises:
      Refused: if it is too large or too slow; status 413 or 408.
    """
    try:
        return await asyncio.wait_for(
            _whole(request, limits.body_bytes), limits.body_seconds
        )
    except asyncio.TimeoutError as error:  # noqa: UP041
        raise Refused(
            408,
            f"Expected the request within {limits.body_seconds:g} s, received "
            "a part of it.",
        ) from error
    except requests.ClientDisconnect as error:
        raise Refused(400, "Expected all of the request.") from error


async def _whole(request, most):
    content, size = bytearray(), 0
    async for piece in request.stream():
        size += len(piece)
        # Who is cut off while sending does not read the answer: the rest is
        # let in, and not kept.
        if size <= most:
            content += piece
    if size > most:
        raise Refused(
            413, f"Expected {most:,} bytes at the most, received {size:,}."
        )
    return bytes(content)


class _Guard:
    """Lets a request in, or refuses it.

    Where no token is asked for, pages of the web must not ask in the name of
    whoever looks at them: neither as another origin nor by a host name of
    their own that leads here.
    """

    def __init__(self, token, allow_origin):
        self._token = token
        self._allow_origin = allow_origin

    async def __call__(self, request: fastapi.Request):
        """Raises `Refused`, status 401 or 403."""
        headers = request.headers
        if self._token:
            expected = f"Bearer {self._token}".encode()
            given = headers.get("authorization", "").encode()
            if not hmac.compare_digest(expected, given):
                raise Refused(
                    401, "Expected the header Authorization: Bearer <token>."
                )
            return
        host, origin = headers.get("host", ""), headers.get("origin")
        if not is_loopback(_host_name(host)):
            raise Refused(403, "Expected a host name of this machine.")
        if origin not in (None, f"http://{host}", *self._allow_origin):
            raise Refused(403, "Expected an origin that --allow_origin lists.")


def _host_name(host):
    try:
        return urllib.parse.urlsplit(f"//{host}").hostname
    except ValueError:
        return ""


async def _refused(_, error):
    headers = {
        401: {"WWW-Authenticate": "Bearer"},
        408: {"Connection": "close"},
        503: {"Retry-After": "1"},
    }.get(error.status)
    return _told(error.status, str(error), headers)


async def _wrong(_, error):
    return _told(400, str(error), None)


async def _no_route(request, error):
    asked = f"{error.detail}: {request.method} {request.url.path}"
    return _told(error.status_code, asked, error.headers)


def _told(status, sentence, headers):
    # Written in ASCII: what a request said need not be text.
    content = json.dumps({"error": sentence})
    return fastapi.Response(
        content, status, headers, media_type="application/json"
    )
