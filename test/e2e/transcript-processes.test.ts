import { spawn } from 'node:child_process'
import type { ChildProcess } from 'node:child_process'
import { once } from 'node:events'
import { existsSync } from 'node:fs'
import { mkdtemp, readFile, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join, resolve } from 'node:path'
import { pathToFileURL } from 'node:url'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { seededRandom } from '../../src/platform/random.ts'
import { JsonlStore } from '../../src/transcript/jsonl-store.ts'

/** Real processes that use the built `engram/transcript` on a real directory. */

const built = resolve(import.meta.dirname, '../../dist/transcript.js')
const isLong = process.env['ENGRAM_LONG'] === '1'
const root = await mkdtemp(join(tmpdir(), 'engram-transcript-processes-'))
afterAll(() => rm(root, { recursive: true, force: true }))
beforeAll(() => {
  if (!existsSync(built)) throw new Error('dist is not built; `npm test` does it, or `npm run build`')
})

/** A process with an open `store` and `say(text)`, which writes a line before it goes on. */
function child(directory: string, body: string): ChildProcess {
  const code = `
    import { writeSync } from 'node:fs'
    import { JsonlStore } from ${JSON.stringify(pathToFileURL(built).href)}
    const say = (text) => writeSync(1, text + '\\n')
    const store = await JsonlStore.open(${JSON.stringify(directory)})
    ${body}
    await store.close()`
  return spawn(process.execPath, ['--input-type=module', '-e', code], { stdio: ['ignore', 'pipe', 'inherit'] })
}

/** Everything a process said until it ended; `onFirst` hears that it began. */
async function saidBy(running: ChildProcess, onFirst: () => void = () => undefined): Promise<string[]> {
  let text = ''
  running.stdout?.setEncoding('utf8').on('data', (part: string) => {
    if (text === '') onFirst()
    text += part
  })
  await once(running, 'close')
  return text.split('\n').slice(0, -1)
}

describe('C1 kill -9 in the middle of appends', () => {
  /** Rounds on one directory, each a process that goes on where the last one was killed. */
  async function lane(name: string, rounds: number): Promise<{ readonly kills: number; readonly messages: number }> {
    const directory = join(root, name)
    const random = seededRandom(name.length)
    let next = 0
    let position = 0
    for (let round = 0; round < rounds; round++) {
      // One after the other, or many at once that share a sync.
      const wide = round % 3 === 2 ? 8 : 1
      const writer = child(
        directory,
        `for (let n = ${next}; ; ) {
          const durability = n % 3 === 0 ? 'normal' : 'full'
          await Promise.all(Array.from({ length: ${wide} }, () => {
            const mine = n++
            return store.addMessage('k', 'user', String(mine), { durability }).then(() => say(String(mine)))
          }))
        }`,
      )
      const delayMs = (Number.parseInt(random.hex(2), 16) / 0xffff) * 50
      const said = (await saidBy(writer, () => setTimeout(() => writer.kill('SIGKILL'), delayMs))).map(Number)
      expect(said.length).toBeGreaterThan(0)
      const store = await JsonlStore.open(directory, { readOnly: true })
      const found: number[] = []
      for (let after: number | null = position; after !== null;) {
        const page: Awaited<ReturnType<JsonlStore['readHistory']>> = await store.readHistory('k', { after })
        found.push(...page.messages.map((one) => Number(one.message.content)))
        position = page.messages.at(-1)?.position ?? position
        after = page.next
      }
      await store.close()
      // In order, once, without a gap; beyond what was said only what was under way.
      expect(found).toEqual(Array.from({ length: found.length }, (_, n) => next + n))
      expect(found.length).toBeGreaterThanOrEqual(said.length)
      expect(found.length).toBeLessThanOrEqual(said.length + wide)
      next += found.length
    }
    const store = await JsonlStore.open(directory)
    expect(await store.count('k')).toBe(next)
    expect((await store.inspect('k'))?.retained).toBe(next)
    await store.close()
    return { kills: rounds, messages: next }
  }

  it(
    'C1 TRN-P2 every acknowledged message is there, in order, once, at either durability',
    { timeout: 600_000 },
    async () => {
      const rounds = isLong ? 2_500 : 100
      const lanes = await Promise.all([lane('a', rounds), lane('bb', rounds)])
      const kills = lanes.reduce((sum, one) => sum + one.kills, 0)
      expect(kills).toBe(2 * rounds)
      console.log(JSON.stringify({ test: 'transcript kill -9', kills, messages: lanes.map((one) => one.messages) }))
    },
  )
})

