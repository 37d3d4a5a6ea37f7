import { spawn } from 'node:child_process'
import type { ChildProcess } from 'node:child_process'
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { createInterface } from 'node:readline'
import { afterAll, describe, expect, it } from 'vitest'
import { seededRandom } from '../platform/random.ts'
import { JsonlStore } from './jsonl-store.ts'

/** Real processes on a real directory. */

const isLong = process.env['ENGRAM_LONG'] === '1'
const rounds = isLong ? 500 : 30
const root = await mkdtemp(join(tmpdir(), 'engram-processes-'))
afterAll(() => rm(root, { recursive: true, force: true }))
const storeUrl = new URL('./jsonl-store.ts', import.meta.url).href

/** A child that runs `body` with `store`, `name` and `say(text)`, which writes a line at once. */
function child(directory: string, name: string, body: string): ChildProcess {
  const code = `
    import { writeSync } from 'node:fs'
    import { JsonlStore } from ${JSON.stringify(storeUrl)}
    const say = (text) => writeSync(1, text + '\\n')
    const name = ${JSON.stringify(name)}
    const store = await JsonlStore.open(${JSON.stringify(directory)})
    ${body}
    await store.close()`
  return spawn(process.execPath, ['--input-type=module', '-e', code], { stdio: ['ignore', 'pipe', 'inherit'] })
}

/** Lines a child has said until it ended; `onLine` hears each. */
async function linesOf(process: ChildProcess, onLine: (line: string) => void = () => undefined): Promise<string[]> {
  const lines: string[] = []
  const ended = new Promise<void>((resolve) => process.once('close', () => resolve()))
  const reader = createInterface({ input: process.stdout ?? ([] as never) })
  reader.on('line', (line) => {
    lines.push(line)
    onLine(line)
  })
  await ended
  return lines
}

const contents = async (store: JsonlStore): Promise<string[]> => (await store.getHistory('k')).map((one) => one.content)

describe('kill -9', () => {
  const title =
    'TRN-P2 TRN-807 again and again in the middle of appends, truncations and compactions: nothing acknowledged is lost'
  it(title, { timeout: isLong ? 600_000 : 60_000 }, async () => {
    const directory = join(root, 'killed')
    const random = seededRandom(20)
    let said = -1
    for (let round = 0; round < rounds; round++) {
      const writer = child(
        directory,
        'writer',
        `for (let n = ${said + 1}; ; n++) {
          await store.addMessage('k', 'user', String(n), { durability: n % 3 === 0 ? 'normal' : 'full' })
          say(String(n))
          if (n % 7 === 0) await store.truncateHistory('k', 30)
          if (n % 11 === 0) await store.compact('k')
        }`,
      )
      const delayMs = Number.parseInt(random.hex(1), 16) / 8
      let isDue = false
      const lines = await linesOf(writer, () => {
        if (isDue) return
        isDue = true
        setTimeout(() => writer.kill('SIGKILL'), delayMs)
      })
      expect(lines.length).toBeGreaterThan(0)
      said = Number(lines.at(-1))
      const store = await JsonlStore.open(directory, { readOnly: true })
      const numbers = (await contents(store)).map(Number)
      await store.close()
      const last = numbers.at(-1) ?? -1
      // One more may be there than was said; the rest follows without gap from wherever the truncation left it.
      expect([said, said + 1]).toContain(last)
      expect(numbers).toEqual(Array.from({ length: numbers.length }, (_, n) => last - numbers.length + 1 + n))
      expect(numbers.length).toBeGreaterThanOrEqual(Math.min(said + 1, 30))
      said = last
    }
    expect(said).toBeGreaterThan(40)
  })
})

describe('two processes on one directory', () => {
  it('TRN-P5 TRN-802 both append while a third truncates and compacts: each message once, in order, none lost', async () => {
    const directory = join(root, 'shared')
    const writing = `
      const calls = []
      for (let n = 0; n < 300; n++) {
        calls.push(store.addMessage('k', 'user', name + ' ' + n, { messageId: name + n }).then((one) => say(one.position + ' ' + name + ' ' + n)))
        if (n % 10 === 9) await Promise.all(calls)
      }
      await Promise.all(calls)`
    const said = await Promise.all([
      linesOf(child(directory, 'a', writing)),
      linesOf(child(directory, 'b', writing)),
      linesOf(
        child(
          directory,
          'c',
          `for (let n = 0; n < 12; n++) {
            await store.truncateHistory('k', 200)
            await store.compact('k')
            await new Promise((resolve) => setTimeout(resolve, 15))
          }`,
        ),
      ),
    ])
    const acknowledged = new Map(
      said.flat().map((line) => [Number(line.split(' ')[0]), line.slice(line.indexOf(' ') + 1)]),
    )
    expect(acknowledged.size).toBe(600)
    const store = await JsonlStore.open(directory)
    const page = await store.readHistory('k')
    await store.close()
    const first = page.messages[0]?.position ?? 0
    const expected = [...acknowledged].filter(([position]) => position >= first).sort(([x], [y]) => x - y)
    expect(page.messages.map((one) => [one.position, one.message.content])).toEqual(expected)
    expect(page.messages.length).toBeGreaterThanOrEqual(200)
    for (const name of ['a', 'b']) {
      const own = page.messages.map((one) => one.message.content).filter((text) => text.startsWith(name))
      expect(own).toEqual([...own].sort((x, y) => Number(x.slice(2)) - Number(y.slice(2))))
    }
  })

  it('TRN-802 a lock that is held is waited for', async () => {
    const directory = join(root, 'held')
    const holder = child(
      directory,
      'holder',
      `await store.addMessage('k', 'user', 'first'); say('held'); await new Promise((r) => setTimeout(r, 200))`,
    )
    const store = await JsonlStore.open(directory)
    const waited = new Promise<number>((resolve, reject) => {
      void linesOf(holder, () => {
        store.addMessage('k', 'user', 'second').then((one) => resolve(one.position), reject)
      })
    })
    expect(await waited).toBe(2)
    expect(await contents(store)).toEqual(['first', 'second'])
    await store.close()
  })
})
