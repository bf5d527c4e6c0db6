// A user who makes a mistake gets one short error in the right line, with an explanation.
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { type Consumer, installPacked } from "../examples/packed.js";
import { compile, type Diagnostic } from "./compile.js";
import { decoratorMistakes, fieldMistake } from "./decorator-mistakes.js";
import { mistakes } from "./mistakes.js";
import { nestMistakes, withoutLegacy } from "./nest-mistakes.js";

const kinds = [
  { kind: "standard", options: {}, cases: [...mistakes, ...decoratorMistakes, fieldMistake, withoutLegacy] },
  {
    kind: "experimental",
    options: { experimentalDecorators: true, emitDecoratorMetadata: true },
    cases: [...decoratorMistakes, ...nestMistakes],
  },
];
const fileOf = (name: string) => `${name.replaceAll(/\W+/g, "-")}.ts`;

export function mistakesRead(name: string, compilerOf: () => string): void {
  let consumer: Consumer;
  beforeAll(async () => {
    consumer = await installPacked();
  });
  afterAll(() => consumer.remove());

  describe.each(kinds)(`${name}, with $kind decorators`, ({ options, cases }) => {
    let diagnostics: readonly Diagnostic[];
    beforeAll(() => {
      diagnostics = compile({
        compiler: compilerOf(),
        folder: consumer.folder,
        type: "module",
        files: Object.fromEntries(cases.map((one) => [fileOf(one.name), one.text])),
        compilerOptions: { module: "nodenext", skipLibCheck: true, ...options },
      });
    });

    it.each(cases)("the compiler explains the mistake: $name", ({ name, text, says }) => {
      const found = diagnostics.filter(({ file }) => file === fileOf(name));
      const here = text.split("\n").findIndex((line) => line.endsWith("// here")) + 1;
      expect([...new Set(found.map(({ line }) => line))]).toEqual([here]);
      const message = found[0]?.text ?? "";
      expect(message).toMatch(says);
      expect(message.length).toBeLessThan(1200);
    });
  });
}
