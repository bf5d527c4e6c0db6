// The order of the files of a run. Those of test/longest.txt are first, so that none of them runs alone at the end. The
// others follow by their size. scripts/tally.mjs prints the longest files of each run.
import { readFileSync, statSync } from "node:fs";
import path from "node:path";
import { BaseSequencer } from "vitest/node";

const longest = readFileSync(new URL("../test/longest.txt", import.meta.url), "utf8").split("\n");
const root = path.resolve(import.meta.dirname, "..");

function rankOf({ moduleId }) {
  const at = longest.indexOf(path.relative(root, moduleId));
  return at < 0 ? longest.length : at;
}

const orderOf = ({ project }) => project.config.sequence.groupOrder;
const sizeOf = ({ moduleId }) => statSync(moduleId).size;

export class LongestFirst extends BaseSequencer {
  async sort(files) {
    return [...files].sort(
      (one, other) => orderOf(one) - orderOf(other) || rankOf(one) - rankOf(other) || sizeOf(other) - sizeOf(one),
    );
  }
}
