// What it takes to verify a stored hash, by what its time is spent in: written beside the hash when it is stored, so that
// the store can tell which costs are present, and enough to estimate how long a password takes on this machine.

/** Nanoseconds a unit, and for each byte of the password a unit, where an argon2id hash of today takes 7 ms. */
const speeds = {
  argon2: { unit: 180, byte: 0 },
  bcrypt: { unit: 56_000, byte: 0 },
  scrypt: { unit: 260, byte: 0 },
  "pbkdf2-md5": { unit: 160, byte: 0 },
  "pbkdf2-sha1": { unit: 160, byte: 0 },
  "pbkdf2-sha224": { unit: 160, byte: 0 },
  "pbkdf2-sha256": { unit: 160, byte: 0 },
  "pbkdf2-sha384": { unit: 360, byte: 0 },
  "pbkdf2-sha512": { unit: 360, byte: 0 },
  md5: { unit: 800, byte: 3 },
  sha1: { unit: 900, byte: 2 },
  sha224: { unit: 900, byte: 2 },
  sha256: { unit: 900, byte: 2 },
  sha384: { unit: 1100, byte: 2 },
  sha512: { unit: 1100, byte: 2 },
} as const;

export type Primitive = keyof typeof speeds;

export interface HashCost {
  readonly primitive: Primitive;
  /** Of argon2: KiB times passes; of bcrypt: two to its cost; of scrypt: N times r times p; of all others: rounds. */
  readonly units: number;
}

/** A format at a cost, as the store keeps it: `django-pbkdf2-sha256 pbkdf2-sha256 600000`. */
export interface HashKind extends HashCost {
  readonly format: string;
}

/**
 * Rounded up to two digits: some systems draw the rounds of each hash by lot, and whoever imports must not be able to fill
 * the store with kinds.
 */
export function writeKind({ format, primitive, units }: HashKind): string {
  const step = 10 ** Math.max(0, Math.floor(Math.log10(units)) - 1);
  return `${format} ${primitive} ${Math.ceil(units / step) * step}`;
}

/** Undefined for what `writeKind` does not write. */
export function readKind(kind: string): HashKind | undefined {
  const [, format = "", primitive = "", units] = /^(\S+) (\S+) ([1-9]\d{0,11})$/.exec(kind) ?? [];
  return units !== undefined && isPrimitive(primitive) ? { format, primitive, units: Number(units) } : undefined;
}

/** How long the machine of `speeds` would need for one text of so many bytes. */
export function estimateMs({ primitive, units }: HashCost, passwordBytes: number): number {
  const { unit, byte } = speeds[primitive];
  return (units * (unit + byte * passwordBytes)) / 1e6;
}

const isPrimitive = (name: string): name is Primitive => Object.hasOwn(speeds, name);
