import { createAmpho } from "ampho";

export const ampho = await createAmpho({ cookies: true });
