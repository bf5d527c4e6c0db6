import { describe, expect, test } from "vitest";
import { displayWidth, formatTime, table } from "../../dist/cli/terminal/table.js";

describe("a table", () => {
  test("a column of a table is as wide as its widest cell", () => {
    expect(
      table(
        ["LOGIN", "ROLES"],
        [
          ["alice", "editor reader"],
          ["bo", ""],
        ],
      ),
    ).toEqual(["LOGIN  ROLES", "alice  editor reader", "bo"]);
  });

  test("a table never needs more than 80 columns", () => {
    const lines = table(["A", "B", "C"], [["a".repeat(200), "b".repeat(90), "c"]]);
    for (const line of lines) expect(displayWidth(line)).toBeLessThanOrEqual(80);
    expect(lines[1]).toMatch(/^a+… {2}b+… {2}c$/);
  });

  test("a table cuts no column of identifiers", () => {
    const id = `0.${"x".repeat(40)}`;
    const [, line] = table(["ID", "FROM"], [[id, "y".repeat(100)]], [0]);
    expect(line).toMatch(new RegExp(`^${id} {2}y+…$`));
    expect(line).toHaveLength(80);
  });

  test("a table counts wide and combining characters as a terminal does", () => {
    expect(displayWidth("日本")).toBe(4);
    expect(displayWidth("e\u0301")).toBe(1);
    expect(
      table(
        ["A", "B"],
        [
          ["日本", "x"],
          ["ab", "y"],
        ],
      ),
    ).toEqual(["A     B", "日本  x", "ab    y"]);
    for (const line of table(["A"], [["日".repeat(100)]])) expect(displayWidth(line)).toBeLessThanOrEqual(80);
  });

  test("a table shows control characters and marks of direction as escapes", () => {
    expect(table(["A"], [["\u001b[31mred\u202e\n"]])[1]).toBe("\\u001b[31mred\\u202e\\u000a");
  });
});

test("formatTime prints a time in UTC to the second", () => {
  expect(formatTime(0)).toBe("1970-01-01 00:00:00");
  expect(formatTime(1_790_000_000)).toBe("2026-09-21 14:13:20");
});
