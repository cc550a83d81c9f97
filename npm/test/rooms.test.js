// The package's own order: rooms, what may import what (docs/architecture.md), no circle, and few files a folder.
import assert from "node:assert/strict";
import { readFile, readdir } from "node:fs/promises";
import { posix, sep } from "node:path";
import { before, test } from "node:test";
import { fileURLToPath } from "node:url";
import ts from "typescript";

const SRC = fileURLToPath(new URL("../src", import.meta.url));
const MOST_IN_ROOT = 8;
const MOST_IN_FOLDER = 12;

/** Imports of each module, by its path without the ending; those of types count. */
const imports = new Map();
/** What each room may import, from the map. */
const map = new Map();
before(async () => {
  for (const file of (await readdir(SRC, { recursive: true })).filter((name) => name.endsWith(".ts"))) {
    const path = file.split(sep).join("/");
    const { importedFiles } = ts.preProcessFile(await readFile(`${SRC}/${path}`, "utf8"), true, true);
    const own = importedFiles.map(({ fileName }) => fileName).filter((name) => name.startsWith("."));
    imports.set(path.replace(/(\.d)?\.ts$/, ""), own.map((name) => posix.join(posix.dirname(path), name).replace(/\.js$/, "")));
  }
  const text = await readFile(new URL("../../docs/architecture.md", import.meta.url), "utf8");
  const names = (cell) => [...cell.matchAll(/`([^`]+)`/g)].map(([, name]) => name);
  for (const [, room, may] of text.split("\n## npm\n")[1].split("\n## ")[0].matchAll(/^\| (`[^|]*`) \|(.*)\|$/gm)) {
    for (const name of names(room)) map.set(name, names(may));
  }
});

const within = (room, module) => module === room || module.startsWith(`${room}/`);

function roomOf(module) {
  return [...map.keys()].filter((room) => within(room, module)).sort((a, b) => b.length - a.length)[0];
}

test("every import is on the map", () => {
  assert.ok(map.size > 10 && imports.size > 50, `${map.size} rooms, ${imports.size} modules`);
  const wrong = [];
  for (const [module, targets] of imports) {
    const room = roomOf(module);
    if (!room) wrong.push(`${module} is in no room`);
    for (const target of targets) {
      if (!imports.has(target)) wrong.push(`${module} -> ${target}: no such module`);
      else if (roomOf(target) !== room && !map.get(room)?.some((may) => may === roomOf(target) || may === target)) wrong.push(`${module} -> ${target}`);
    }
  }
  assert.deepEqual(wrong, []);
});

test("the map goes one way", () => {
  const rooms = [...map.keys()];
  for (const [room, may] of map) {
    for (const other of may.map(roomOf)) assert.ok(rooms.indexOf(other) < rooms.indexOf(room), `${room} -> ${other}`);
  }
});

test("no module imports itself by way of others", () => {
  const done = new Set();
  const walk = (module, path) => {
    assert.ok(!path.includes(module), [...path.slice(path.indexOf(module)), module].join(" -> "));
    if (done.has(module)) return;
    for (const target of imports.get(module) ?? []) walk(target, [...path, module]);
    done.add(module);
  };
  for (const module of imports.keys()) walk(module, []);
});

test("a folder holds no more files than one takes in", () => {
  const counts = new Map();
  for (const module of imports.keys()) counts.set(posix.dirname(module), (counts.get(posix.dirname(module)) ?? 0) + 1);
  const full = [...counts].filter(([folder, count]) => count > (folder === "." ? MOST_IN_ROOT : MOST_IN_FOLDER));
  assert.deepEqual(full, []);
});
