// How a run ends without a result. A message holds no secret.

/** Wrong use: exit code 2. */
export class UsageError extends Error {
  override readonly name = "UsageError";
}

/** Nothing ran, or not everything: exit code 1. */
export class Failure extends Error {
  override readonly name = "Failure";
}
