import { connect, type Socket } from 'node:net'
import { setTimeout as sleep } from 'node:timers/promises'
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

/** Whether a server has let go of a caller that asks and reads nothing for `forMs`. */
async function isLetGo(port: number, bytes: string, forMs: number): Promise<boolean> {
  const socket = connect(port, '127.0.0.1', () => socket.write(bytes))
  socket.on('error', () => undefined)
  await sleep(forMs)
  // Only who writes hears that nobody is there any more.
  for (let n = 0; n < 3; n++) {
    if (socket.writable) socket.write('\r\n')
    await sleep(20)
  }
  const isOver = socket.destroyed
  socket.destroy()
  return isOver
}

describe('COL-1805 timeouts are as set', () => {
  it('of the head, the body, a connection without a request, and an answer that nobody takes', async () => {
    const { defaultServerSettings } = await import('../../src/model/server-settings.ts')
    const quick = await startLocalServer({
      server: { ...defaultServerSettings, timeouts: { readMs: 1_500, writeMs: 300, idleMs: 400 } },
    })
    const closedAfter = async (bytes: string, during: (socket: Socket) => void = () => undefined): Promise<number> => {
      const { closed, tookMs } = await sendRaw(quick.port, bytes, { forMs: 6_000, during })
      return closed ? tookMs : Number.POSITIVE_INFINITY
    }
    const head = 'HTTP/1.1\r\nHost: localhost\r\n'
    for (let n = 0; n < 40; n++) {
      await quick.send('POST', '/observations', {
        body: { session_id: 's', type: 'manual', title: `Long ${n}`, content: `${n} ${'x'.repeat(48_000)}` },
      })
    }
    // Each answer is some 2 MB: more than what the two sockets hold.
    const many = `GET /export ${head}\r\n`.repeat(20)
    const [headMs, bodyMs, idleMs, isUnreadOver] = await Promise.all([
      closedAfter('GET /health HTTP/1.1\r\nX-Slow: '),
      closedAfter(`POST /observations ${head}Content-Type: application/json\r\nContent-Length: 9\r\n\r\n{`),
      closedAfter(`GET /health ${head}\r\n`),
      isLetGo(quick.port, many, 2_500),
    ])
    expect(headMs).toBeLessThan(1_500)
    expect(bodyMs).toBeLessThan(2_000)
    expect(idleMs).toBeGreaterThan(300)
    expect(idleMs).toBeLessThan(3_000)
    expect(isUnreadOver).toBe(true)
    // In the same time, by the times of everybody else, nobody is.
    expect(await isLetGo(server.port, `GET /health ${head}\r\n`, 2_500)).toBe(false)
    await quick.close()
  }, 20_000)
})

describe('COL-1805 timeouts out of the common', () => {
  it.each([
    ['a part of a second', { readMs: 333, writeMs: 7, idleMs: 1_001 }],
    ['hours', { readMs: 36_000_000, writeMs: 36_000_000, idleMs: 2_147_483_647 }],
  ])('%s: it serves', async (_name, timeouts) => {
    const { defaultServerSettings } = await import('../../src/model/server-settings.ts')
    const served = await startLocalServer({ server: { ...defaultServerSettings, timeouts } })
    expect((await served.send('GET', '/health')).status).toBe(200)
    await served.close()
  })
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
