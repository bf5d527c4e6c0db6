// Vitest runs this before each file of tests. The hook was registered first, so it runs after the file's own hooks.
import { setDefaultAutoSelectFamilyAttemptTimeout } from "node:net";
import { afterAll } from "vitest";
import { cleanUp } from "./clean-up.js";

// `localhost` can have two addresses. On a busy machine 250 ms pass before this process notices that it is connected to the
// first one. It would go on to the second one, where nothing listens. An address that rejects is still left at once.
setDefaultAutoSelectFamilyAttemptTimeout(60_000);

afterAll(cleanUp);
