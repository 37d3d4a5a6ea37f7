import { readFileSync } from 'node:fs'
import type { Clock } from './clock.ts'

/**
 * The clock that all processes of one machine share from one start of it to the next: what leases are measured by
 * (COL-1208). It never goes back, whatever happens to wall time.
 */
export interface MachineClock {
  /** Differs after every start of the machine: readings of two starts cannot be compared. */
  readonly bootId: string
  /** Whole milliseconds since some moment of this start. */
  nowMs(): number
}

/** A machine whose clock is turned by hand. */
export const simulatedMachine = (clock: Pick<Clock, 'monotonicMs'>): MachineClock => ({
  bootId: 'simulated',
  nowMs: () => clock.monotonicMs(),
})

let known: string | null = null

export const systemMachineClock: MachineClock = {
  get bootId() {
    return (known ??= bootIdNow())
  },
  nowMs: () => Number(process.hrtime.bigint() / 1_000_000n),
}

/** Linux names each start; elsewhere each process is a start of its own, so that wall time decides between them. */
function bootIdNow(): string {
  try {
    return readFileSync('/proc/sys/kernel/random/boot_id', 'utf8').trim()
  } catch {
    return `process-${process.pid}-${process.hrtime.bigint()}`
  }
}
