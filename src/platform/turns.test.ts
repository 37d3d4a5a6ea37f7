import { spawn, spawnSync } from 'node:child_process'
import { once } from 'node:events'
import { mkdtempSync, readdirSync, rmSync, utimesSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { systemRandom } from './random.ts'
import { startedTicksOf } from './process-life.ts'
import { ticketName } from './ticket.ts'
import { Turns } from './turns.ts'

let directory = ''
const line = (): string[] => readdirSync(directory)
const door = (): Turns => new Turns(directory, systemRandom)
const pause = (ms: number): Promise<void> => new Promise((resolve) => setTimeout(resolve, ms))

beforeEach(() => {
  directory = join(mkdtempSync(join(tmpdir(), 'turns-')), 'queue')
})
afterEach(() => rmSync(join(directory, '..'), { recursive: true, force: true }))

/** Lays the ticket of a process that is not there; it sorts first. */
function layDeadTicket(): void {
  writeFileSync(
    join(directory, ticketName({ atNs: 1n, pid: spawnSync('true').pid, startedTicks: '0', random: 'aa' })),
    '',
  )
}

/** Lays the ticket of a process that lives but never moves: this one's, under another door. */
function layStoppedTicket(): void {
  const startedTicks = startedTicksOf(process.pid)
  writeFileSync(join(directory, ticketName({ atNs: 2n, pid: process.pid, startedTicks, random: 'bb' })), '')
}

describe('turns', () => {
  it('L1 with nobody in line a turn is had at once and leaves nothing', () => {
    const turn = door().tryTake()
    expect([turn?.isFirst, line()]).toEqual([false, []])
  })

  it('L1 with somebody in line it is not', async () => {
    const turns = door()
    const turn = await turns.take(1_000)
    expect([turn.isFirst, turns.tryTake(), line().length]).toEqual([true, null, 1])
    turn.release()
    expect(line()).toEqual([])
  })

  it('L1 whoever comes after nobody was there for long is seen', async () => {
    const mine = door()
    const before = new Date(Date.now() - 60_000)
    utimesSync(directory, before, before)
    for (let n = 0; n < 2; n++) mine.tryTake()?.release()
    const theirs = await door().take(1_000)
    expect(mine.tryTake()).toBeNull()
    theirs.release()
    expect(mine.tryTake()).not.toBeNull()
  })

  it('L1 turns are given in order of arrival, one at a time', async () => {
    const order: number[] = []
    let holders = 0
    const visit = async (n: number): Promise<void> => {
      const turn = await door().take(5_000)
      expect(++holders).toBe(1)
      order.push(n)
      await pause(2)
      holders--
      turn.release()
    }
    await Promise.all(Array.from({ length: 12 }, (_, n) => visit(n)))
    expect(order).toEqual(Array.from({ length: 12 }, (_, n) => n))
  })

  it('L1 a release is noticed at once, not at the next look', async () => {
    const held = await door().take(1_000)
    const waits: number[] = []
    let last = held
    for (let n = 0; n < 20; n++) {
      const next = door().take(1_000)
      await pause(3)
      const fromMs = performance.now()
      last.release()
      last = await next
      waits.push(performance.now() - fromMs)
    }
    last.release()
    expect(waits.toSorted((a, b) => a - b)[4]).toBeLessThan(5)
  })

  it('L1 the ticket of a dead process is removed by whoever stands behind it', async () => {
    const turns = door()
    layDeadTicket()
    expect(turns.tryTake()).toBeNull()
    const fromMs = performance.now()
    const turn = await turns.take(5_000)
    expect(performance.now() - fromMs).toBeLessThan(500)
    expect(line()).toHaveLength(1)
    turn.release()
  })

  /** Lays the ticket of a process that lives until it is ended. */
  function layTicketOf(pid: number): void {
    const ticket = { atNs: process.hrtime.bigint(), pid, startedTicks: startedTicksOf(pid), random: 'cc' }
    writeFileSync(join(directory, ticketName(ticket)), '')
  }

  it('L1 whoever gives its turn on takes the dead behind it out of the line', async () => {
    const first = await door().take(1_000)
    layTicketOf(spawnSync('true').pid)
    layTicketOf(spawnSync('true').pid)
    expect(line()).toHaveLength(3)
    first.release()
    expect(line()).toEqual([])
  })

  it('L1 the death of the next holder is noticed as soon as that of this one, by whoever has waited long', async () => {
    const tookMs: number[] = []
    for (let round = 0; round < 5; round++) {
      const first = await door().take(1_000)
      const next = spawn('sleep', ['60'])
      layTicketOf(next.pid ?? 0)
      const third = door().take(5_000)
      await pause(10)
      first.release()
      await pause(10)
      next.kill('SIGKILL')
      await once(next, 'exit')
      const fromMs = performance.now()
      const turn = await third
      tookMs.push(performance.now() - fromMs)
      turn.release()
    }
    expect(tookMs.toSorted((a, b) => a - b)[2]).toBeLessThan(25)
  })

  it('L1 one that does not move for two seconds is passed', async () => {
    const turns = door()
    layStoppedTicket()
    const fromMs = performance.now()
    const turn = await turns.take(10_000)
    expect(performance.now() - fromMs).toBeGreaterThan(1_900)
    expect(line()).toHaveLength(1)
    turn.release()
  })

  it('L1 nobody waits longer than they said', async () => {
    const turns = door()
    layStoppedTicket()
    const fromMs = performance.now()
    const turn = await turns.take(50)
    expect(performance.now() - fromMs).toBeLessThan(1_000)
    turn.release()
    turns.close()
    expect(line()).toHaveLength(1)
  })

  it('L1 a holder is over only when its time is up and somebody waits', async () => {
    const turn = await door().take(1_000)
    await pause(40)
    expect(turn.isOver()).toBe(false)
    const other = door()
    const next = other.take(1_000)
    await pause(10)
    expect(turn.isOver()).toBe(true)
    turn.release()
    const taken = await next
    taken.release()
  })

  it('S3 a line that cannot be kept means going without order', async () => {
    const turns = new Turns('/proc/nowhere/queue', systemRandom)
    const turn = await turns.take(1_000)
    expect([turns.tryTake() === null, turn.isFirst, turn.isOver()]).toEqual([false, false, false])
  })
})
