"""``insttui completion``: have the shell complete commands, options, models and files."""

from __future__ import annotations

import argparse
import os
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from pathlib import Path

SHELLS = ("bash", "zsh", "fish")

# Without zsh's completion system, which a new account's shell has not started, there is no compdef.
_START_ZSH = "(( $+functions[compdef] )) || { autoload -Uz compinit && compinit }\n"


def add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "shell", nargs="?", choices=SHELLS, help="default: the one that SHELL names"
    )
    parser.add_argument(
        "--install",
        action="store_true",
        help="have every new shell of yours complete insttui; else the script is printed",
    )


def run(options: argparse.Namespace) -> int:
    """Print the shell's script, or write it where the shell finds it."""
    from app.commands.exit_status import ExitStatus

    shell = options.shell or _own_shell()
    if options.install:
        _install(shell)
    else:
        print(script(shell), end="")
    return ExitStatus.OK


def script(shell: str) -> str:
    """What makes a shell ask insttui for words; it is to be sourced."""
    from argcomplete.shell_integration import shellcode

    code = shellcode(["insttui"], shell=shell).lstrip()
    return _START_ZSH + code if shell == "zsh" else code


def _own_shell() -> str:
    from analysis.problems import problem

    name = os.environ.get("SHELL", "").rpartition("/")[2]
    if name not in SHELLS:
        raise problem(
            "input",
            f"insttui completes in {', '.join(SHELLS)}.",
            f"SHELL names {name!r}." if name else "SHELL is not set.",
            "Name one of them: insttui completion bash --install.",
        )
    return name


def _install(shell: str) -> None:
    from analysis.files.writing import reason
    from analysis.problems import problem
    from app.frame.export import save_text
    from app.terminal.text import prose

    path, startup = _places(shell)
    try:
        save_text(script(shell), path)
        line = _source(startup, path) if startup else ""
    except OSError as error:
        raise problem(
            "storage",
            f"The completion of {shell} cannot be installed.",
            f"{reason(error)}.",
            f"Have the shell read what insttui completion {shell} prints.",
        ) from error
    print(f"{prose(str(path))} completes insttui in every new {shell}.")
    if line:
        print(f"{prose(str(startup))} reads it, by a last line:\n{prose(line)}")


def _places(shell: str) -> tuple[Path, Path | None]:
    """Where the script goes, and which of the shell's files must read it; fish needs none."""
    from pathlib import Path

    from platformdirs import user_data_path

    if shell == "fish":
        config = os.environ.get("XDG_CONFIG_HOME") or "~/.config"
        return Path(config).expanduser() / "fish" / "completions" / "insttui.fish", None
    home = Path(os.environ.get("ZDOTDIR") or "~" if shell == "zsh" else "~").expanduser()
    path = user_data_path("insttui", appauthor=False) / f"completion.{shell}"
    return path, home / f".{shell}rc"


def _source(startup: Path, path: Path) -> str:
    """Have a shell's file read the script, once; the line that does so."""
    import shlex

    name = shlex.quote(str(path))
    line = f"[ -r {name} ] && . {name}"
    # Bytes, since it is the user's and may be in any encoding.
    there = startup.read_bytes() if startup.exists() else b""
    if line.encode() not in there.splitlines():
        with startup.open("ab") as file:
            file.write(b"\n" * bool(there and not there.endswith(b"\n")) + line.encode() + b"\n")
    return line
