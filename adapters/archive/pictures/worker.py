"""One process that decodes: reads jobs from its input, and answers each; ends with its input, or at what it may take.

``python -m adapters.archive.pictures.worker SECONDS MIB``, by ``pool``.
"""

import json
import os
import resource
import signal
import sys
import warnings
from collections.abc import Callable, Mapping
from typing import IO, Any, Final

from adapters.archive.pictures.pool import LENGTH, LENGTHS

MIB: Final = 1 << 20


def main(words: list[str]) -> None:
    """Answer until the input ends."""
    limit_s, memory_mib = float(words[0]), int(words[1])
    resource.setrlimit(resource.RLIMIT_AS, (memory_mib * MIB, memory_mib * MIB))
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    signal.signal(signal.SIGALRM, signal.SIG_DFL)  # a decoder that hangs never comes back to Python: it is ended
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # the terminal's is the service's to answer
    warnings.simplefilter("ignore")
    os.nice(5)
    jobs, answers = os.fdopen(os.dup(0), "rb"), os.fdopen(os.dup(1), "wb")
    os.dup2(2, 1)  # a library that prints does not answer
    makers = _makers()
    while head := jobs.read(LENGTH.size):
        job = json.loads(jobs.read(LENGTH.unpack(head)[0]))
        signal.setitimer(signal.ITIMER_REAL, limit_s)
        said, made = _answer(makers, job)
        signal.setitimer(signal.ITIMER_REAL, 0)
        _send(answers, said, made)


def _makers() -> Mapping[str, Callable[[Mapping[str, Any]], bytes]]:
    """What can be made; imported before the first job."""
    from adapters.archive.pictures import codecs, render, transcode

    codecs.add()

    return {"picture": render.picture, "frame": transcode.frame, "instance": transcode.instance}


def _answer(makers: Mapping[str, Callable[[Mapping[str, Any]], bytes]], job: Mapping[str, Any]) -> tuple[bytes, bytes]:
    try:
        return b"{}", makers[job["do"]](job)
    except Exception as broken:  # whatever a library makes of broken pixels
        return json.dumps({"error": f"its pixels cannot be decoded ({type(broken).__name__})"}).encode(), b""


def _send(answers: IO[bytes], said: bytes, made: bytes) -> None:
    answers.write(LENGTHS.pack(len(said), len(made)) + said)
    answers.write(made)
    answers.flush()


if __name__ == "__main__":
    main(sys.argv[1:])
