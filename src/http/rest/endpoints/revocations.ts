// GET /revocations: what was revoked, for verifiers that hold no store.
import type { z } from "zod";
import { AmphoError } from "../../../errors.js";
import type { FeedPage } from "../../../sessions/feed-entry.js";
import type { Call } from "../route.js";
import type { feedQuestion } from "../schemas.js";

export function readRevocations({
  features,
  bearer,
  input,
}: Call<z.output<typeof feedQuestion>, undefined>): Promise<FeedPage> {
  if (features.readFeed === undefined) throw new AmphoError("not_found", "There is nothing at this path.");
  return features.readFeed({ bearer, after: input.after, waitSeconds: input.wait });
}
