// AMPHO_SECURITY_SCOPE_TEXTS: what people read of a scope.

/** The texts of scopes for people, each one text or by language. */
export type ScopeTexts = Readonly<Record<string, string | Readonly<Record<string, string>>>>;

export function scopeText(texts: ScopeTexts, scope: string, language = "en"): string {
  const text = (Object.hasOwn(texts, scope) ? texts[scope] : undefined) ?? scope;
  return typeof text === "string" ? text : (text[language] ?? text["en"] ?? scope);
}
