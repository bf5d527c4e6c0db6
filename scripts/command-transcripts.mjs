// The output of commands, from the transcripts that test/cli/transcripts.system.test.ts plays.
import { readdirSync, readFileSync } from "node:fs";

const folder = new URL("../test/cli/transcripts/", import.meta.url);
const texts = readdirSync(folder).map((name) => readFileSync(new URL(name, folder), "utf8"));

/** The typed line and its output, or the typed line alone if no transcript has it. Computed values are an ellipsis. */
export function transcriptOf(typed) {
  for (const text of texts) {
    const [, lines = ""] = text.split(`\n$ ${typed}\n`);
    const [, step] = /^((?:[<|!?].*\n)*)/.exec(lines) ?? [];
    if (step !== "" && !step.includes("\n? ")) return [`$ ${typed}`, ...outputOf(step)].join("\n");
  }
  return `$ ${typed}`;
}

const outputOf = (step) =>
  step
    .split("\n")
    .filter((line) => /^[|!] /.test(line))
    .map((line) =>
      line
        .slice(2)
        .replaceAll("«pages»/", "")
        .replace(/«\w+(?::\w+)?»/g, "…"),
    );
