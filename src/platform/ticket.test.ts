import { spawn, spawnSync } from 'node:child_process'
import { once } from 'node:events'
import { readFileSync } from 'node:fs'
import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { startedTicksOf } from './process-life.ts'
import { isOrphaned, parseTicket, ticketName } from './ticket.ts'

const tickets = fc.record({
  atNs: fc.bigInt({ min: 0n, max: 10n ** 20n - 1n }),
  pid: fc.integer({ min: 1, max: 4_194_304 }),
  startedTicks: fc.nat().map(String),
  random: fc.stringMatching(/^[0-9a-f]{8}$/),
})

describe('tickets', () => {
  it('L1 a name reads back as what it was made of', () => {
    fc.assert(
      fc.property(tickets, (ticket) => {
        expect(parseTicket(ticketName(ticket))).toEqual(ticket)
      }),
    )
  })

  it('L1 names sort by arrival', () => {
    fc.assert(
      fc.property(tickets, tickets, (a, b) => {
        fc.pre(a.atNs !== b.atNs)
        expect(ticketName(a) < ticketName(b)).toBe(a.atNs < b.atNs)
      }),
    )
  })

  it.each(['', 'x', '1-2-3-4', '../etc', '00000000000000000001-0-1-aa', '00000000000000000001-1-1-', '.hidden'])(
    'L1 %j is not in the line',
    (name) => {
      expect(parseTicket(name)).toBeNull()
    },
  )

  const mine = { atNs: 1n, pid: process.pid, startedTicks: startedTicksOf(process.pid), random: 'aa' }

  it('L1 a living process is not orphaned, whatever its start time can be told', () => {
    expect([isOrphaned(mine), isOrphaned({ ...mine, startedTicks: '0' })]).toEqual([false, false])
  })

  it('L1 a process that ended is', () => {
    const pid = spawnSync('true').pid
    expect(isOrphaned({ ...mine, pid, startedTicks: '0' })).toBe(true)
  })

  it.runIf(process.platform === 'linux')('L1 so is one whose number belongs to a later process now', () => {
    expect(mine.startedTicks).not.toBe('0')
    expect(isOrphaned({ ...mine, startedTicks: String(Number(mine.startedTicks) - 1) })).toBe(true)
  })

  it.runIf(process.platform === 'linux')(
    'L1 so is one that was killed and whose parent does not wait for it',
    async () => {
      const parent = spawn('sh', ['-c', 'sleep 60 & echo $!; exec tail -f /dev/null'])
      try {
        const [line] = await once(parent.stdout, 'data')
        const ticket = { ...mine, pid: Number(String(line)), startedTicks: startedTicksOf(Number(String(line))) }
        expect(isOrphaned(ticket)).toBe(false)
        // A shell would still notice the end of its child; what comes in its place does not.
        await expect.poll(() => readFileSync(`/proc/${parent.pid}/comm`, 'utf8').trim()).toBe('tail')
        process.kill(ticket.pid, 'SIGKILL')
        await expect.poll(() => isOrphaned(ticket)).toBe(true)
        process.kill(ticket.pid, 0)
      } finally {
        parent.kill('SIGKILL')
      }
    },
  )
})
