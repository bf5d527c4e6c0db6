// Vitest runs this before each file of tests. The hook was registered first, so it runs after the file's own hooks.
import { afterAll } from "vitest";
import { cleanUp } from "./clean-up.js";

afterAll(cleanUp);
