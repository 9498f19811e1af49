// Run by node, bun or deno: evaluates a module and writes what it exports to a descriptor.
//
//     node evaluate.mjs DESCRIPTOR FILE [PROFILE]
//
// What it writes is one line of JSON: {value, mistakes} or {error: {name, message, line, column}}.

import { closeSync, openSync, realpathSync, writeSync } from "node:fs";
import process from "node:process";
import { pathToFileURL } from "node:url";

import { exportOf, plain } from "./plain.mjs";

const [descriptor, file, profile] = process.argv.splice(1, Infinity).slice(1);
process.argv.push(file, ...(profile ? ["--env", profile] : []));

const answer = (said) => {
  const bytes = Buffer.from(`${JSON.stringify(said)}\n`);
  const output = openSync(`/dev/fd/${descriptor}`, "w"); // deno knows no inherited descriptors
  for (let sent = 0; sent < bytes.length; ) sent += writeSync(output, bytes, sent);
  closeSync(output);
};

const placeOf = (error) => {
  if (error?.position) return { line: error.position.line, column: error.position.column }; // bun
  const path = realpathSync(file);
  const stack = String(error?.stack ?? "").replaceAll(pathToFileURL(path).href, path);
  const start = stack.indexOf(`${path}:`);
  const [, line, column] = /^:(\d+)(?::(\d+))?/.exec(start < 0 ? "" : stack.slice(start + path.length)) ?? [];
  return { line: Number(line ?? 0), column: Number(column ?? 0) };
};

try {
  answer(plain(exportOf(await import(pathToFileURL(file).href))));
  process.exit(0); // whatever it has begun
} catch (error) {
  const first = error?.errors?.[0] ?? error;
  const { name = "Error", message = String(first) } = first ?? {};
  answer({ error: { name: String(name), message: String(message), ...placeOf(first) } });
  process.exitCode = 1;
  throw error; // with the line, where the engine shows it
}
