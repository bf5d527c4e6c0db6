// Comparisons of secrets in constant time for their length, which is no secret.
import { timingSafeEqual } from "node:crypto";

export const equalBytes = (a: Uint8Array, b: Uint8Array): boolean => a.length === b.length && timingSafeEqual(a, b);
export const equalText = (a: string, b: string): boolean => equalBytes(Buffer.from(a), Buffer.from(b));
