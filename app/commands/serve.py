"""``insttui serve``: the app in a browser."""

from __future__ import annotations

import argparse
import os
import re

from app.commands.options import add_model_options, add_pair, add_results, add_word_options, port

_TOKEN = re.compile(r"[A-Za-z0-9_-]{8,}")
_TOKEN_VARIABLE = "INSTTUI_TOKEN"

# What the app is opened on, by name: options with a value, and options without.
_VALUES = ("base", "tuned", "series", "results", "vocab", "vectors", "device", "dtype", "cache_dir")
_FLAGS = ("trust_remote_code", "allow_pickle")


def add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "--host",
        default="127.0.0.1",
        metavar="ADDRESS",
        help="where to listen; default: 127.0.0.1, this machine alone (with ssh -L also from afar)",
    )
    parser.add_argument(
        "--port", type=port, default=8000, metavar="N", help="default: 8000; 0: any that is free"
    )
    parser.add_argument(
        "--token",
        type=_token,
        metavar="TEXT",
        help="what the address ends with, and nobody connects without; default: "
        f"{_TOKEN_VARIABLE}, which no list of processes shows, else a random one",
    )
    add_pair(parser, series=True)
    add_results(parser, "browse stored maps, without a model")
    add_word_options(parser)
    add_model_options(parser)
    parser.epilog = "Files that the app writes are written here, not where the browser runs."


def _token(text: str) -> str:
    """A token that can stand in an address."""
    if not _TOKEN.fullmatch(text):
        raise argparse.ArgumentTypeError("must be 8 or more letters, digits, - and _")
    return text


def run(options: argparse.Namespace) -> int:
    """Serve the app until ctrl-C."""
    import asyncio
    import secrets
    import shlex
    import sys

    from analysis.problems import problem
    from app.commands.exit_status import ExitStatus
    from app.commands.open_app import workspace_of
    from app.config import load_settings

    try:
        from app.serving.server import AppServer
    except ImportError as error:
        raise problem(
            "input",
            "The app cannot be served to a browser.",
            f"{error}.",
            "Install what that needs: pip install 'insttui[serve]'.",
        ) from None
    token = options.token or _given_token() or secrets.token_urlsafe(24)
    # What the app could not open is said here, and not in every browser.
    workspace_of(options, load_settings())
    command = [sys.executable, "-P", "-m", "app.cli", *app_arguments(options)]
    server = AppServer(f"exec {shlex.join(command)}", token)

    def started(port: int) -> None:
        print(f"insttui is at {_address(options.host, port)}/?token={token}", flush=True)
        print("ctrl-C ends it, and every app that was opened there.", file=sys.stderr, flush=True)

    try:
        asyncio.run(server.serve(options.host, options.port, started))
    except OSError as error:
        raise problem(
            "input",
            f"Nothing can be served on port {options.port} of {options.host}.",
            f"{error.strerror or error}.",
            "Give another one with --port, or --port 0 for any that is free.",
        ) from None
    return ExitStatus.OK


def app_arguments(options: argparse.Namespace) -> list[str]:
    """What opens the app in a terminal as these options do in a browser."""
    given = {name: getattr(options, name, None) for name in (*_VALUES, *_FLAGS)}
    spelled = {name: f"--{name.replace('_', '-')}" for name in given}
    values = [f"{spelled[name]}={given[name]}" for name in _VALUES if given[name] is not None]
    return values + [spelled[name] for name in _FLAGS if given[name]]


def _given_token() -> str:
    from analysis.problems import problem

    given = os.environ.get(_TOKEN_VARIABLE, "")
    if not given:
        return ""
    try:
        return _token(given)
    except argparse.ArgumentTypeError as error:
        raise problem("input", f"{_TOKEN_VARIABLE} {error}.") from None


def _address(host: str, port: int) -> str:
    """The address that a browser opens; one that means every address is this machine's name."""
    import socket

    name = socket.gethostname() if host in ("0.0.0.0", "::") else host
    return f"http://[{name}]:{port}" if ":" in name else f"http://{name}:{port}"
