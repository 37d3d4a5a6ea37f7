import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { startLocalServer, type LocalServer } from './http/local-server.ts'
import { sendRaw } from './http/raw-connection.ts'

let server: LocalServer

beforeAll(async () => {
  server = await startLocalServer()
})
afterAll(async () => {
  // Senders that drip or leave are no failures of the server.
  expect(server.told.filter((line) => line.includes('"level":"error"'))).toEqual([])
  await server.close()
})

describe('R4 slow senders', () => {
  const json = 'Host: localhost\r\nContent-Type: application/json'
  const drip =
    (bytes: string, everyMs: number) =>
    (socket: { write(bytes: string): unknown; once(event: 'close', done: () => void): unknown }): void => {
      const timer = setInterval(() => socket.write(bytes), everyMs)
      socket.once('close', () => clearInterval(timer))
    }
  const slow = {
    'nothing at all': ['', () => undefined, 408],
    'a header a byte at a time': ['GET /health HTTP/1.1\r\nX-Slow: ', drip('x', 200), 408],
    'a body a byte at a time': [
      `POST /observations HTTP/1.1\r\n${json}\r\nContent-Length: 1000000\r\n\r\n{`,
      drip(' ', 200),
      408,
    ],
    'a body that stops': [
      `POST /observations HTTP/1.1\r\n${json}\r\nContent-Length: 100\r\n\r\n{`,
      () => undefined,
      408,
    ],
    'chunks without end': [
      `POST /observations HTTP/1.1\r\n${json}\r\nTransfer-Encoding: chunked\r\n\r\n`,
      drip('1\r\n \r\n', 200),
      408,
    ],
    'chunks without end behind a GET': [
      `GET /health HTTP/1.1\r\n${json}\r\nTransfer-Encoding: chunked\r\n\r\n`,
      drip('1\r\n \r\n', 200),
      200,
    ],
    'a body behind a refusal': [
      `POST /nowhere HTTP/1.1\r\nHost: evil.test\r\nContent-Length: 1000000\r\n\r\n`,
      drip('x', 200),
      403,
    ],
    'a body behind an unknown path': [
      `POST /nowhere HTTP/1.1\r\nHost: localhost\r\nContent-Length: 1000000\r\n\r\n`,
      drip('x', 200),
      404,
    ],
  } as const

  it.concurrent('R4 are gone within 5 s, and others do not notice', async () => {
    const dripping = Object.entries(slow).map(async ([name, [bytes, during, status]]) => {
      const answer = await sendRaw(server.port, bytes, { forMs: 8_000, during })
      return { name, ok: answer.closed && answer.tookMs <= 5_000 && answer.status === status, ...answer }
    })
    const healthy = Array.from({ length: 20 }, async (_, index) => {
      await new Promise((resolve) => setTimeout(resolve, index * 200))
      const started = performance.now()
      await server.send('GET', '/health')
      return performance.now() - started
    })
    expect((await Promise.all(dripping)).filter((answer) => !answer.ok)).toEqual([])
    const tookMs = (await Promise.all(healthy)).toSorted((a, b) => a - b)
    expect(tookMs[Math.floor(tookMs.length / 2)]).toBeLessThan(100)
  })

  it.concurrent('R4 a large body that keeps moving is no slow one', async () => {
    const bytes = 400_000
    const parts = 16
    const head = `POST /import HTTP/1.1\r\n${json}\r\nConnection: close\r\nContent-Length: ${bytes * parts}\r\n\r\n`
    const filler = ' '.repeat(bytes)
    const backup = '{"version":"0.2.0","exported_at":"","sessions":[],"observations":[],"prompts":[]}'
    let sent = 0
    const answer = await sendRaw(server.port, head, {
      forMs: 10_000,
      during: (socket) => {
        const timer = setInterval(() => {
          sent += 1
          socket.write(sent < parts ? filler : filler.slice(backup.length) + backup)
          if (sent === parts) clearInterval(timer)
        }, 350)
      },
    })
    expect(answer.status).toBe(200)
    expect(answer.tookMs).toBeGreaterThan(5_000)
  })

  it.concurrent('a caller that leaves in the middle of a body is no failure of the server', async () => {
    const bytes = `POST /observations HTTP/1.1\r\n${json}\r\nContent-Length: 100\r\n\r\n{`
    await sendRaw(server.port, bytes, { during: (socket) => setTimeout(() => socket.destroy(), 50) })
    await server.send('GET', '/health')
  })
})
