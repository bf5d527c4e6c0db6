// Rows as objects: each kind of field is read as it was written, and a row that the schema does not allow is rejected.
import { expect, it } from "vitest";
import {
  asFlag,
  asInteger,
  asJson,
  asOneOf,
  asText,
  asTexts,
  group,
  named,
  orNull,
  orUndefined,
  tableOf,
} from "../../dist/store/sql/rows/table.js";

const table = tableOf("things", {
  id: asText,
  isOpen: asFlag,
  size: orNull(asInteger),
  tags: asTexts,
  level: asOneOf(["low", "high"]),
  about: orUndefined(asJson<{ readonly x: number }>()),
  owner: orUndefined(group({ name: named("owner_name", asText), since: named("owner_since", orUndefined(asInteger)) })),
});

const full = {
  id: "a",
  isOpen: true,
  size: 0,
  tags: ["x"],
  level: "high",
  about: { x: 1 },
  owner: { name: "ann", since: 5 },
} as const;

const rowOf = (object: Parameters<typeof table.values>[0], prefix = "") => {
  const values = table.values(object);
  return Object.fromEntries(table.columns.map((column, at) => [prefix + column, values[at] ?? null]));
};

it("an object is read as it was written, with or without what can be absent", () => {
  expect(table.columns).toEqual(["id", "is_open", "size", "tags", "level", "about", "owner_name", "owner_since"]);
  expect(table.values(full)).toEqual(["a", 1, 0, '["x"]', "high", '{"x":1}', "ann", 5]);
  const empty = { ...full, isOpen: false, size: null, tags: [], about: undefined, owner: undefined };
  expect(table.values(empty)).toEqual(["a", 0, null, "[]", "high", null, null, null]);
  for (const object of [full, empty, { ...full, owner: { name: "ann", since: undefined } }])
    expect(table.of(rowOf(object))).toStrictEqual(object);
});

it("a join has columns with a prefix, and no object where it found no row", () => {
  expect(table.joined("of_")).toContain("things.is_open as of_is_open");
  const row = rowOf(full, "of_");
  expect(table.of(row, "of_")).toStrictEqual(full);
  expect(table.joinedOf(row, "of_")).toStrictEqual(full);
  expect(table.joinedOf({ ...row, of_id: null }, "of_")).toBeUndefined();
});

it.each([
  ["id", null],
  ["is_open", "1"],
  ["size", 0.5],
  ["tags", "[1]"],
  ["level", "middle"],
  ["owner_since", "soon"],
])("a row with a wrong value in %s is rejected, and so is one without the column", (column, value) => {
  const { [column]: _, ...without } = rowOf(full);
  expect(() => table.of({ ...without, [column]: value })).toThrow(`the column ${column}`);
  expect(() => table.of(without)).toThrow(`the column ${column}`);
});
