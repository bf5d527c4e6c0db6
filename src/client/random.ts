// 128 random bits as text. `crypto.randomUUID` is missing in pages that came over plain http.

export function randomId(): string {
  return crypto.getRandomValues(new Uint8Array(16)).join("-");
}
