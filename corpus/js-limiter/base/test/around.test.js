const { Limiter, TooMany } = require("../src/limiter")
const { limit } = require("../src/middleware")
const { retry } = require("../src/retry")

const reply = () => {
  const headers = {}
  return { headers, statusCode: 200, setHeader: (name, value) => (headers[name] = value), end() {} }
}

test("the middleware answers 429 and says when to come back", () => {
  const handle = limit(new Limiter({ capacity: 1, perSecond: 0.5 }, () => 0))
  const next = jest.fn()
  handle({ ip: "1" }, reply(), next)
  const refused = reply()
  handle({ ip: "1" }, refused, next)
  expect(next).toHaveBeenCalledTimes(1)
  expect(refused.statusCode).toBe(429)
  expect(refused.headers).toEqual({ "Retry-After": "2" })
})

test("retry waits as long as it is told", async () => {
  const sleep = jest.fn()
  const call = jest.fn().mockRejectedValueOnce(new TooMany("a", 40)).mockResolvedValue("ok")
  await expect(retry(call, { sleep })).resolves.toBe("ok")
  expect(sleep).toHaveBeenCalledWith(40)
})

test("retry gives other errors back at once", async () => {
  const call = jest.fn().mockRejectedValue(new TypeError("x"))
  await expect(retry(call)).rejects.toThrow(TypeError)
  expect(call).toHaveBeenCalledTimes(1)
})
