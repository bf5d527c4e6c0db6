// With the compiler at hand. Older ones have their turn in `npm run test:all`.
import path from "node:path";
import { consumersCompile } from "./consumers.js";

consumersCompile("the TypeScript of today", () =>
  path.resolve(import.meta.dirname, "../../node_modules/typescript/bin/tsc"),
);
