"""Which addresses accept a TCP connection: `python -c <this> SECONDS PORT ADDRESS ...` prints them, a line for each.

Runs behind the wall, where no file of the program need be visible. Sends nothing over a connection.
"""

from __future__ import annotations

import errno
import select
import socket
import sys
import time

# connect(2), and what the socket layer returns where a family of addresses or a destination is forbidden.
_UNREACHABLE = {
    errno.EACCES,
    errno.EADDRNOTAVAIL,
    errno.EAFNOSUPPORT,
    errno.ECONNABORTED,
    errno.ECONNREFUSED,
    errno.ECONNRESET,
    errno.EHOSTDOWN,
    errno.EHOSTUNREACH,
    errno.ENETDOWN,
    errno.ENETUNREACH,
    errno.EPERM,
    errno.ETIMEDOUT,
}


def accepting(addresses: list[str], port: int, seconds: float) -> list[str]:
    """Those that accept a connection on the port within the time; all are tried at once.

    Raises:
        OSError: one could not be tried, so nothing is known about it.
    """
    result, pending = [], {}
    for address in addresses:
        try:
            connection = socket.socket(socket.AF_INET6 if ":" in address else socket.AF_INET, socket.SOCK_STREAM)
        except OSError as error:
            _require_unreachable(error.errno or 0)
            continue
        connection.settimeout(0)
        code = connection.connect_ex((address, port))
        if code in {0, errno.EINPROGRESS}:
            pending[connection] = address
        else:
            connection.close()
            _require_unreachable(code)
    end = time.monotonic() + seconds
    while pending and (remaining := end - time.monotonic()) > 0:
        for connection in select.select([], list(pending), [], remaining)[1]:
            address = pending.pop(connection)
            code = connection.getsockopt(socket.SOL_SOCKET, socket.SO_ERROR)
            connection.close()
            if code:
                _require_unreachable(code)
            else:
                result.append(address)
    for connection in pending:
        connection.close()
    return sorted(result)


def _require_unreachable(code: int) -> None:
    if code not in _UNREACHABLE:
        raise OSError(code, errno.errorcode.get(code, "unknown"))


if __name__ == "__main__":
    for address in accepting(sys.argv[3:], int(sys.argv[2]), float(sys.argv[1])):
        sys.stdout.write(f"{address}\n")
