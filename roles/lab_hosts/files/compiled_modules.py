# Copyright: Evenfloor contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Keeps what Python makes of the sources in zip files, as it does of those in folders.

Ansible sends a module to a host as a zip file of sources, which Python compiles anew for each task:
a third of what a task costs. On the lab's hosts, and in the clone's virtual environment, a ``.pth``
file imports this when Python starts. No host in production has it.

What was compiled is found by its source, so it is never stale. Where it can't be read or kept,
Python compiles as ever.
"""

import marshal
import os
import zipimport

# hashlib takes longer to import than most modules to compile.
from _blake2 import blake2b

FOLDER = os.path.join(os.path.dirname(__file__), "compiled_modules.cache")
_compile = zipimport._compile_source


def compiled(pathname, source):
    """Return the code of a module in a zip file, from the cache if it is there.

    Args:
        pathname: the module's path, which begins with that of the zip file.
        source: the bytes of its source.
    """
    inside = pathname.rpartition(".zip/")[2].encode()
    path = os.path.join(FOLDER, blake2b(inside + b"\0" + source, digest_size=20).hexdigest())
    try:
        with open(path, "rb") as file:
            return marshal.loads(file.read())
    except (OSError, EOFError, ValueError, TypeError):
        pass
    code = _compile(pathname, source)
    # Whoever is killed here, or writes the same at once, leaves no half of a file under its name.
    unfinished = f"{path}.{os.getpid()}"
    try:
        with open(unfinished, "wb") as file:
            file.write(marshal.dumps(code))
        os.rename(unfinished, path)
    except OSError:
        pass
    return code


zipimport._compile_source = compiled
