"""``share_port``: instances of a Node.js program listen on one port."""

from __future__ import annotations

import json
import os
import re
import shutil
import socket
import subprocess
from pathlib import Path

import pytest

from supctl.config import ConfigErrors, load
from supctl.config.port_sharing import with_shared_port
from supctl.specs import App

NODE = shutil.which("node")
OPTION = with_shared_port({})["NODE_OPTIONS"]
LOADED_FIRST = json.loads(OPTION.removeprefix("--require="))

needs_node = pytest.mark.skipif(NODE is None, reason="there is no node")


def node(program: str, **env: str) -> str:
    assert NODE is not None
    done = subprocess.run(
        [NODE, "-e", program], capture_output=True, text=True, env={**os.environ, **env}, check=True
    )
    return done.stdout


def version() -> tuple[int, ...]:
    told = node("console.log(process.versions.node)") if NODE else "0"
    return tuple(map(int, re.findall(r"\d+", told)))[:2]


def test_it_becomes_an_option_of_node(tmp_path: Path) -> None:
    file = tmp_path / "supctl.toml"
    file.write_text(
        '[apps.a]\ncommand = ["sh"]\nshare_port = true\nenv = { NODE_OPTIONS = "--trace-exit" }\n'
        '[apps.b]\ncommand = ["sh"]\nshare_port = false\n'
    )
    a, b = load(file).root.children
    assert isinstance(a, App)
    assert isinstance(b, App)
    assert a.env is not None
    assert b.env is not None
    assert a.env["NODE_OPTIONS"] == f"--trace-exit {OPTION}"
    assert "NODE_OPTIONS" not in b.env


def test_it_is_said_once_only() -> None:
    env = with_shared_port({"A": "1"})
    assert with_shared_port(env) == env


def test_it_needs_an_environment_of_its_own(tmp_path: Path) -> None:
    file = tmp_path / "supctl.toml"
    file.write_text('[apps.a]\ncommand = ["sh"]\nshare_port = true\nport = 80\n')
    with pytest.raises(ConfigErrors, match=r"share_port is there besides port"):
        load(file)
    file.write_text('[apps.a]\ncommand = ["sh"]\nshare_port = true\ninherit_env = "at-start"\n')
    with pytest.raises(ConfigErrors, match=r"share_port is there besides inherit_env"):
        load(file)


def test_it_adds_to_no_secret(tmp_path: Path) -> None:
    file = tmp_path / "supctl.toml"
    text = '[apps.a]\ncommand = ["sh"]\nenv = { NODE_OPTIONS = { file = "x" } }\n'
    file.write_text(f"{text}share_port = true\n")
    with pytest.raises(ConfigErrors, match=r"NODE_OPTIONS is a secret besides share_port"):
        load(file)
    file.write_text(text)
    load(file)


WATCHED = """
const source = require('fs').readFileSync(FILE, 'utf8');
const heard = [];
const net = { Server: class { listen(...given) { heard.push(given); } } };
const fake = { versions: { node: VERSION }, platform: PLATFORM, on() {} };
const load = new Function('require', 'process', source);
load((name) => (name === 'node:net' ? net : require(name)), fake);
const done = () => 0;
const server = new net.Server();
for (const given of [[80], ['80', done], [80, 'h', 5, done], [80, 5], [{ port: 80, host: 'h' }],
                     [{ port: 80, reusePort: false }], [0], [], ['/socket', done], [null],
                     [{ fd: 3 }], [{ port: 0 }]]) {
  server.listen(...given);
}
console.log(JSON.stringify(heard.map((given) =>
  given.map((it) => (it === done ? 'done' : it === undefined ? null : it)))));
"""


def heard(version: str, platform: str = "linux") -> list[object]:
    program = WATCHED.replace("FILE", json.dumps(LOADED_FIRST))
    program = program.replace("VERSION", json.dumps(version))
    told = json.loads(node(program.replace("PLATFORM", json.dumps(platform))))
    assert isinstance(told, list)
    return told


@needs_node
@pytest.mark.parametrize("version", ["22.12.0", "23.1.0", "24.0.0", "100.1.2"])
def test_whoever_listens_on_a_port_shares_it(version: str) -> None:
    shared = {"port": 80, "reusePort": True}
    assert heard(version) == [
        [shared],
        [shared, "done"],
        [{**shared, "host": "h", "backlog": 5}, "done"],
        [{**shared, "backlog": 5}],
        [{**shared, "host": "h"}],
        [{"port": 80, "reusePort": False}],
        *([0], [], ["/socket", "done"], [None], [{"fd": 3}], [{"port": 0}]),
    ]


@needs_node
@pytest.mark.parametrize(
    ("version", "platform"),
    [("20.20.2", "linux"), ("22.11.0", "linux"), ("23.0.1", "linux"), ("24.0.0", "darwin")],
)
def test_where_node_cannot_nothing_is_changed(version: str, platform: str) -> None:
    assert heard(version, platform)[0] == [80]


SERVER = """
const server = require('http').createServer();
server.listen(process.argv[1], '127.0.0.1', () => console.log('listens'));
process.stdin.on('end', () => process.exit()).resume();
"""


def serving(port: int) -> subprocess.Popen[str]:
    """Start a server that ends when its input does."""
    assert NODE is not None
    return subprocess.Popen(
        [NODE, "-e", SERVER, str(port)],
        env={**os.environ, "NODE_OPTIONS": OPTION},
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )


@needs_node
@pytest.mark.skipif(version() >= (22, 12), reason="this Node.js can share a port")
def test_an_older_node_that_finds_the_port_taken_says_which_one_shares_it() -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        server = serving(taken.getsockname()[1])
        _, errors = server.communicate()
    assert server.returncode == 1
    assert "instances can share a port from Node.js 22.12 on" in errors


@needs_node
@pytest.mark.skipif(version() < (22, 12), reason="only Node.js 22.12 and later can share a port")
def test_two_programs_listen_on_one_port() -> None:
    with socket.create_server(("127.0.0.1", 0), reuse_port=True) as other:
        servers = [serving(other.getsockname()[1]) for _ in range(2)]
        for server in servers:
            assert server.stdout is not None
            assert server.stdout.readline() == "listens\n"
        for server in servers:
            server.communicate()
