# Copyright: Evenfloor contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""What the documentation of all modules that take the inventory's aliases has in common."""

from __future__ import annotations


class ModuleDocFragment:
    """The option ``phone_aliases``."""

    DOCUMENTATION = r"""
options:
  phone_aliases:
    description:
      - The inventory's list.
    type: list
    elements: dict
    required: true
    suboptions:
      extensions:
        description: One alias for each of these, like C("101-160") or a list of such ranges.
        type: raw
        required: true
      suffix:
        description: What is appended to an extension to make its alias; C(x) by default.
        type: str
      dialers:
        description: The names of the dialers behind the alias; by default every dialer.
        type: list
        elements: str
      name:
        description: The alias's name; C({extension}) stands for the extension.
        type: str
      phone:
        description:
          - V(browser) makes the login page the phone, on clusters that Evenfloor built.
          - V(edge) is a phone that registers at the group C(sip_edge) alone, on such clusters.
          - V(sip) is every other phone.
        type: str
        choices: [sip, browser, edge]
      login_password:
        description: What the agent types; by default generated once for each alias.
        type: str
      registration_password:
        description: What the softphone uses; by default generated once for each alias.
        type: str
"""
