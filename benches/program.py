"""The program that is measured, as it is where it is installed."""

import atexit
import os
import shutil
import tempfile


def as_installed(path):
    """Copies a program as `cp`, `dpkg` and `cargo install` do, and tells where to.

    A linker writes its output through a mapping, page by page, and so it lies in the cache of the file system; what was copied lies there
    in larger pieces, which are mapped together. To start the same program from the linker's file takes up to a quarter longer.
    """
    folder = tempfile.mkdtemp(prefix="rawsock-bench-")
    atexit.register(shutil.rmtree, folder, ignore_errors=True)
    os.chmod(folder, 0o755)
    return shutil.copy(os.path.abspath(path), os.path.join(folder, "rawsock"))
