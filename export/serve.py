r"""Serves modules on this machine, with the URLs of TF Serving's REST API.

  python -m gansynth_zoo.export.serve --source=my_drums,wavegan_sc09
  curl -d '{"signature_name": "generate_wav", "inputs": {"seed": [7]}}' \
      http://127.0.0.1:8501/v1/models/my_drums:predict

It is for development; in production, take TF Serving, which reads the same
modules. It has no TLS, and answers one request at a time.
"""

import signal
import socket
import sys

from absl import flags

from gansynth_zoo import command_line
from gansynth_zoo import errors
from gansynth_zoo import hub
from gansynth_zoo import settings
from gansynth_zoo.export import rest_model
from gansynth_zoo.export import sources

# Seconds in which, once it is told to end, requests are still answered.
_LAST_SECONDS = 5


def define_flags(values):
    """Defines the flags of this command in an absl `FlagValues`."""
    sources.define_modules("source", values)
    define_server_flags(values, 8501)


def define_server_flags(values, port):
    """Defines the flags of any server; `port` is the one it has unless told."""
    flags.DEFINE_integer(
        "port", port, "Port; 0 takes a free one.", 0, 65535, flag_values=values
    )
    flags.DEFINE_string(
        "host",
        "127.0.0.1",
        "Address to listen on; others than this machine's own are answered "
        "only with the token.",
        flag_values=values,
    )
    flags.DEFINE_string(
        "token",
        "",
        "What requests have to bring as their bearer token; made and printed "
        "where --host is not this machine's own and none is given.",
        flag_values=values,
    )
    flags.DEFINE_list(
        "allow_origin",
        [],
        "Origins of web pages that may ask, as http://localhost:3000.",
        flag_values=values,
    )
    define = {int: flags.DEFINE_integer, float: flags.DEFINE_float}
    for field in settings.of(rest_model.Limits):
        define[field.type](
            field.name,
            field.default,
            field.metadata["help"],
            flag_values=values,
        )


def main(values=flags.FLAGS):
    """Serves until it is told to end.

    Args:
      values: absl `FlagValues` with the flags of this command, parsed.
    """

    def open_app(limits, token):
        from gansynth_zoo.export import rest

        models = [rest_model.Model(hub.find(name)) for name in values.source]
        return rest.app(models, limits, token, values.allow_origin), [
            (
                f"Serving version {model.version} on",
                f"/v1/models/{model.name}",
            )
            for model in models
        ]

    run(values, open_app)


def run(values, open_app):
    """Serves an application until it is told to end.

    Args:
      values: absl `FlagValues` with the flags of `define_server_flags`, parsed.
      open_app: function of a `rest_model.Limits` and a token, called when the
        address is taken: it makes the application, and a list of what to
        print: pairs of a text and a path on the server.

    Raises:
      ZooError: if a package or the address is missing, or a limit is wrong.
    """
    try:
        import uvicorn

        from gansynth_zoo.export import rest
    except ImportError as error:
        raise errors.ZooError(
            f"The local server needs more packages ({error}); pip install "
            "'gansynth_zoo[serve]' brings them."
        ) from error
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(0))
    fields = settings.of(rest_model.Limits)
    limits = rest_model.Limits(**{f.name: values[f.name].value for f in fields})
    token = rest.token_for(values.host, values.token)
    with _listening(values.host, values.port) as listening:
        app, places = open_app(limits, token)
        server = uvicorn.Server(
            uvicorn.Config(
                app,
                http="h11",
                ws="none",
                log_level="warning",
                access_log=False,
                server_header=False,
                limit_concurrency=limits.connections,
                timeout_graceful_shutdown=_LAST_SECONDS,
            )
        )
        _tell(places, listening.getsockname(), token)
        server.run(sockets=[listening])


def _listening(host, port):
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    try:
        return socket.create_server((host, port), family=family)
    except OSError as error:
        raise errors.ZooError(
            f"Expected an address to listen on, received {host} and port "
            f"{port} ({error}); give another --host or --port."
        ) from error


def _tell(places, address, token):
    host, port = address[:2]
    host = f"[{host}]" if ":" in host else host
    for text, path in places:
        print(f"{text} http://{host}:{port}{path}")
    if token:
        print(f"Requests bring the header  Authorization: Bearer {token}")
    print(
        "This server is for development; in production, take TF Serving.",
        flush=True,
    )


if __name__ == "__main__":
    define_flags(flags.FLAGS)
    command_line.run(main)
