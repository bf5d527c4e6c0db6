// Reads the published test vectors of test/vectors.
import { readdirSync, readFileSync } from "node:fs";

const folder = new URL("../vectors/", import.meta.url);

export function readVectors<T>(name: string): T {
  return JSON.parse(readFileSync(new URL(name, folder), "utf8")) as T;
}

export function listVectors(name: string): string[] {
  return readdirSync(new URL(`${name}/`, folder)).map((file) => `${name}/${file}`);
}
