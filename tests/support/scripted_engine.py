"""An engine process without torch that does what the prompt of each request says.

Run by the session's tests in place of `analysis.engine`: a dying, a deaf and a polite engine
are real processes on real pipes.
"""

from __future__ import annotations

import os
import queue
import signal
import sys
import threading
import time

import numpy as np

from analysis.events import Cancelled, Event, Failed, Finished, Partial, Pause, Progress
from analysis.models.tokens import Tokens
from analysis.problems import Problem
from analysis.saliency.request import AttributionRequest
from analysis.saliency.result import Attribution
from analysis.session.protocol import Cancel, Holds, Run, Said, ToEngine, frame, read_frame
from cache.codec import decode


def attribution_of(request: AttributionRequest) -> Attribution:
    """A result that depends on the prompt, so that mixed-up answers show."""
    return Attribution(
        model=request.model.name,
        prompt=request.prompt,
        prompt_tokens=Tokens(ids=(1,), texts=(request.prompt,), spans=((0, len(request.prompt)),)),
        response_tokens=Tokens(ids=(2,), texts=("yes",), spans=((0, 3),)),
        importance=np.full((1, 1), float(len(request.prompt)), np.float32),
        target=request.target,
        method="reverse",
        device="cpu",
        dtype="float32",
        ended="end",
        seconds=0.0,
    )


def main() -> None:
    """Serve until the pipe ends."""
    cancelled: set[int] = set()
    told: queue.SimpleQueue[int] = queue.SimpleQueue()
    waiting: queue.SimpleQueue[Run] = queue.SimpleQueue()

    def listen() -> None:
        while (body := read_frame(sys.stdin.buffer)) is not None:
            message = decode(body, ToEngine)
            if isinstance(message, Run):
                waiting.put(message)
                continue
            if isinstance(message, Cancel):
                cancelled.add(message.job)
            told.put(message.job)
        os._exit(0)

    def say(message: Said | Holds) -> None:
        sys.stdout.buffer.write(frame(message))
        sys.stdout.buffer.flush()

    threading.Thread(target=listen, daemon=True).start()
    say(Holds(()))
    # How often each prompt paused.
    pauses: dict[str, int] = {}
    while True:
        run = waiting.get()
        request = run.asked()
        assert isinstance(request, AttributionRequest)
        ending: Event = Finished(attribution_of(request))
        if request.prompt == "exit":
            print("the last words", file=sys.stderr)
            os._exit(3)
        if request.prompt == "killed":
            os.kill(os.getpid(), signal.SIGKILL)
        if request.prompt == "wrong kind":
            ending = Finished(attribution_of(request).prompt_tokens)
        if request.prompt == "refuse":
            ending = Failed(Problem(kind="input", what="Refused."))
        if request.prompt == "partial":
            say(Said.of(run.job, Progress(stage="attribute", done=1, total=2)))
            say(Said.of(run.job, Partial(attribution_of(request))))
        while request.prompt.startswith("pauses") and pauses.setdefault(request.prompt, 0) < 2:
            pauses[request.prompt] += 1
            say(Said.of(run.job, Progress("attribute", pauses[request.prompt], 2)))
            say(Said.of(run.job, Pause()))
            while told.get() != run.job:
                pass
            if run.job in cancelled:
                cancelled.discard(run.job)
                ending = Cancelled()
                break
        if request.prompt == "deaf":
            say(Said.of(run.job, Progress(stage="attribute", done=0, total=None)))
            time.sleep(600)
        if request.prompt == "polite":
            say(Said.of(run.job, Progress(stage="attribute", done=0, total=None)))
            while run.job not in cancelled:
                time.sleep(0.01)
            cancelled.discard(run.job)
            ending = Cancelled()
        say(Said.of(run.job, ending))


if __name__ == "__main__":
    main()
