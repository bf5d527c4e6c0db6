import { lazyAmpho } from "ampho";

// Opens at its first use, so a build needs no key and no database.
export const ampho = lazyAmpho({ cookies: true });
