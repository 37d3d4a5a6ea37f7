import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { SimulatedClock } from '../platform/clock.ts'
import { createMemoryLocks } from '../platform/file-lock.ts'
import { seededRandom } from '../platform/random.ts'
import { JsonlStore } from './jsonl-store.ts'
import type { LayoutName } from './layout.ts'
import { MemoryFiles } from './memory-files.ts'

/** Any schedule against a model of raw lines: reopening, lines of others, damage and absurd numbers included (TRN-P4). */

type Raw = { readonly text: string | null }
type Step =
  | { readonly do: 'add' | 'lazy'; readonly text: string }
  | { readonly do: 'truncate'; readonly keep: number }
  | { readonly do: 'set'; readonly texts: readonly string[] }
  | { readonly do: 'compact'; readonly force: boolean }
  | { readonly do: 'reopen' | 'rewrite-meta' }
  | { readonly do: 'foreign'; readonly line: string; readonly shows: string | null }

const json = (content: string): string => JSON.stringify({ role: 'user', content })
const foreign = (line: string, shows: string | null): Step => ({ do: 'foreign', line, shows })
const text = fc.string({ maxLength: 8 })

const step: fc.Arbitrary<Step> = fc.oneof(
  { weight: 5, arbitrary: fc.record({ do: fc.constantFrom('add' as const, 'lazy' as const), text }) },
  {
    weight: 3,
    arbitrary: fc.record({
      do: fc.constant('truncate' as const),
      keep: fc.oneof(
        fc.integer({ min: -2, max: 9 }),
        fc.constantFrom(Number.MAX_SAFE_INTEGER, Number.MIN_SAFE_INTEGER, 2 ** 31, -(2 ** 31), 2 ** 53, 1e300),
      ),
    }),
  },
  fc.record({ do: fc.constant('set' as const), texts: fc.array(text, { maxLength: 4 }) }),
  { weight: 2, arbitrary: fc.record({ do: fc.constant('compact' as const), force: fc.boolean() }) },
  { weight: 2, arbitrary: fc.record({ do: fc.constantFrom('reopen' as const, 'rewrite-meta' as const) }) },
  {
    weight: 4,
    arbitrary: fc.oneof(
      text.map((one) => foreign(`${json(one)}\n`, one)),
      text.map((one) => foreign(`${json(one)}\r\n`, one)),
      text.map((one) => foreign(`${json(one).slice(0, -2)}\n`, null)),
      fc.constantFrom(
        foreign('\u0000\u0000\u0000\n', null),
        foreign('[1]\n', null),
        foreign('{"role":"user","content":7}\n', null),
        foreign('{"role":"assistant","content":"","reasoning_content":"hm"}\n', null),
      ),
    ),
  },
  fc.constantFrom(...['\n', '\r\n', '  \n'].map((line) => foreign(line, null))),
)

class Model {
  lines: Raw[] = []
  skip = 0

  apply(one: Step): void {
    switch (one.do) {
      case 'add':
      case 'lazy':
        this.lines.push({ text: one.text })
        return
      case 'foreign':
        if (one.line.trim() !== '') this.lines.push({ text: one.shows })
        return
      case 'truncate':
        this.#truncate(one.keep)
        return
      case 'set':
        this.lines = one.texts.map((text) => ({ text }))
        this.skip = 0
        return
      case 'compact':
        if (this.skip === 0 && !one.force) return
        this.lines = this.lines.slice(this.skip).filter((line) => line.text !== null)
        this.skip = 0
        return
      case 'reopen':
      case 'rewrite-meta':
    }
  }

  #truncate(keep: number): void {
    const active = [...this.lines.entries()].filter(([index, line]) => index >= this.skip && line.text !== null)
    if (keep <= 0 || active.length === 0) this.skip = this.lines.length
    else if (keep < active.length) this.skip = (active.at(-keep - 1)?.[0] ?? 0) + 1
  }

  get visible(): string[] {
    return this.lines.slice(this.skip).flatMap((line) => line.text ?? [])
  }
}

describe.each(['native', 'compat'] as const)('TRN-P4 %s', (layout) => {
  it('any schedule shows what the model shows, also after everything was opened again', async () => {
    await fc.assert(
      fc.asyncProperty(fc.array(step, { maxLength: 30 }), fc.nat(8), async (steps, last) => {
        const world = new World(layout)
        await world.open()
        // The first write notes the layout; a bare line of another program would be taken for theirs.
        await world.store.setSummary('k', 'so far')
        const model = new Model()
        for (const one of steps) {
          model.apply(one)
          await world.apply(one)
          expect(await world.contents()).toEqual(model.visible)
        }
        await world.open()
        expect(await world.contents()).toEqual(model.visible)
        expect(await world.contents(last)).toEqual(last === 0 ? [] : model.visible.slice(-last))
        expect(await world.store.count('k')).toBe(model.visible.length)
      }),
      { numRuns: 150 },
    )
  })
})

class World {
  readonly files = new MemoryFiles()
  readonly #layout: LayoutName
  readonly #path: string
  readonly #clock = new SimulatedClock()
  store: JsonlStore = undefined as never

  constructor(layout: LayoutName) {
    this.#layout = layout
    this.#path = layout === 'native' ? '/t/s-k' : '/t/k'
  }

  async open(): Promise<void> {
    await (this.store as JsonlStore | undefined)?.close()
    this.store = await JsonlStore.open('/t', {
      files: this.files,
      clock: this.#clock,
      random: seededRandom(5),
      locks: createMemoryLocks(),
      layout: this.#layout,
    })
  }

  async contents(last?: number): Promise<string[]> {
    const messages = await this.store.getHistory('k', last === undefined ? {} : { last })
    return messages.map((message) => message.content)
  }

  async apply(one: Step): Promise<void> {
    switch (one.do) {
      case 'add':
      case 'lazy':
        await this.store.addMessage('k', 'user', one.text, { durability: one.do === 'add' ? 'full' : 'normal' })
        return
      case 'truncate':
        return this.store.truncateHistory('k', one.keep)
      case 'set':
        return this.store.setHistory(
          'k',
          one.texts.map((content) => ({ role: 'user', content })),
        )
      case 'compact':
        return this.store.compact('k', { force: one.force })
      case 'reopen':
        return this.open()
      case 'rewrite-meta':
        return this.store.setSummary('k', 'so far')
      case 'foreign':
        return this.#foreign(one.line)
    }
  }

  /** Another program appends while our burst is over. */
  async #foreign(line: string): Promise<void> {
    await this.open()
    await (await this.files.open(`${this.#path}.jsonl`, 'append')).write(Buffer.from(line))
  }
}
