// Rows of the tables that nothing uses. The compiler reports a use without a row, and this test a row without a use.
import { readFileSync } from "node:fs";
import path from "node:path";
import { describe, expect, it } from "vitest";
import { auditEvents } from "../../dist/audit/events.js";
import { environmentOnly, optionName, parameterNames } from "../../dist/config/parameters.js";
import { errorCodes } from "../../dist/errors.js";
import { flowNames } from "../../dist/flows/flows.js";
import { mailKinds } from "../../dist/mail/texts/kinds.js";
import { operationNames } from "../../dist/store/operations.js";
import { counters, histograms } from "../../dist/telemetry/definitions.js";
import { counterKinds } from "../../dist/throttle/counter-kinds.js";
import { execFileSync } from "../../scripts/child-process.mjs";

const root = path.resolve(import.meta.dirname, "../..");
const sources = new Map(
  execFileSync("git", ["ls-files", "--cached", "--others", "--exclude-standard", "--deduplicate", "src"], {
    cwd: root,
    encoding: "utf8",
  })
    .trim()
    .split("\n")
    .map((file) => [file, readFileSync(path.join(root, file), "utf8")] as const),
);

/** Returns the names whose pattern is in no file of src/ but those of their tables. */
function unused(names: readonly string[], tables: readonly string[], patternOf: (name: string) => RegExp) {
  const texts = [...sources].flatMap(([file, text]) => (tables.includes(file) ? [] : [text]));
  return names.filter((name) => !texts.some((text) => patternOf(name).test(text)));
}

const quoted = (name: string) => new RegExp(`"${name}"`);
const word = (name: string) => new RegExp(`\\b${name}\\b`);

describe("the tables of src/", () => {
  it("each flow is called by an endpoint or by the library", () => {
    expect(unused(flowNames, [], (name) => new RegExp(`\\bflows\\.${name}\\(`))).toEqual([]);
  });

  it("each operation of `Store` is called", () => {
    const called = (name: string) => new RegExp(`\\bstore\\.${name}\\(|\\b${name}\\b.*\\bstore\\b`);
    expect(unused(operationNames, ["src/store/operations.ts"], called)).toEqual([]);
  });

  it("each parameter has an effect", () => {
    expect(unused(parameterNames.map(optionName), ["src/config/parameters.ts"], word)).toEqual([]);
    expect(unused(Object.keys(environmentOnly), ["src/config/parameters.ts"], word)).toEqual([]);
  });

  it("each error code is thrown", () => {
    const tables = [
      "src/errors.ts",
      ...[...sources.keys()].filter((file) => file.startsWith("src/http/rest/routes/")),
      "src/http/rest/openapi.ts",
      "src/http/rest/responses/problems.ts",
      "src/http/rest/responses/problem-causes.ts",
      "src/telemetry/definitions.ts",
    ];
    expect(unused(errorCodes, tables, quoted)).toEqual([]);
  });

  it("each audit event is written", () => {
    expect(unused(Object.keys(auditEvents), ["src/audit/events.ts"], quoted)).toEqual([]);
  });

  it("each kind of mail is sent", () => {
    const ofMail = [...sources.keys()].filter((file) => file.startsWith("src/mail/texts/"));
    expect(unused(mailKinds, ofMail, quoted)).toEqual([]);
  });

  it("each metric is recorded", () => {
    const recorded = (name: string) => new RegExp(`\\b${name}\\.(?:add|observe|cell)\\(`);
    expect(unused([...Object.keys(counters), ...Object.keys(histograms)], [], recorded)).toEqual([]);
  });

  it("each kind of counter counts attempts", () => {
    const counter = (name: string) => new RegExp(`\\b(?:counter|ofOne)\\("${name}"|\\btogether: "${name}"`);
    expect(unused(Object.keys(counterKinds), [], counter)).toEqual([]);
  });
});
