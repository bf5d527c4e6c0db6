// 128 random bits as text. `crypto.randomUUID` is missing in pages that came over plain http.

export function randomId(): string {
  return btoa(String.fromCharCode(...crypto.getRandomValues(new Uint8Array(16))));
}
