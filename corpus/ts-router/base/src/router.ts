import { BadPath, compile, type Params } from "./pattern.ts"

export type Answer = { status: number; body: string }
export type Handler = (params: Params) => Answer | Promise<Answer>

type Route = { method: string; match: (path: string) => Params | undefined; handler: Handler }

/** The first route that fits answers; a path that fits with another method only is 405, no path at all 404. */
export class Router {
  readonly #routes: Route[] = []

  on(method: string, pattern: string, handler: Handler): this {
    this.#routes.push({ method, match: compile(pattern), handler })
    return this
  }

  async handle(method: string, url: string): Promise<Answer> {
    const [path = ""] = url.split("?")
    try {
      const fitting = this.#routes.flatMap((route) => {
        const params = route.match(path)
        return params === undefined ? [] : [{ route, params }]
      })
      const found = fitting.find(({ route }) => route.method === method)
      if (found !== undefined) return await found.route.handler(found.params)
      return fitting.length > 0 ? { status: 405, body: "method not allowed" } : { status: 404, body: "not found" }
    } catch (error) {
      if (error instanceof BadPath) return { status: 400, body: error.message }
      return { status: 500, body: "internal error" }
    }
  }
}
