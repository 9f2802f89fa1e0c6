# Copyright: Evenfloor contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Which phones should register with a new dialer, and how they are told. Pure."""

from __future__ import annotations

import collections
from typing import NamedTuple

from ansible_collections.evenfloor.cluster.plugins.module_utils.inventory import EDGE
from ansible_collections.evenfloor.cluster.plugins.module_utils.phone_models import (
    FOLLOWING,
    MODELS,
    most_accounts,
    name_of,
)


class Floor(NamedTuple):
    """What phones there are, and where.

    Attributes:
        aliases: what ``inventory.expand_aliases`` returned.
        registered: extension and ``server_ip`` of each phone that is registered.
        models: the models of phones that fetch their accounts, by alias.
        opened: the ``server_ip`` of the dialers that have been opened.
        ready: names by ``server_ip`` of the dialers that this run has made ready, old or new.
        managed: the extensions of the inventory's seats, for which Ansible cares.
    """

    aliases: list
    registered: set
    models: dict
    opened: set
    ready: dict
    managed: set


class Follower(NamedTuple):
    """A phone that fetches its accounts and isn't registered with a new dialer.

    Attributes:
        alias: its alias.
        extension: its extension.
        model: its model.
        dialers: the names of the new dialers on which it isn't registered.
        teller: the name of the dialer that tells it; empty where none can.
    """

    alias: str
    extension: str
    model: str
    dialers: tuple
    teller: str


def find_followers(floor, following=None):
    """Find the phones that a new dialer still lacks.

    A phone of the edge has nothing to do. One that is registered nowhere is off: nobody waits for
    it. Nor for one that can't hold as many accounts as its alias has dialers, because it may have
    got others.

    Args:
        floor: a Floor.
        following: the models that follow; None for those that do by the table.

    Returns:
        Followers that are told and waited for, and those that don't follow by themselves.
    """
    following = FOLLOWING if following is None else following
    awaited, others = [], []
    for alias in floor.aliases:
        noted = floor.models.get(alias["alias_id"].lower(), "")
        known = name_of(noted) in MODELS
        if known and alias["kind"] != EDGE and alias["extension"] not in floor.managed:
            one = _follower(alias, noted, floor)
            if one and one.dialers:
                (awaited if one.teller and one.model in following else others).append(one)
    return awaited, others


def _follower(alias, noted, floor):
    """Return the phone of an alias; None where it is off, or can't hold that many accounts."""
    extension, places, most = alias["extension"], alias["server_ips"], most_accounts(noted)
    registered = [there for there in places if (extension, there) in floor.registered]
    through = [there for there in registered if there in floor.opened]
    if not through or (most and len(places) > most):
        return None
    missing = [there for there in places if there not in registered and there not in floor.opened]
    dialers = tuple(floor.ready[there] for there in missing if there in floor.ready)
    tellers = [floor.ready[there] for there in through if there in floor.ready]
    teller = next(iter(tellers), "")
    return Follower(alias["alias_id"], extension, name_of(noted), dialers, teller)


def waves(followers, size):
    """Group the phones that are told at once.

    Args:
        followers: those that are to be told.
        size: how many phones a wave has at most.

    Returns:
        Dicts with ``dialer`` (who tells them), ``event``, ``extensions`` and ``label``.
    """
    groups = collections.defaultdict(list)
    for one in followers:
        groups[one.teller, MODELS[one.model].event].append(one.extension)
    found = [
        {"dialer": dialer, "event": event, "extensions": extensions[first : first + size]}
        for (dialer, event), extensions in sorted(groups.items())
        for first in range(0, len(extensions), size)
    ]
    told = 0
    for wave in found:
        told += len(wave["extensions"])
        wave["label"] = f"{told} of {len(followers)} phones, through {wave['dialer']}"
    return found


def in_words(followers):
    """Name phones by alias and model, such as ``101x, 102x (yealink); 103x (linphone)``.

    Args:
        followers: dicts with ``alias`` and ``model``.
    """
    models = collections.defaultdict(list)
    for one in followers:
        models[one["model"]].append(one["alias"])
    return "; ".join(f"{', '.join(aliases)} ({model})" for model, aliases in models.items())
