"""Prints what the package `evenfloor` depends on, as arguments for pip."""

from pathlib import Path

import tomllib

PROJECT = Path(__file__).parents[1] / "plugins/balancer/pyproject.toml"

if __name__ == "__main__":
    print(*tomllib.loads(PROJECT.read_text())["project"]["dependencies"])
