// Moved. This file goes when nothing imports it.
export * from "../world/http-server.js";
