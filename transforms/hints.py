"""What a step asks of the machines that it runs on, as Beam's resource hints have it."""

import re

_RAM = re.compile(r"\d+(\.\d+)?[KMGT]i?B")


def make_hints(accelerator: str | None = None, min_ram: str | None = None) -> dict[str, str]:
    """The hints of those that are given. ValueError for what Beam or Dataflow would not understand."""
    if accelerator is not None and not accelerator.startswith("type:"):
        raise ValueError(f"accelerator must be type:NAME;count:NUMBER…, got {accelerator!r}")
    if min_ram is not None and not _RAM.fullmatch(min_ram):
        raise ValueError(f"min_ram must be a size such as 30GB, got {min_ram!r}")
    hints = {"accelerator": accelerator, "min_ram": min_ram}
    return {name: hint for name, hint in hints.items() if hint is not None}
