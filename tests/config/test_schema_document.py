"""What is told of keys: the JSON Schema, and docs/configuration.md.

``WRITE_CONFIGURATION=1`` has the tables of the page written anew.
"""

from __future__ import annotations

import inspect
import json
import os
import tomllib
from pathlib import Path
from typing import Any, Final

import fastjsonschema
import pytest
from click.testing import CliRunner

from supctl.cli.main import main
from supctl.config import load
from supctl.config import probes as probe_tables
from supctl.config.json_schema import json_schema
from supctl.config.keys import keys_of
from supctl.config.reading import hints
from supctl.config.reference import reference
from supctl.config.schema import AppKeys, HealthKeys, LayerKeys, LogKeys, ReadyKeys, policies
from supctl.config.schema import children as child_tables

PROJECT: Final = Path(__file__).parents[2]
PAGE: Final = PROJECT / "docs" / "configuration.md"
MARK: Final = "<!-- Below this line everything is made from supctl/config/schema. -->\n"

SCHEMAS: Final = [
    it
    for module in (child_tables, policies)
    for it in vars(module).values()
    if inspect.isclass(it) and it.__name__.endswith("Keys")
] + [LayerKeys]

is_right: Final = fastjsonschema.compile(json_schema(), use_default=False)


def test_the_page_holds_what_the_schema_says() -> None:
    prose, mark, _ = PAGE.read_text().partition(MARK)
    assert mark
    page = f"{prose}{MARK}\n{reference()}"
    if os.environ.get("WRITE_CONFIGURATION"):
        PAGE.write_text(page)
    assert PAGE.read_text() == page, "WRITE_CONFIGURATION=1 writes the page anew"


def test_examples_of_the_page_can_be_used(tmp_path: Path) -> None:
    texts = PAGE.read_text().partition(MARK)[0].split("```toml\n")[1:]
    assert texts
    (tmp_path / "base.toml").write_text("")
    (tmp_path / ".env").write_text("")
    for text in texts:
        path = tmp_path / "supctl.toml"
        path.write_text(text.partition("```")[0])
        load(path, {"PATH": os.environ["PATH"], "TOKEN": "x"}, to_run_here=False)
        is_right(tomllib.loads(path.read_text()))


@pytest.mark.parametrize("schema", SCHEMAS, ids=lambda it: it.__name__)
def test_every_key_has_a_meaning_that_is_a_sentence(schema: type) -> None:
    for key, told in keys_of(schema).items():
        assert told.meaning.endswith("."), key
        assert len(told.meaning) < 250, key


def test_questions_have_the_keys_that_are_read() -> None:
    details = probe_tables._DETAILS["http"]
    for schema, kinds in (
        (ReadyKeys, probe_tables._READY_PROBES),
        (HealthKeys, probe_tables._HEALTH_PROBES),
    ):
        others = {"timeout"} if schema is ReadyKeys else probe_tables._HEALTH_KEYS.keys()
        assert hints(schema).keys() == {*kinds, *details, *others}


def test_defaults_are_those_of_specs() -> None:
    app, log = keys_of(AppKeys), keys_of(LogKeys)
    assert (app["restart"].default, app["inherit_env"].default) == ("always", False)
    assert (log["max_size"].default, log["every"].default) == (50 * 2**20, "never")


def test_the_command_prints_the_schema() -> None:
    result = CliRunner().invoke(main, ["schema"])
    assert json.loads(result.output) == json_schema()
    assert len(result.output) < 200_000


RIGHT: Final = """
include = ["base.toml"]
[supervisor]
max_restarts = "unlimited"
[defaults]
env_file = [".env", { path = "local.env", optional = true }]
env_test = { A = "1" }
[apps.web]
command = "sleep 1"
restart = "${RESTART}"
stop = { grace = "1m30s", signal = 15 }
log = { max_size = "50M", keep = "unlimited" }
health = { http = 80, path = "/up", interval = 3 }
limits = { cpu = "50%", memory = "1.5G" }
rlimits = { nofile = [1024, "unlimited"] }
inherit_env = ["AWS_*"]
[apps.group.apps.actor]
actor = "m:C"
hung_after = "never"
[profiles.test.apps.web]
command = ["sleep", "2"]
"""


def test_the_schema_takes_what_we_take() -> None:
    is_right(tomllib.loads(RIGHT))
    for example in (PROJECT / "examples").glob("*.toml"):
        is_right(tomllib.loads(example.read_text()))


@pytest.mark.parametrize(
    ("key", "value"),
    [
        ("restrat", "always"),
        ("restart", "alwyas"),
        ("env", {"A": 1}),
        ("stop", {"grace": "1 week"}),
        ("instances", 0),
        ("limits", {"memory": "much"}),
        ("health", {"htpp": 80}),
        ("command", []),
        ("env_file", {"paht": ".env"}),
    ],
)
def test_the_schema_marks_what_is_wrong(key: str, value: Any) -> None:
    right = {"apps": {"web": {"command": ["a"]}}}
    is_right(right)
    with pytest.raises(fastjsonschema.JsonSchemaValueException):
        is_right({"apps": {"web": {"command": ["a"], key: value}}})
