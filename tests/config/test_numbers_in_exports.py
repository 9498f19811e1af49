"""What instances have of their own, in the files of other tools."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any

import pytest

from supctl.config import load
from supctl.config.exports import KINDS, Export, export_tree
from supctl.specs import App, Supervisor


def exported(kind: str, **options: Any) -> Export:
    told: dict[str, Any] = {"command": ["/bin/echo", "x"], "cwd": "/", "instances": 2, "env": {}}
    root = Supervisor("shop", [App("web", **told | options)], max_restarts=None)
    return export_tree(root, kind, Path("/"), {})


def text(made: Export) -> str:
    return "".join(made.files.values())


@pytest.mark.parametrize("kind", KINDS)
def test_each_instance_is_a_program_where_a_tool_cannot_say_it(kind: str) -> None:
    made = exported(kind, command=["/bin/echo", "{instance}-{index}", "{{port}}"], port=8000)
    for number in (1, 2):
        assert f"{number}-{number - 1}" in text(made)
        assert str(7999 + number) in text(made)
    assert "{port}" in text(made)
    assert "{{" not in text(made)
    assert "apps.web.instances" in {it.place for it in made.remarks}


def test_the_instance_of_a_unit_is_its_number() -> None:
    made = exported("systemd", env={"A": "50%-{instance}"}, command=["/bin/echo", "{instance}"])
    unit = made.files["shop-web@.service"]
    assert 'Environment="A=50%%-%i"' in unit
    assert re.search(r'^ExecStart=/bin/echo "%i"$', unit, re.MULTILINE)


@pytest.mark.parametrize(("name", "start"), [("instance", 1), ("index", 0)])
def test_supervisord_numbers_from_0_or_1(name: str, start: int, tmp_path: Path) -> None:
    made = exported("supervisord", command=["/bin/echo", f"%{{{name}}} {{{{port}}}}"])
    path = tmp_path / "supervisord.conf"
    path.write_text(text(made))
    (app,) = load(path, {"PATH": "/bin"}).root.children
    assert isinstance(app, App)
    assert f"numprocs_start={start}" in text(made)
    assert [app.instance(it).command[1] for it in (1, 2)] == [
        f"%{start + it} {{port}}" for it in (0, 1)
    ]


def test_process_compose_tells_replicas_their_number() -> None:
    made = exported("compose", env={"N": "{index}"})
    assert '"N={{.PC_REPLICA_NUM}}"' in text(made)
    assert "is_template_disabled" not in text(made)


@pytest.mark.parametrize("variable", ["NODE_APP_INSTANCE", "WORKER"])
def test_pm2_tells_copies_their_number(variable: str) -> None:
    made = exported("pm2", env={variable: "{index}", "A": "{{index}}"})
    said = json.loads(text(made).removeprefix("module.exports = ").rstrip(";\n"))
    (app,) = said["apps"]
    assert (app["instances"], app["env"]) == (2, {"A": "{index}"})
    assert app.get("instance_var", "NODE_APP_INSTANCE") == variable
