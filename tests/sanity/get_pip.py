"""Installs pip into a virtual environment of ansible-test.

ansible-test downloads a script for this from one of Ansible's servers. This one takes its place and
needs only the package index.
"""

import subprocess
import sys

#: Arguments that pip itself doesn't know.
ONLY_FOR_GET_PIP = {"--no-setuptools", "--no-wheel"}

python = [sys.executable, "-m"]
wanted = [argument for argument in sys.argv[1:] if argument not in ONLY_FOR_GET_PIP]
# A process of its own: ensurepip turns pip's configuration off in its process.
subprocess.run([*python, "ensurepip"], check=True, stdout=subprocess.DEVNULL)
subprocess.run([*python, "pip", "install", *wanted], check=True)
