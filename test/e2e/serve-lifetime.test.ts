import { spawnSync } from 'node:child_process'
import { once } from 'node:events'
import { existsSync } from 'node:fs'
import { connect } from 'node:net'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { afterEach, describe, expect, it } from 'vitest'
import { ask, bin, environment, isBuilt, newPlace, residentMiB, ServedProcess, type Place } from './served-process.ts'

const cleaning: (() => Promise<unknown> | void)[] = []

afterEach(async () => {
  for (const clean of cleaning.splice(0).toReversed()) await clean()
})

function place(): Place {
  const made = newPlace()
  cleaning.push(() => made.remove())
  return made
}

function serve(at: Place): ServedProcess {
  const server = new ServedProcess(at)
  cleaning.push(() => server.end())
  return server
}

const engram = (at: Place, ...words: readonly string[]) =>
  spawnSync(process.execPath, [bin, ...words, '--data-dir', at.dataDir], {
    encoding: 'utf8',
    env: environment(at.home),
  })

const save = (port: number, title: string) =>
  ask({ port }, 'POST', '/observations', { body: { title, content: `All about ${title}`, project: 'harbour' } })

async function titles(port: number): Promise<readonly string[]> {
  const { text } = await ask({ port }, 'GET', '/observations?limit=500')
  return (JSON.parse(text) as readonly { readonly title: string }[]).map((one) => one.title)
}

describe('stopping', () => {
  it('COL-2105 a running request ends, new ones are refused, idle connections go, exit 0', async () => {
    const at = place()
    const server = serve(at)
    const port = await server.port()
    let finish: (value: unknown) => void = () => undefined
    const slowly = new Promise((resolve) => (finish = resolve))
    const running = ask({ port }, 'POST', '/observations', { body: { title: 'Late', content: 'but kept' }, slowly })
    await sleep(200)
    server.kill('SIGTERM')
    await sleep(200)
    await expect(ask({ port }, 'GET', '/health')).rejects.toThrow('ECONNREFUSED')
    const finishedAt = performance.now()
    finish(null)
    expect((await running).status).toBe(201)
    expect(await server.exit).toMatchObject({ code: 0, signal: null })
    expect(performance.now() - finishedAt).toBeLessThan(2_000)
    expect(engram(at, 'search', 'Late').stdout).toContain('Late')
  })

  it('COL-2105 a second signal ends it at once', async () => {
    const server = serve(place())
    const port = await server.port()
    const running = ask({ port }, 'POST', '/observations', {
      body: { title: 'x', content: 'y' },
      slowly: new Promise(() => undefined),
    })
    running.catch(() => undefined)
    await sleep(200)
    server.kill('SIGTERM')
    await sleep(100)
    const asked = performance.now()
    server.kill('SIGTERM')
    expect(await server.exit).toMatchObject({ code: 130 })
    expect(performance.now() - asked).toBeLessThan(1_000)
  })

  it('an answer that is still on its way arrives whole; one that nobody reads is cut; exit 0', async () => {
    const server = serve(place())
    const port = await server.port()
    const imported = await ask({ port }, 'POST', '/import', { body: largeBackup() })
    expect(imported.json).toMatchObject({ observations_imported: 600, skipped: [] })
    const [slow, deaf] = [reader(port), reader(port)]
    await sleep(1_500)
    const asked = performance.now()
    server.kill('SIGINT')
    await sleep(300)
    slow.socket.resume()
    const { declared, received } = await slow.whole
    expect([declared > 25_000_000, received]).toEqual([true, declared])
    expect(await server.exit).toMatchObject({ code: 0 })
    expect(performance.now() - asked).toBeGreaterThan(4_000)
    expect(performance.now() - asked).toBeLessThan(8_000)
    deaf.socket.destroy()
  })

  /** Asks for everything and reads nothing until it is resumed. */
  function reader(port: number) {
    const socket = connect(port, '127.0.0.1', () => socket.write('GET /export HTTP/1.1\r\nHost: localhost\r\n\r\n'))
    const parts: Buffer[] = []
    socket.on('data', (part: Buffer) => parts.push(part))
    socket.on('error', () => undefined)
    socket.pause()
    const whole = once(socket, 'close').then(() => {
      const bytes = Buffer.concat(parts)
      const head = bytes.subarray(0, bytes.indexOf('\r\n\r\n')).toString('latin1')
      const declared = Number(/content-length: (\d+)/i.exec(head)?.[1])
      return { declared, received: bytes.length - head.length - 4 }
    })
    return { socket, whole }
  }

  /** More than the buffers between two ends of a connection hold. */
  function largeBackup(): unknown {
    const at = '2026-01-01 00:00:00'
    const observations = Array.from({ length: 600 }, (_, index) => ({
      sync_id: `obs-${String(index).padStart(16, '0')}`,
      session_id: 'large',
      type: 'manual',
      title: `Part ${index}`,
      content: `${index} `.padEnd(49_000, 'all about harbours '),
      project: 'harbour',
      scope: 'project',
      revision_count: 1,
      duplicate_count: 1,
      created_at: at,
      updated_at: at,
    }))
    const session = { id: 'large', project: 'harbour', directory: '', started_at: at }
    return { version: '0.2.0', exported_at: at, sessions: [session], observations, prompts: [] }
  }

  it('an idle server ends in a moment and leaves no WAL behind', async () => {
    const at = place()
    const server = serve(at)
    const port = await server.port()
    await save(port, 'Checkpointed')
    const idle = connect(port, '127.0.0.1')
    idle.on('error', () => undefined)
    await once(idle, 'connect')
    const asked = performance.now()
    server.kill('SIGTERM')
    expect(await server.exit).toMatchObject({ code: 0 })
    expect(performance.now() - asked).toBeLessThan(1_500)
    expect(existsSync(join(at.dataDir, 'engram.db-wal'))).toBe(false)
  })
})

