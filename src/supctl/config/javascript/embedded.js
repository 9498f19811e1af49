// What a configuration file finds where there is no node: run by embedded.py in QuickJS.

const facts = JSON.parse(known);

const path = {
  sep: "/",
  delimiter: ":",
  normalize(text) {
    const parts = [];
    for (const part of text.split("/")) {
      if (part === ".." && parts.length && parts.at(-1) !== "..") parts.pop();
      else if (part && part !== "." && !(part === ".." && text.startsWith("/"))) parts.push(part);
    }
    return (text.startsWith("/") ? "/" : "") + parts.join("/") || ".";
  },
  isAbsolute: (text) => text.startsWith("/"),
  join: (...parts) => path.normalize(parts.filter(Boolean).join("/") || "."),
  resolve(...parts) {
    const start = parts.findLastIndex((part) => part.startsWith("/"));
    return path.normalize([...(start < 0 ? [facts.cwd] : []), ...parts.slice(Math.max(start, 0))].join("/"));
  },
  dirname: (text) => text.replace(/\/+[^/]*\/*$/, "") || (text.startsWith("/") ? "/" : "."),
  basename(text, end = "") {
    const name = text.replace(/\/+$/, "").replace(/.*\//, "");
    return end && name !== end && name.endsWith(end) ? name.slice(0, -end.length) : name;
  },
  extname: (text) => /[^./](\.[^./]*)$/.exec(path.basename(text))?.[1] ?? "",
};
path.posix = path;

const fs = {
  existsSync: (name) => readText(String(name)) !== null,
  readFileSync(name) {
    const text = readText(String(name));
    if (text === null) throw new Error(`ENOENT: no such file or directory, open '${name}'`);
    return text;
  },
};

const dotenv = {
  parse(text) {
    const found = {};
    for (const [, name, value] of text.matchAll(/^\s*(?:export\s+)?([\w.-]+)\s*=[ \t]*(.*?)[ \t]*$/gm)) {
      const quoted = /^(["'`])(.*)\1/.exec(value);
      found[name] = quoted ? quoted[2] : value.replace(/\s+#.*$/, "");
    }
    return found;
  },
  config(options = {}) {
    const text = readText(path.resolve(String(options.path ?? ".env")));
    const parsed = dotenv.parse(text ?? "");
    for (const name in parsed) if (options.override || !(name in process.env)) process.env[name] = parsed[name];
    return { parsed };
  },
};

const os = {
  cpus: () => Array.from({ length: facts.cpus }, () => ({})),
  availableParallelism: () => facts.cpus,
  homedir: () => facts.home,
  hostname: () => facts.hostname,
  platform: () => facts.platform,
  tmpdir: () => facts.env.TMPDIR ?? "/tmp",
  EOL: "\n",
};

const url = { fileURLToPath: (address) => decodeURI(String(address).replace(/^file:\/\//, "")) };

globalThis.process = {
  env: facts.env,
  argv: facts.argv,
  platform: facts.platform,
  cwd: () => facts.cwd,
  exit(code) {
    throw new Error(`process.exit(${code ?? ""}) was called`);
  },
};
globalThis.global = globalThis;
globalThis.console = {};
for (const name of ["log", "info", "warn", "error", "debug"]) console[name] = (...words) => printLine(words.join(" "));

// Lines of a file are counted from here, those of this program are before.
const FIRST_LINE = 10000;

const BUILT_IN = { path, fs, os, url, dotenv, process };
const loaded = new Map();

function requireFrom(directory) {
  const require = (name) => {
    const builtIn = BUILT_IN[name.replace(/^node:/, "")];
    if (builtIn) return builtIn;
    if (name === "dotenv/config") return dotenv.config();
    if (/^\.{0,2}\//.test(name)) {
      const base = path.resolve(directory, name);
      for (const end of ["", ".js", ".cjs", ".mjs", ".json", "/index.js"]) {
        if (readText(base + end) !== null) return load(base + end);
      }
    }
    throw new Error(`Cannot find module '${name}'`);
  };
  require.default = (name) => exportOf(require(name));
  return require;
}

function load(file) {
  if (loaded.has(file)) return loaded.get(file).exports;
  const text = fs.readFileSync(file);
  if (file.endsWith(".json")) return JSON.parse(text);
  const module = { exports: {}, id: file, filename: file };
  loaded.set(file, module);
  const names = "exports, require, module, __filename, __dirname";
  const directory = path.dirname(file);
  const start = "\n".repeat(FIRST_LINE - 1);
  const run = (0, eval)(`(function (${names}) {${start}\n${commonCode(text)}\n})`);
  run(module.exports, requireFrom(directory), module, file, directory);
  return module.exports;
}

function evaluate(file) {
  try {
    return JSON.stringify(plain(exportOf(load(file))));
  } catch (error) {
    const { name = "Error", message = String(error), stack = "" } = error ?? {};
    const places = Array.from(stack.matchAll(/<\w+>:(\d+):(\d+)/g), ([, line, column]) => [line - FIRST_LINE, +column]);
    const [line, column] = places.find(([line]) => line > 0) ?? [0, 0];
    return JSON.stringify({ error: { name, message, line, column } });
  }
}
