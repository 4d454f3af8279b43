export { delays } from "./delays.js"
export { retry } from "./retry.js"
