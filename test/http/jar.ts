// A browser's cookies, as far as these tests need them: names, values, and the removal by Max-Age 0.

export interface Jar {
  /** The Cookie header. */
  header(): string;
  get(name: string): string | undefined;
  set(name: string, value: string): void;
  remove(name: string): void;
  keep(response: Response): void;
}

export function openJar(): Jar {
  const cookies = new Map<string, string>();
  return {
    header: () => [...cookies].map(([name, value]) => `${name}=${value}`).join("; "),
    get: (name) => cookies.get(name),
    set: (name, value) => void cookies.set(name, value),
    remove: (name) => void cookies.delete(name),
    keep(response) {
      for (const line of response.headers.getSetCookie()) {
        const [, name = "", value = ""] = /^([^=;]+)=([^;]*)/.exec(line) ?? [];
        if (/; Max-Age=0(?:;|$)/.test(line)) cookies.delete(name);
        else cookies.set(name, value);
      }
    },
  };
}
