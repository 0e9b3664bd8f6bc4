"""Engine processes that need not import torch: each is a fork of one process that has done so.

Most tests of the whole program start an engine, and an engine spends seconds on its imports. Here
``serve`` imports once, and the command of an engine only asks it for a fork: what runs is
`analysis.engine` itself, with its pipes in the program's hands. The asking process stands for the
fork: it ends as the fork does, and takes it along when it is killed. What a test does to it beyond
that (a stop, a limit) does not reach the fork, and what libraries read from the environment while
they are imported is the server's; such tests start an engine as it is (`Home.cold`).
"""

from __future__ import annotations

import json
import os
import selectors
import signal
import socket
import struct
import subprocess
import sys
import threading
import traceback
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

_STATUS = struct.Struct(">i")
_MODULES = (
    "analysis.engine.pool",
    "analysis.chat.compute",
    "analysis.clustering.compute.task_clusters",
    "analysis.concepts.compute.analyses",
    "analysis.heads.compute.analyses",
    "analysis.neurons.compute.ablation",
    "analysis.neurons.compute.frequencies",
    "analysis.saliency.compute.attribution",
    "analysis.saliency.compute.occlusion",
    "transformers.models.llama.modeling_llama",
)


@contextmanager
def warm_engines(folder: Path, environment: dict[str, str]) -> Iterator[str]:
    """An insttui whose engines are forks, on Linux.

    Args:
        folder: Where its socket and the program are put.
        environment: What differs from this process's when the engine's modules are imported.
    """
    address = folder / "engines"
    root = Path(__file__).parents[2]
    search = os.pathsep.join(filter(None, [str(root), os.environ.get("PYTHONPATH", "")]))
    with socket.socket(socket.AF_UNIX) as listener:
        # Who asks before everything is imported waits.
        listener.bind(str(address))
        listener.listen(64)
        server = subprocess.Popen(
            [sys.executable, "-P", __file__, "serve", str(listener.fileno())],
            env={**os.environ, **environment, "PYTHONPATH": search},
            stdin=subprocess.PIPE,
            pass_fds=[listener.fileno()],
        )
    program = folder / "insttui"
    command = (sys.executable, "-S", "-P", __file__, "ask", str(address))
    program.write_text(
        f"#!{sys.executable}\n"
        "import sys\n"
        "from analysis.session.process import EngineProcess\n"
        "from app.cli import main\n"
        f"EngineProcess.__init__.__defaults__ = ({command!r},)\n"
        "sys.exit(main())\n"
    )
    program.chmod(0o755)
    try:
        yield str(program)
    finally:
        # It has nothing to put away, and ends by itself where this process cannot end it.
        server.kill()
        server.communicate()


def serve(descriptor: str) -> None:
    """Fork an engine for everyone who asks, until standard input ends.

    Args:
        descriptor: Of the socket that they connect to.
    """
    for module in _MODULES:
        __import__(module)
    # A fork takes no thread along.
    assert threading.active_count() == 1
    with socket.socket(fileno=int(descriptor)) as listener:
        _fork_until_the_end(listener)


def _fork_until_the_end(listener: socket.socket) -> None:
    waiting = selectors.DefaultSelector()
    waiting.register(listener, selectors.EVENT_READ)
    waiting.register(sys.stdin, selectors.EVENT_READ)
    asking: dict[socket.socket, tuple[int, int]] = {}
    while True:
        for key, _ in waiting.select():
            if key.fileobj is sys.stdin:
                return
            if key.fileobj is listener:
                asker, _ = listener.accept()
                pid = _fork(asker)
                if pid is None:
                    asker.close()
                    continue
                end = os.pidfd_open(pid)
                asking[asker] = pid, end
                waiting.register(asker, selectors.EVENT_READ)
                waiting.register(end, selectors.EVENT_READ, asker)
                continue
            asker = key.data or key.fileobj
            if asker not in asking:
                continue
            pid, end = asking.pop(asker)
            if key.data is None:
                # Whoever asked was killed.
                os.kill(pid, signal.SIGKILL)
            _, status = os.waitpid(pid, 0)
            for each in (asker, end):
                waiting.unregister(each)
            with asker:
                if key.data is not None:
                    asker.sendall(_STATUS.pack(os.waitstatus_to_exitcode(status)))
            os.close(end)


def _fork(asker: socket.socket) -> int | None:
    message, pipes, _, _ = socket.recv_fds(asker, 1 << 20, 3)
    if len(pipes) < 3:
        # Killed before it could ask.
        return None
    pid = os.fork()
    if pid:
        for pipe in pipes:
            os.close(pipe)
        return pid
    status = 1
    try:
        os.setsid()
        for number, pipe in enumerate(pipes):
            os.dup2(pipe, number)
            os.close(pipe)
        folder, environment = json.loads(message)
        os.chdir(folder)
        os.environ.clear()
        os.environ.update(environment)
        # No connection may stay open here, neither this one nor the others'.
        os.closerange(3, 4096)
        from analysis.engine.__main__ import main

        main()
        status = 0
    except BaseException:
        traceback.print_exc()
    finally:
        sys.stderr.flush()
        os._exit(status)


def ask(address: str) -> None:
    """Hand over the pipes and end as the fork does."""
    with socket.socket(socket.AF_UNIX) as server:
        server.connect(address)
        message = json.dumps([str(Path.cwd()), dict(os.environ)]).encode()
        socket.send_fds(server, [message], [0, 1, 2])
        null = os.open(os.devnull, os.O_RDWR)
        for number in range(3):
            os.dup2(null, number)
        answer = server.recv(_STATUS.size)
    status = _STATUS.unpack(answer)[0] if answer else 1
    if status < 0:
        os.kill(os.getpid(), -status)
    sys.exit(status)


if __name__ == "__main__":
    {"serve": serve, "ask": ask}[sys.argv[1]](sys.argv[2])
