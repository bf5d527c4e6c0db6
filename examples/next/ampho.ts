import { lazyAmpho } from "ampho";

// Opens at its first use, so `next build` needs no key and no database.
export const ampho = lazyAmpho({ cookies: true });
