// The second factors, one row each. Their other rows have the same names: what uses one up (`store/sql/factors/`), what
// checks it (`flows/prove/`), how a request carries it (`http/rest/schemas.ts`).

interface FactorRow {
  /** The methods that it proves (RFC 8176). */
  readonly methods: readonly string[];
  /** The level that it reaches with a first factor. */
  readonly level: "2fa" | "phr";
  /** It replaces a lost factor. Without another one, it is no factor of the account. */
  readonly isSpare: boolean;
  /** Each set-up of it creates new recovery codes. Another factor does so if it is the first one of its account. */
  readonly ownsCodes: boolean;
  /** An account can have several, each with an id. */
  readonly isMany: boolean;
}

/** The strongest first, as `factors` in responses names them. */
export const factors = {
  passkey: { methods: ["swk", "hwk"], level: "phr", isSpare: false, ownsCodes: false, isMany: true },
  totp: { methods: ["otp"], level: "2fa", isSpare: false, ownsCodes: true, isMany: false },
  recovery_code: { methods: ["rec"], level: "2fa", isSpare: true, ownsCodes: false, isMany: false },
} as const satisfies Readonly<Record<string, FactorRow>>;

export type FactorName = keyof typeof factors;

export type MainFactor = { [F in FactorName]: (typeof factors)[F]["isSpare"] extends true ? never : F }[FactorName];

export const factorNames = Object.keys(factors) as readonly FactorName[];

export const isFactorName = (name: string): name is FactorName => Object.hasOwn(factors, name);

export const isSpare = (name: FactorName): boolean => factors[name].isSpare;

export const ownsCodes = (name: FactorName): boolean => factors[name].ownsCodes;

/** The factors of `names` that are left with these main ones. Spare ones go with the last that owns codes. */
export const withMains = (
  names: readonly FactorName[],
  mains: readonly (FactorName | false)[],
  keepsSpare = mains.some((main) => main && ownsCodes(main)),
): readonly FactorName[] => names.filter((name) => (isSpare(name) ? keepsSpare : mains.includes(name)));

/** The factors of `names` that a user can sign in with: none if only spare ones are left. */
export const withoutLoneSpares = (names: readonly FactorName[]): readonly FactorName[] =>
  names.every(isSpare) ? [] : names;

export const reachesPhr = (name: FactorName): boolean => factors[name].level === "phr";
