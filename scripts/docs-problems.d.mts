import type { ErrorCode, ErrorDetails } from "../dist/errors.js";

export const problemExamples: Readonly<
  Record<ErrorCode, { readonly fix: string; readonly message: string; readonly details?: ErrorDetails }>
>;
