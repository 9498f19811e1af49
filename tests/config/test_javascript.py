from __future__ import annotations

import json
import os
import re
import shutil
from collections.abc import Callable, Mapping
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import pytest

from supctl.config import ConfigErrors, load
from supctl.config.javascript.evaluation import evaluate
from supctl.specs import App

Evaluate = Callable[..., Any]

needs_node = pytest.mark.skipif(shutil.which("node") is None, reason="there is no node")
needs_quickjs = pytest.mark.skipif(find_spec("quickjs") is None, reason="supctl[js] is missing")

ENGINES = [pytest.param("node", marks=needs_node), pytest.param("quickjs", marks=needs_quickjs)]


@pytest.fixture(params=ENGINES)
def environ(request: pytest.FixtureRequest, tmp_path: Path) -> Mapping[str, str]:
    """What the engine under test is found by, and nothing else."""
    programs = tmp_path / "programs"
    programs.mkdir()
    if node := request.param == "node" and shutil.which("node"):
        (programs / "node").symlink_to(node)
    return {"PATH": str(programs), "PORT": "3000", "HOME": str(tmp_path)}


@pytest.fixture
def run(tmp_path: Path, environ: Mapping[str, str], monkeypatch: pytest.MonkeyPatch) -> Evaluate:
    monkeypatch.chdir(tmp_path)

    def run(text: str, name: str = "x.config.js", **more: Any) -> Any:
        Path(name).write_text(text)
        return evaluate(Path(name), environ, **more)

    return run


def sentences(run: Evaluate, text: str, name: str = "x.config.js", **more: Any) -> list[str]:
    with pytest.raises(ConfigErrors) as caught:
        run(text, name, **more)
    return [str(mistake).removeprefix(f"{name}:").strip() for mistake in caught.value.mistakes]


@pytest.mark.parametrize(
    ("text", "name"),
    [
        ("module.exports = {a: process.env.PORT}", "x.config.js"),
        ("exports.a = process.env.PORT", "x.config.cjs"),
        ("export default {a: process.env.PORT}", "x.config.mjs"),
        ("export const a = process.env.PORT", "x.config.mjs"),
        ("const a = process.env.PORT\nexport { a }", "x.config.mjs"),
        ("Object.assign(exports, {__esModule: true, default: {a: '3000'}})", "x.config.js"),
    ],
)
def test_what_a_file_exports(run: Evaluate, text: str, name: str) -> None:
    assert run(text, name) == {"a": "3000"}


def test_what_such_files_use(run: Evaluate, tmp_path: Path) -> None:
    (tmp_path / "other.js").write_text("module.exports = {one: 1}")
    (tmp_path / "data.json").write_text('{"two": 2}')
    found = run(
        """
        const path = require('path'), fs = require("node:fs"), os = require('os');
        const {one} = require('./other');
        module.exports = {
          one, ...require('./data.json'),
          here: path.join(__dirname, 'a', '..', 'b.js'), name: path.basename(__filename, '.js'),
          up: path.resolve('..'), end: path.extname('x/y.min.js'), cwd: process.cwd(),
          read: fs.readFileSync('./data.json', 'utf8').length, there: fs.existsSync('nowhere'),
          cpus: os.cpus().length, nothing: undefined, date: new Date(0),
          argv: process.argv.slice(1),
          computed: [1, 2].map((n) => `n${n}`),
        };
        """
    )
    assert found == {
        "one": 1,
        "two": 2,
        "here": f"{tmp_path}/b.js",
        "name": "x.config",
        "up": str(tmp_path.parent),
        "end": ".js",
        "cwd": str(tmp_path),
        "read": 10,
        "there": False,
        "cpus": os.cpu_count(),
        "date": "1970-01-01T00:00:00.000Z",
        "argv": [f"{tmp_path}/x.config.js"],
        "computed": ["n1", "n2"],
    }


def test_modules_import_as_modules_do(run: Evaluate, tmp_path: Path) -> None:
    text = """
    import path from 'node:path'
    import { fileURLToPath } from 'url'
    import * as os from 'os'
    export default { here: path.dirname(fileURLToPath(import.meta.url)), os: typeof os.cpus }
    """
    assert run(text, "x.config.mjs") == {"here": str(tmp_path), "os": "function"}


def test_the_profile_stands_where_pm2s_command_has_it(run: Evaluate) -> None:
    found = run("module.exports = process.argv.slice(2)", profile="production")
    assert found == ["--env", "production"]


def test_what_a_file_prints_goes_nowhere(run: Evaluate, capfd: pytest.CaptureFixture[str]) -> None:
    assert run("console.log('x'); console.error('y'); module.exports = {a: 1}") == {"a": 1}
    assert capfd.readouterr() == ("", "")


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("module.exports = () => ({})", ["exports what is a function;"]),
        ("module.exports = class A {}", ["exports what is a class;"]),
        ("module.exports = Promise.resolve({})", ["exports what is a promise;"]),
        (
            "module.exports = {a: {b: [1, () => 1, Symbol('x'), 10n, NaN, new Map()]}}",
            [
                "a.b[1] is a function;",
                "a.b[2] is a symbol;",
                "a.b[3] is a bigint;",
                "a.b[4] is NaN;",
                "a.b[5] is a Map;",
            ],
        ),
        ("const a = {}; a.b = [a]; module.exports = a", ["b[0] holds itself;"]),
        (
            "module.exports = {get a() { throw new Error('no') }, b: () => 1}",
            ["a cannot be read: no;", "b is a function;"],
        ),
        ("let a = []; for (let n = 0; n < 200; n++) a = [a]; module.exports = a", ["[0][0]"]),
        ("module.exports = {a: '\\ud800'}", ["exports half of a character, '\\ud800'; wanted"]),
    ],
)
def test_what_is_no_data_is_told_by_its_place(run: Evaluate, text: str, said: list[str]) -> None:
    found = sentences(run, text)
    assert len(found) == len(said)
    for sentence, start in zip(found, said, strict=True):
        assert sentence.startswith(start)


