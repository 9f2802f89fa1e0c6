"""/etc/evenfloor/evenfloor.ini, and EVENFLOOR_<SECTION>_<KEY> in the environment over it."""

from __future__ import annotations

import configparser
import os
from collections.abc import Mapping
from dataclasses import dataclass, field, fields

from .errors import ConfigurationError
from .policy import IGNORE, PREFER, REQUIRE

DEFAULT_PATH = "/etc/evenfloor/evenfloor.ini"


@dataclass(frozen=True)
class DatabaseConfig:
    """How the database is reached. A ``unix_socket``, where given, wins over host and port."""

    host: str = "127.0.0.1"
    port: int = 3306
    unix_socket: str = ""
    name: str = "asterisk"
    user: str = "evenfloor"
    password: str = field(default="", repr=False)


@dataclass(frozen=True)
class BalancerConfig:
    """How the choice is made. Times are in seconds."""

    heartbeat_timeout: int = 5
    lock_timeout: int = 3
    registration: str = PREFER
    reservation_ttl: int = 10
    decisions_kept: int = 30 * 24 * 3600


@dataclass(frozen=True)
class LoginConfig:
    """Where the login service listens."""

    address: str = "127.0.0.1"
    port: int = 8080
    workers: int = 4


@dataclass(frozen=True)
class DialerConfig:
    """What the daemon on a dialer needs. Times are in seconds."""

    server_ip: str = ""
    ami_host: str = "127.0.0.1"
    ami_port: int = 5038
    ami_user: str = "evenfloor"
    ami_secret: str = field(default="", repr=False)
    poll_interval: float = 0.05
    ring_timeout: int = 30


@dataclass(frozen=True)
class Config:
    """The whole configuration, a section an attribute."""

    database: DatabaseConfig = field(default_factory=DatabaseConfig)
    balancer: BalancerConfig = field(default_factory=BalancerConfig)
    login: LoginConfig = field(default_factory=LoginConfig)
    dialer: DialerConfig = field(default_factory=DialerConfig)


_SECTIONS = {part.name: part.default_factory for part in fields(Config)}


def _converted(kind: type, text: str, where: str):
    try:
        return kind(text)
    except ValueError:
        wanted = {int: "a whole number", float: "a number"}[kind]
        raise ConfigurationError(f"{where}: '{text}' is not {wanted}") from None


def _section(name: str, values: Mapping[str, str], environment: Mapping[str, str]):
    section = _SECTIONS[name]
    kinds = {part.name: type(part.default) for part in fields(section)}
    unknown = sorted(set(values) - set(kinds))
    if unknown:
        raise ConfigurationError(
            f"[{name}] {unknown[0]} is not a setting; known are {', '.join(sorted(kinds))}"
        )
    chosen = {key: _converted(kinds[key], text, f"[{name}] {key}") for key, text in values.items()}
    for key, kind in kinds.items():
        variable = f"EVENFLOOR_{name}_{key}".upper()
        if variable in environment:
            chosen[key] = _converted(kind, environment[variable], variable)
    return section(**chosen)


def load(path: str = DEFAULT_PATH, environment: Mapping[str, str] = os.environ) -> Config:
    """Read the configuration.

    Args:
        path: the INI file.
        environment: where the overriding variables are looked up.

    Raises:
        ConfigurationError: the file can't be read, or holds a section, key or value that is
            not known.
    """
    parser = configparser.ConfigParser(interpolation=None)
    try:
        with open(path, encoding="utf-8") as file:
            parser.read_file(file)
    except OSError as error:
        raise ConfigurationError(f"{path} can't be read: {error.strerror}") from None
    except configparser.Error as error:
        raise ConfigurationError(f"{path} is not an INI file: {error}") from None
    unknown = sorted(set(parser.sections()) - set(_SECTIONS))
    if unknown:
        raise ConfigurationError(
            f"{path}: [{unknown[0]}] is not a section; known are {', '.join(_SECTIONS)}"
        )
    config = Config(
        **{
            name: _section(name, parser[name] if name in parser else {}, environment)
            for name in _SECTIONS
        }
    )
    if config.balancer.registration not in (PREFER, REQUIRE, IGNORE):
        raise ConfigurationError(
            f"[balancer] registration: '{config.balancer.registration}' is none of "
            f"{PREFER}, {REQUIRE}, {IGNORE}"
        )
    return config
