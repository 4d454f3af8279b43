import { createServer, type Server } from "node:http"
import type { Router } from "./router.ts"

/** A server of node's that asks the router. */
export function serve(router: Router): Server {
  return createServer(async (request, response) => {
    const { status, body } = await router.handle(request.method ?? "GET", request.url ?? "/")
    response.writeHead(status, { "content-type": "text/plain; charset=utf-8" }).end(body)
  })
}