@pytest.mark.parametrize(
    ("text", "name", "pattern"),
    [
        (
            "const a = 1;\nmodule.exports = {apps: [{name: 'a' script: 'b'}]}",
            "x.config.js",
            r"2:37: does not parse: Unexpected identifier 'script'; wanted .*",
        ),
        (
            "const a = 1\nexport default {a: 'a' b: 'b'}",
            "x.config.mjs",
            r"2:2[0-9]: does not parse: Unexpected identifier 'b'; wanted .*",
        ),
        (
            "console.log('reading'); \n\n  missing.a()",
            "x.config.js",
            r"3:3: throws ReferenceError: missing is not defined; .* \(it printed 'reading'\)",
        ),
        (
            "\nrequire('not-installed')",
            "x.config.js",
            r"2:[0-9]+: throws Error: Cannot find module 'not-installed'; .* \(install it: npm .*",
        ),
        ("throw 'a text'", "x.config.js", r".*throws Error: a text; wanted .*"),
    ],
)
def test_what_a_file_throws_is_told_with_its_line(
    run: Evaluate, text: str, name: str, pattern: str
) -> None:
    (sentence,) = sentences(run, text, name)
    assert re.fullmatch(pattern, sentence), sentence


def test_a_file_that_loops_is_ended(run: Evaluate) -> None:
    assert sentences(run, "for (;;);", patience=0.5) == [
        "was not evaluated after 0.5 s; wanted a file that exports its apps as data "
        "(does it wait for something, or loop for ever?)"
    ]


def test_a_file_that_prints_for_ever_is_ended(run: Evaluate) -> None:
    (sentence,) = sentences(run, "for (;;) console.log('x'.repeat(10000))", patience=1)
    assert sentence.startswith("was not evaluated after 1 s")


@needs_node
class TestNode:
    @pytest.fixture
    def environ(self) -> Mapping[str, str]:
        return {"PATH": os.environ["PATH"]}

    def test_a_file_that_exits_exports_nothing(self, run: Evaluate) -> None:
        assert sentences(run, "console.log('bye'); process.exit(0)") == [
            "ended before it exported anything; wanted a file that exports its apps as data "
            "(it printed 'bye')"
        ]

    def test_what_a_file_leaves_open_is_ended(self, run: Evaluate, tmp_path: Path) -> None:
        os.mkfifo(tmp_path / "fifo")
        with open(os.open(tmp_path / "fifo", os.O_RDONLY | os.O_NONBLOCK), "rb") as fifo:
            os.set_blocking(fifo.fileno(), True)
            text = """
            setInterval(() => 1, 1000);
            const fifo = require('fs').openSync('fifo', 'w');
            require('child_process').spawn('sleep', ['86399'], {stdio: ['ignore', fifo, fifo]});
            module.exports = {a: 1};
            """
            assert run(text) == {"a": 1}
            assert fifo.read() == b""  # nobody is left who could write

    def test_a_word_that_the_kind_of_module_has_not_is_mended(self, run: Evaluate) -> None:
        (sentence,) = sentences(run, "module.exports = {a: [1].map(String)}", "x.config.mjs")
        assert sentence.endswith("(call it .cjs, or write export default)")

    def test_a_module_that_is_missing_is_placed(self, run: Evaluate) -> None:
        (sentence,) = sentences(run, "import path from 'path'\nimport x from 'not-there'", "x.mjs")
        assert sentence.startswith("2:16: throws Error: Cannot find package 'not-there'; wanted")

    def test_too_much_is_refused(self, run: Evaluate) -> None:
        (sentence,) = sentences(run, "module.exports = 'x'.repeat(2 ** 25)")
        assert sentence.startswith("exports more than 16777216 bytes")


def test_without_an_engine_one_is_asked_for(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("supctl.config.javascript.evaluation.find_spec", lambda _: None)
    (tmp_path / "x.js").write_text("module.exports = f()")
    with pytest.raises(ConfigErrors, match="neither node nor bun nor deno is on the PATH"):
        evaluate(tmp_path / "x.js", {"PATH": str(tmp_path)})


def test_a_plain_file_needs_no_engine(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    app = {"script": "sleep", "args": "60"}
    path = tmp_path / "ecosystem.config.js"
    path.write_text(f"'use strict'\n// shop\nmodule.exports = {{ apps: [{json.dumps(app)},] }};\n")
    (found,) = load(path, {"PATH": str(tmp_path)}, to_run_here=False).root.children
    assert isinstance(found, App)
    assert found.command == ("sleep", "60")


@needs_node
def test_pm2s_file_is_evaluated(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    path = tmp_path / "ecosystem.config.js"
    path.write_text("module.exports = {apps: [1, 2].map((n) => ({name: `a${n}`, script: 'cat'}))}")
    root = load(path, {"PATH": os.environ["PATH"]}, to_run_here=False).root
    assert [app.name for app in root.children] == ["a1", "a2"]


def test_an_engine_that_does_not_start_is_named(tmp_path: Path) -> None:
    (tmp_path / "node").write_bytes(b"\x7fELF")
    (tmp_path / "node").chmod(0o755)
    (tmp_path / "x.js").write_text("module.exports = f()")
    with pytest.raises(ConfigErrors, match="node does not start: Exec format error"):
        evaluate(tmp_path / "x.js", {"PATH": str(tmp_path)})
