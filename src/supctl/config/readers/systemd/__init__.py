"""systemd's ``.service`` units: one program each, named as the file is."""

from __future__ import annotations

from typing import Final

from supctl.config.imports import Import
from supctl.config.reading import join
from supctl.config.source import Source
from supctl.config.syntax import decode

from .keys import LOUD, RLIMITS, SERVICE
from .service import Service
from .unit import Directive, Unit, parse_unit

_SECTIONS: Final = ("Unit", "Service", "Install")
_FORGETS: Final = "it forgets what was said before"
_FORGOTTEN: Final = "an empty one that follows forgets it"


def claims(source: Source) -> bool:
    """Return whether a file is a service: it is called so."""
    return True


def read(source: Source, found: Import) -> None:
    """Fill ``found`` with the program of a unit."""
    directives = parse_unit(decode(source.content, str(source.path)), str(source.path))
    found.lines |= {it.place: it.line for it in directives}
    found.lines["Service"] = next((it.line for it in directives if it.section == "Service"), 1)
    name = found.name(source.path.name.removesuffix(".service").rstrip("@"), "Service")
    unit = Unit(directives)
    service = Service(unit, source, found)
    app = service.app()
    for it in directives:
        if it in unit.all(it.key):
            _remark(it, service, found, join("apps", name))
        else:
            found.leave_out(it.place, _FORGOTTEN if it.value else _FORGETS)
    if app["command"]:
        found.document = {"apps": {name: app}}


def _remark(directive: Directive, service: Service, found: Import, became: str) -> None:
    key, place = directive.key, directive.place
    if directive.section not in _SECTIONS:
        found.leave_out(place, "systemd passes over sections that are not its own")
    elif key in service.left_out:
        found.leave_out(place, service.left_out[key])
    elif key in service.details:
        found.change(place, f"{became}.{SERVICE.mapped[key]}", service.details[key])
    elif key in RLIMITS:
        found.map(place, f"{became}.rlimits.{RLIMITS[key]}")
    else:
        SERVICE.remark(found, key, place, became)
        if key in LOUD:
            found.reader.notes.append(f"{place} is left out: {SERVICE.left_out[key]}")