describe('keeping what was acknowledged', () => {
  it('C1 C2 kill -9 under load, three times: nothing acknowledged is lost', async () => {
    const at = place()
    const acknowledged: string[] = []
    for (let round = 0; round < 3; round++) {
      const server = serve(at)
      const port = await server.port()
      const writers = Array.from({ length: 8 }, async (_, writer) => {
        for (let count = 0; ; count++) {
          const title = `Round ${round} writer ${writer} save ${count}`
          const answer = await save(port, title).catch(() => null)
          if (answer === null) return
          if (answer.status === 201) acknowledged.push(title)
        }
      })
      await sleep(250 + 40 * round)
      server.kill('SIGKILL')
      await Promise.all([...writers, server.exit])
    }
    expect(acknowledged.length).toBeGreaterThan(30)
    const port = await serve(at).port()
    const { text } = await ask({ port }, 'GET', '/export')
    const kept = new Set(
      (JSON.parse(text) as { observations: { title: string }[] }).observations.map((one) => one.title),
    )
    expect(acknowledged.filter((title) => !kept.has(title))).toEqual([])
  })

  it('L1 two servers and the command line on one data dir see each other', async () => {
    const at = place()
    const [one, two] = [serve(at), serve(at)]
    const [first, second] = [await one.port(), await two.port()]
    const through = (port: number, name: string) =>
      Promise.all(Array.from({ length: 40 }, async (_, count) => (await save(port, `${name} ${count}`)).status))
    const line = sleep(50).then(
      () => engram(at, 'save', 'By hand', 'From the command line', '--project', 'harbour').status,
    )
    const statuses = await Promise.all([through(first, 'one'), through(second, 'two')])
    expect(statuses.flat().filter((status) => status !== 201)).toEqual([])
    expect(await line).toBe(0)
    for (const port of [first, second]) {
      const seen = await titles(port)
      expect(seen).toHaveLength(81)
      expect(seen).toContain('By hand')
    }
  })
})

describe('figures', () => {
  it('idle memory of a server: 120 MiB as built, more from sources, which carry the compiler', async () => {
    const server = serve(place())
    const port = await server.port()
    await save(port, 'One')
    await sleep(1_500)
    const mib = Math.round(residentMiB(server.pid))
    process.stderr.write(`${JSON.stringify({ figure: 'idle_server_rss_mib', mib, built: isBuilt })}\n`)
    expect(mib).toBeLessThan(isBuilt ? 120 : 180)
  })
})
