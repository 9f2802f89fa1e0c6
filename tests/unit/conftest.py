"""The pure parts are imported as the modules import them, without Ansible's loader."""

import importlib
import sys

for name in ("evenfloor_inventory", "evenfloor_phones", "evenfloor_adopt", "evenfloor_hook"):
    sys.modules[f"ansible.module_utils.{name}"] = importlib.import_module(name)
