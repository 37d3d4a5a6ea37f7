import { spawnSync } from 'node:child_process'
import { existsSync, mkdirSync, readFileSync, statSync, writeFileSync } from 'node:fs'
import { createServer, type Server as HttpServer } from 'node:http'
import { createServer as createNetServer, type AddressInfo, type Server } from 'node:net'
import { join } from 'node:path'
import { afterEach, describe, expect, it } from 'vitest'
import { ask, listeningSockets, newPlace, ServedProcess, type Place } from './served-process.ts'

const cleaning: (() => Promise<unknown> | void)[] = []

afterEach(async () => {
  for (const clean of cleaning.splice(0).toReversed()) await clean()
})

function place(): Place {
  const made = newPlace()
  cleaning.push(() => made.remove())
  return made
}

function serve(at: Place, words?: readonly string[], env?: Readonly<Record<string, string>>): ServedProcess {
  const server = new ServedProcess(at, words, env)
  cleaning.push(() => server.end())
  return server
}

describe('listening', () => {
  it('MEM-1301 W10 says where, on loopback only, and names itself', async () => {
    const server = serve(place())
    const port = await server.port()
    expect(server.told).toBe(`[engram] HTTP server listening on 127.0.0.1:${port}\n`)
    expect(listeningSockets(server.pid)).toEqual([`127.0.0.1:${port}`])
    const health = await ask({ port }, 'GET', '/health')
    expect(health.json).toMatchObject({ status: 'ok', service: 'engram', instance_id: expect.any(String) })
  })

  it('W10 an address others can reach is refused without a token, before anything listens', async () => {
    const server = serve(place(), ['--addr', '0.0.0.0:0'])
    expect(await server.exit).toMatchObject({ code: 2 })
    expect(server.told).toContain('token')
  })

  it('MEM-1302 with a token it listens there, and every route wants it, /health too', async () => {
    const server = serve(place(), ['--addr', '0.0.0.0:0'], { ENGRAM_HTTP_TOKEN: 'a-token' })
    const port = await server.port()
    expect(listeningSockets(server.pid)).toEqual([`0.0.0.0:${port}`])
    const headers = { authorization: 'Bearer a-token' }
    expect((await ask({ port }, 'GET', '/health')).status).toBe(401)
    expect((await ask({ port }, 'GET', '/health', { headers })).status).toBe(200)
    expect((await ask({ port }, 'GET', '/observations')).status).toBe(401)
    expect(server.told).not.toContain('a-token')
  })
})

describe('an address that is taken', () => {
  async function stranger(server: Server | HttpServer): Promise<number> {
    await new Promise<void>((listening) => server.listen(0, '127.0.0.1', listening))
    cleaning.push(() => void server.close())
    return (server.address() as AddressInfo).port
  }

  it('MEM-1301 by ourselves with the same data dir: a notice, exit 0', async () => {
    const at = place()
    const port = await serve(at).port()
    const second = serve(at, ['--port', String(port)])
    expect(await second.exit).toMatchObject({ code: 0 })
    expect(second.told).toContain('already served')
    expect((await ask({ port }, 'GET', '/health')).status).toBe(200)
  })

  it('by ourselves with another data dir: exit 1', async () => {
    const port = await serve(place()).port()
    const second = serve(place(), ['--port', String(port)])
    expect(await second.exit).toMatchObject({ code: 1 })
    expect(second.told).toContain(`127.0.0.1:${port} is already in use`)
  })

  it.each([
    ['another web server', () => createServer((_, answer) => void answer.end('{"instance_id":"mine"}'))],
    ['one that never answers', () => createNetServer(() => undefined)],
    ['one that never stops', () => createNetServer((socket) => drip(socket, 'HTTP/1.1 200 OK\r\n\r\n'))],
    ['one that hangs up', () => createNetServer((socket) => void socket.destroy())],
  ])('by %s: exit 1 with the address, soon', async (_name, make) => {
    const port = await stranger(make())
    const server = serve(place(), ['--port', String(port)])
    const { code, tookMs } = await server.exit
    expect([code, server.told]).toEqual([1, expect.stringContaining(`127.0.0.1:${port} is already in use`)])
    expect(tookMs).toBeLessThan(10_000)
  })

  function drip(
    socket: { write(text: string): unknown; on(event: 'close' | 'error', done: () => void): unknown },
    head: string,
  ) {
    socket.write(head)
    const timer = setInterval(() => socket.write('x'), 50)
    socket.on('error', () => undefined)
    socket.on('close', () => clearInterval(timer))
  }
})

describe('a unix socket', () => {
  it('MEM-1301 is all it listens on, for its owner alone, and goes with the server', async () => {
    const at = place()
    const socketPath = join(at.home, 'engram.sock')
    const server = serve(at, [], { ENGRAM_SOCKET: socketPath })
    expect(await server.address()).toBe(socketPath)
    expect(listeningSockets(server.pid)).toEqual([])
    expect(statSync(socketPath).mode & 0o777).toBe(0o600)
    expect((await ask({ socketPath }, 'GET', '/health')).status).toBe(200)
    expect((await ask({ socketPath }, 'GET', '/health', { headers: { host: 'evil.test' } })).status).toBe(403)
    server.kill('SIGTERM')
    expect(await server.exit).toMatchObject({ code: 0 })
    expect(existsSync(socketPath)).toBe(false)
  })

  it('MEM-1301 left by a killed server is taken over; one that is answered is not', async () => {
    const at = place()
    const socketPath = join(at.home, 'engram.sock')
    const first = serve(at, ['--socket', socketPath])
    await first.address()
    await first.end()
    expect(existsSync(socketPath)).toBe(true)
    const second = serve(at, ['--socket', socketPath])
    await second.address()
    const third = serve(at, ['--socket', socketPath])
    expect(await third.exit).toMatchObject({ code: 0 })
    const other = serve(place(), ['--socket', socketPath])
    expect(await other.exit).toMatchObject({ code: 1 })
    expect((await ask({ socketPath }, 'GET', '/health')).status).toBe(200)
  })

  it.each([
    [
      'a file',
      (path: string) => writeFileSync(path, 'precious'),
      (path: string) => readFileSync(path, 'utf8') === 'precious',
    ],
    ['a directory', (path: string) => mkdirSync(path), (path: string) => statSync(path).isDirectory()],
    ['a pipe', (path: string) => spawnSync('mkfifo', [path]), (path: string) => statSync(path).isFIFO()],
  ])('MEM-1301 %s at its path is refused and left alone', async (_name, make, isThere) => {
    const at = place()
    const path = join(at.home, 'taken')
    make(path)
    const server = serve(at, ['--socket', path])
    expect(await server.exit).toMatchObject({ code: 2 })
    expect(server.told).toContain('is no socket')
    expect(isThere(path)).toBe(true)
  })
})
