"""The kubelet's expansion of `$(NAME)` and `$$` in a container's command, args and env, done here as it does it there.

Kubernetes' rule: `$(NAME)` is the variable's value, or stays as written when there is no such variable; `$$` is `$`;
any other `$` is itself. What was expanded is not looked at again.
"""

import re
from collections.abc import Mapping
from typing import Any

from katib.spec.experiment import text_of

_REFERENCE = re.compile(r"\$(?:\$|\(([^)]*)\))")


def expand(text: str, env: Mapping[str, str]) -> str:
    """`text` with its references to `env` replaced."""
    return _REFERENCE.sub(lambda found: "$" if found[1] is None else env.get(found[1], found[0]), text)


def escape(text: str) -> str:
    """What `expand` turns into `text` again, whatever stands around it and whatever the variables are."""
    return text.replace("$", "$$")


def container_env(container: Mapping[str, Any], base: Mapping[str, str]) -> dict[str, str]:
    """`base` and the container's variables, each expanded with those before it; those with a valueFrom are left out."""
    env = dict(base)
    for entry in container.get("env") or ():
        if entry.get("valueFrom") is None:
            env[str(entry["name"])] = expand(str(text_of(entry.get("value") or "")), env)
    return env
