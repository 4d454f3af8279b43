/** The part of jstat that is used; it comes without types. */
declare module "jstat" {
  const jstat: { jStat: { beta: { inv(p: number, alpha: number, beta: number): number } } }
  export = jstat
}
