#!/usr/bin/python
# Copyright: Evenfloor contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Documentation of the action that makes a PDF of a page."""

from __future__ import annotations

DOCUMENTATION = r"""
module: pdf
short_description: Make a PDF of a page
version_added: "0.1.0"
description:
  - Makes a PDF of an HTML file on the control node. Only its owner can read it.
  - An action plugin. It runs nothing on the target. The control node needs C(weasyprint).
options:
  src:
    description: The HTML file. Without it and O(dest), the action only checks that it could.
    type: path
  dest:
    description: The PDF. It is made anew if the page is newer.
    type: path
attributes:
  check_mode:
    support: full
  diff_mode:
    support: none
extends_documentation_fragment: evenfloor.cluster.attributes
author:
  - Evenfloor contributors (@evenfloor)
"""

EXAMPLES = r"""
- name: Print the page of an alias
  evenfloor.cluster.pdf:
    src: credentials/phones/101x.html
    dest: credentials/phones/101x.pdf
"""

RETURN = r"""
path:
  description: The PDF.
  returned: with O(dest)
  type: str
  sample: credentials/phones/101x.pdf
"""
