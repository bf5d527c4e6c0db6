// Express 4 beside Express 5, under its name in package.json. Their types agree in all that the suite uses.
declare module "express4" {
  export { default } from "express";
}