describe('two processes on one key', () => {
  it('TRN-P5 10,000 messages each: nothing lost, nothing interleaved, each in its own order', async () => {
    const directory = join(root, 'shared')
    const each = 10_000
    const writing = (name: string): string => `
      const filler = 'x'.repeat(300)
      for (let n = 0; n < ${each}; n += 200) {
        const group = Array.from({ length: 200 }, (_, i) =>
          store.addMessage('k', 'user', ${JSON.stringify(name)} + ' ' + (n + i) + ' ' + filler.slice(0, (n + i) % 300)))
        for (const one of await Promise.all(group)) if (!one.stored) throw new Error('not stored')
        say(String(n))
      }`
    const started = performance.now()
    const said = await Promise.all(['a', 'b'].map((name) => saidBy(child(directory, writing(name)))))
    console.log(JSON.stringify({ test: 'transcript two writers', ms: Math.round(performance.now() - started) }))
    expect(said.map((lines) => lines.length)).toEqual([each / 200, each / 200])
    const lines = (await readFile(join(directory, 's-k.jsonl'), 'utf8')).split('\n')
    expect(lines).toHaveLength(2 * each + 1)
    const store = await JsonlStore.open(directory)
    const messages = (await store.getHistory('k')).map((one) => one.content)
    expect(await store.inspect('k')).toMatchObject({ retained: 2 * each, badTotal: 0, isTorn: false })
    await store.close()
    for (const name of ['a', 'b']) {
      const own = messages.filter((text) => text.startsWith(name)).map((text) => Number(text.split(' ')[1]))
      expect(own).toEqual(Array.from({ length: each }, (_, n) => n))
    }
  })
})

describe('TRN-805 opposite promotions from two processes', () => {
  it('TRN-P8 over all pairs of keys: every one ends', async () => {
    const directory = join(root, 'promoted')
    const keys = ['a', 'b', 'c', 'd']
    const body = (order: string): string => `
      const keys = ${JSON.stringify(keys)}${order}
      for (const key of keys) await store.addMessage(key, 'user', key)
      for (let round = 0; round < 3; round++)
        await Promise.all(keys.flatMap((one) => keys.filter((other) => other !== one)
          .map((other) => store.promoteAliasHistory(one, {}, [other]))))
      say('done')`
    const said = await Promise.all(['', '.reverse()'].map((order) => saidBy(child(directory, body(order)))))
    expect(said).toEqual([['done'], ['done']])
  })
})

describe('engram/transcript by itself', () => {
  it('TRN-111 loads no SQLite and exports what the rule names', async () => {
    const code = `
      const exported = await import(${JSON.stringify(pathToFileURL(built).href)})
      const libraries = process.report.getReport().sharedObjects.filter((one) => one.includes('sqlite'))
      process.stdout.write(JSON.stringify({ names: Object.keys(exported).sort(), libraries }))`
    const running = spawn(process.execPath, ['--input-type=module', '-e', code], {
      stdio: ['ignore', 'pipe', 'inherit'],
    })
    let text = ''
    running.stdout.setEncoding('utf8').on('data', (part: string) => (text += part))
    await once(running, 'close')
    expect(JSON.parse(text)).toEqual({
      names: ['JsonlStore', 'MemoryTranscriptStore', 'migrateFromJson', 'migrateLayout'],
      libraries: [],
    })
  })
})
