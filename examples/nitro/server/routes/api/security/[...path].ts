import { defineHandler } from "h3";
import { ampho } from "../../../../ampho.js";

export default defineHandler((event) => ampho.fetch(event.req, { address: event.req.ip }));
