const nameMax = 100;

/** Control characters and those that change the direction of text can disguise a name in a list. */
export function cleanName(name = "", fallback = "Passkey"): string {
  const cleaned = name.replace(/[\p{Cc}\p{Cf}\p{Zl}\p{Zp}\p{Cs}]/gu, "").trim();
  return Array.from(cleaned).slice(0, nameMax).join("") || fallback;
}
