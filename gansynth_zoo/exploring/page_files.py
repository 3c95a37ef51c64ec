"""The page's own files: they are in the package, and nothing else is served.

They hold no data, and so need no token: the page asks for it.
"""

import importlib.resources

from starlette import responses
from starlette import routing

_TYPES = {
    "html": "text/html; charset=utf-8",
    "css": "text/css; charset=utf-8",
    "js": "text/javascript; charset=utf-8",
    "svg": "image/svg+xml",
}
_HEADERS = {
    "Content-Security-Policy": "default-src 'self'; img-src 'self' data: "
    "blob:; media-src 'self' blob:; object-src 'none'; base-uri 'none'; "
    "form-action 'none'; frame-ancestors 'none'",
    "X-Content-Type-Options": "nosniff",
    "Referrer-Policy": "no-referrer",
    "Cache-Control": "no-cache",
}


def page_routes():
    """Routes of `/`, the page, and `/page/FILE` for what it loads.

    Returns:
      List of `starlette.routing.Route`.
    """
    folder = importlib.resources.files("gansynth_zoo.exploring") / "page"
    files = {
        file.name: file.read_bytes()
        for file in folder.iterdir()
        if _extension(file.name) in _TYPES
    }

    def answer(name):
        async def endpoint(request):
            del request
            return responses.Response(
                files[name],
                headers=_HEADERS,
                media_type=_TYPES[_extension(name)],
            )

        return endpoint

    return [
        routing.Route("/", answer("index.html")),
        *(routing.Route(f"/page/{name}", answer(name)) for name in files),
    ]


def _extension(name):
    return name.rpartition(".")[2]
