// A value of JavaScript -> what JSON can say, or what is in its way.

const KINDS = [
  [Promise, "a promise", "export the object itself, or wait for it: export default await ..."],
  [Map, "a Map", "write an object"],
  [Set, "a Set", "write an array"],
  [RegExp, "a regular expression", "write text"],
  [Error, "an error", ""],
];

const wordOf = (value) => {
  if (typeof value !== "function") return typeof value;
  return /^class\b/.test(Function.prototype.toString.call(value)) ? "class" : "function";
};

const join = (place, key) => {
  const word = /^[\w-]+$/.test(key) ? key : JSON.stringify(key);
  return place ? `${place}.${word}` : word;
};

/** Returns {value, mistakes}; each mistake is [place, seen, mend]. */
export function plain(exported) {
  const mistakes = [];
  const above = new Set();

  const wrong = (place, seen, mend) => void mistakes.push([place, seen, mend]);

  const copy = (value, place) => {
    switch (typeof value) {
      case "string":
      case "boolean":
        return value;
      case "undefined":
        return undefined;
      case "number":
        return Number.isFinite(value) ? value : wrong(place, `is ${value}`, "write a number");
      case "object":
        return value === null ? null : enter(value, place);
      default:
        return wrong(place, `is a ${wordOf(value)}`, "export what it makes, as data");
    }
  };

  const enter = (value, place) => {
    if (value instanceof Date && !Number.isNaN(value.getTime())) return value.toISOString();
    const kind = KINDS.find(([type]) => value instanceof type);
    if (kind) return wrong(place, `is ${kind[1]}`, kind[2]);
    if (above.has(value)) return wrong(place, "holds itself", "");
    if (above.size >= 100) return wrong(place, "nests too deeply", "");
    above.add(value);
    const copied = Array.isArray(value) ? list(value, place) : table(value, place);
    above.delete(value);
    return copied;
  };

  const list = (value, place) =>
    Array.from(value, (item, number) => copy(item, `${place}[${number}]`) ?? null);

  const table = (value, place) => {
    const copied = Object.create(null);
    for (const key of Object.keys(value)) {
      try {
        copied[key] = copy(value[key], join(place, key));
      } catch (error) {
        wrong(join(place, key), `cannot be read: ${error?.message ?? error}`, "");
      }
    }
    return copied;
  };

  return { value: copy(exported, "") ?? null, mistakes };
}

/** Returns what a module means to export: of its names, or of its default. */
export function exportOf(names) {
  let exported = "default" in names ? names.default : names;
  if (exported?.__esModule && "default" in exported) exported = exported.default;
  return exported ?? names;
}
