"""A telnet client as the usual one is: it agrees to ECHO and SGA and tells its size."""

from __future__ import annotations

import os
import select
import socket
import sys
import tty

IAC, DONT, DO, WONT, WILL, SB, SE = 255, 254, 253, 252, 251, 250, 240
ECHO, SGA, NAWS = 1, 3, 31


def answer(verb: int, option: int) -> bytes:
    if verb == WILL:
        return bytes((IAC, DO if option in {ECHO, SGA} else DONT, option))
    if verb == DO and option == NAWS:
        size = os.get_terminal_size()
        return bytes((IAC, WILL, NAWS, IAC, SB, NAWS, 0, size.columns, 0, size.lines, IAC, SE))
    return bytes((IAC, WONT, option)) if verb == DO else b""


def main(host: str, port: str) -> None:
    tty.setraw(0)
    with socket.create_connection((host, int(port))) as peer:
        rest = b""
        while True:
            ready, _, _ = select.select([0, peer], [], [])
            if 0 in ready:
                peer.sendall(os.read(0, 4096).replace(b"\r", b"\r\0"))
            if peer in ready:
                octets = peer.recv(65536)
                if not octets:
                    return
                shown, rest = b"", rest + octets
                while (place := rest.find(b"\xff")) >= 0 and len(rest) >= place + 3:
                    shown += rest[:place]
                    peer.sendall(answer(rest[place + 1], rest[place + 2]))
                    rest = rest[place + 3 :]
                if place < 0:
                    shown, rest = shown + rest, b""
                os.write(1, shown)


if __name__ == "__main__":
    main(*sys.argv[1:])
