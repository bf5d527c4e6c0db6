import { ampho } from "../../../../../ampho.js";

type Event = { request: Request; getClientAddress(): string };
export const fallback = (event: Event) => ampho.fetch(event.request, { address: event.getClientAddress() });
