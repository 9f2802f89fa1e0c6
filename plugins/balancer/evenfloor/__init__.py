"""Evenfloor's balancer: one login per agent, the dialer with the fewest agents rings."""

from .answers import Choice, Session
from .balancer import Balancer
from .errors import LoginRefused

__all__ = ["Balancer", "Choice", "LoginRefused", "Session"]
__version__ = "0.1.0"
