// Large integers and their bytes.

export const integerOf = (bytes: Buffer) => BigInt(`0x${bytes.toString("hex")}`);

/** The bytes of a positive integer, the highest first, without zeros in front, or of the given size. */
export function bytesOfInteger(value: bigint, size?: number): Buffer {
  const hex = value.toString(16);
  return Buffer.from(hex.padStart(size === undefined ? hex.length + (hex.length % 2) : 2 * size, "0"), "hex");
}

/** The inverse of `value` modulo `modulus`. */
export function inverse(value: bigint, modulus: bigint): bigint {
  let [previous, current, previousRest, rest] = [0n, 1n, modulus, value % modulus];
  while (rest > 0n) {
    const quotient = previousRest / rest;
    [previous, current] = [current, previous - quotient * current];
    [previousRest, rest] = [rest, previousRest - quotient * rest];
  }
  return ((previous % modulus) + modulus) % modulus;
}
