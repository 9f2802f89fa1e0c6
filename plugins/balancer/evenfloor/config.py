"""/etc/evenfloor/evenfloor.ini, and EVENFLOOR_<SECTION>_<KEY> in the environment over it."""

from __future__ import annotations

import configparser
import os
from collections.abc import Mapping
from dataclasses import dataclass, field, fields

from .errors import ConfigurationError
from .policy import IGNORE, PREFER, REQUIRE

DEFAULT_PATH = "/etc/evenfloor/evenfloor.ini"
REGISTRATIONS = (PREFER, REQUIRE, IGNORE)


def _number(default: float, least: float, most: float = 2**31):
    """A setting that is a number within bounds."""
    return field(  # pylint: disable=invalid-field-call
        default=default, metadata={"least": least, "most": most}
    )


def _port(default: int):
    return _number(default, 1, 65535)


@dataclass(frozen=True)
class DatabaseConfig:
    """How the database is reached. A ``unix_socket``, where given, wins over host and port."""

    host: str = "127.0.0.1"
    port: int = _port(3306)
    unix_socket: str = ""
    name: str = "asterisk"
    user: str = "evenfloor"
    password: str = field(default="", repr=False)


@dataclass(frozen=True)
class BalancerConfig:
    """How the choice is made. Times are in seconds."""

    heartbeat_timeout: int = _number(5, 1)
    lock_timeout: int = _number(3, 0, 300)
    registration: str = PREFER
    reservation_ttl: int = _number(10, 1, 3600)
    decisions_kept: int = _number(30 * 24 * 3600, 0)


@dataclass(frozen=True)
class LoginConfig:
    """Where the login service listens."""

    address: str = "127.0.0.1"
    port: int = _port(8080)
    workers: int = _number(4, 1)


@dataclass(frozen=True)
class DialerConfig:
    """What the daemon on a dialer needs. Times are in seconds."""

    server_ip: str = ""
    ami_host: str = "127.0.0.1"
    ami_port: int = _port(5038)
    ami_user: str = "evenfloor"
    ami_secret: str = field(default="", repr=False)
    poll_interval: float = _number(0.05, 0.001, 60)
    ring_timeout: int = _number(30, 1, 3600)


@dataclass(frozen=True)
class Config:
    """The whole configuration, a section an attribute."""

    database: DatabaseConfig = field(default_factory=DatabaseConfig)
    balancer: BalancerConfig = field(default_factory=BalancerConfig)
    login: LoginConfig = field(default_factory=LoginConfig)
    dialer: DialerConfig = field(default_factory=DialerConfig)


_SECTIONS = {part.name: part.default_factory for part in fields(Config)}


def _converted(setting, text: str, where: str):
    kind = type(setting.default)
    try:
        value = kind(text)
    except ValueError:
        wanted = {int: "a whole number", float: "a number"}[kind]
        raise ConfigurationError(f"{where}: '{text}' is not {wanted}") from None
    bounds = setting.metadata
    if bounds and not bounds["least"] <= value <= bounds["most"]:
        raise ConfigurationError(
            f"{where}: {text} is not between {bounds['least']} and {bounds['most']}"
        )
    return value


def _section(name: str, values: Mapping[str, str], environment: Mapping[str, str]):
    section = _SECTIONS[name]
    settings = {setting.name: setting for setting in fields(section)}
    unknown = sorted(set(values) - set(settings))
    if unknown:
        raise ConfigurationError(
            f"[{name}] {unknown[0]} is not a setting; known are {', '.join(sorted(settings))}"
        )
    chosen = {
        key: _converted(settings[key], text, f"[{name}] {key}") for key, text in values.items()
    }
    for key, setting in settings.items():
        variable = f"EVENFLOOR_{name}_{key}".upper()
        if variable in environment:
            chosen[key] = _converted(setting, environment[variable], variable)
    return section(**chosen)


def load(  # pylint: disable=dangerous-default-value
    path: str = DEFAULT_PATH, environment: Mapping[str, str] = os.environ
) -> Config:
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
    registration = config.balancer.registration
    if registration not in REGISTRATIONS:
        raise ConfigurationError(
            f"[balancer] registration: '{registration}' is none of {', '.join(REGISTRATIONS)}"
        )
    return config
