"""Says which process listens on a port, for messages that a port is taken, and who reaches an address."""

import ipaddress
import socket
from pathlib import Path

import psutil

MODULE, SCRIPT = "krypton.cli.main", "krypton"  # how Krypton is named in a command line


def is_taken(host: str, port: int) -> bool:
    """Whether a server could not listen there now. ``host``: empty for all addresses."""
    with socket.socket(socket.AF_INET, socket.SOCK_STREAM) as probe:
        # As servers do: connections of the last run that still time out are no obstacle, a listener is.
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((host, port))
        except OSError:
            return True
    return False


def only_here(host: str) -> bool:
    """Whether what listens on that address is reached from this machine alone."""
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"


def listener(port: int) -> str:
    """The process that listens on a port: its program and pid, and what it does where it is a process of Krypton."""
    for pid in _listening(port):
        try:
            return _said(psutil.Process(pid))
        except psutil.Error:  # it has just ended
            continue
    return "a program of another user"


def _listening(port: int) -> set[int]:
    try:
        found = psutil.net_connections("tcp")
    except psutil.Error:  # some systems tell only the administrator
        return set()
    return {c.pid for c in found if c.pid and c.status == psutil.CONN_LISTEN and tuple(c.laddr)[1:] == (port,)}


def _said(process: psutil.Process) -> str:
    """Program and pid; of a process of Krypton the command too. Other programs' arguments may hold secrets."""
    ours = _our_words(process.cmdline())
    return f"{process.name()} (pid {process.pid}{f', {ours}' if ours else ''})"


def _our_words(command: list[str]) -> str:
    for place, word in enumerate(command[:3]):
        if word == MODULE or Path(word).name == SCRIPT:
            return " ".join([SCRIPT, *command[place + 1 :]])
    return ""
