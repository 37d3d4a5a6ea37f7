import { closeSync, openSync, readSync } from 'node:fs'
import { errorCodeOf } from './files.ts'

/** Zombie and dead: what such a process held is let go already. */
const deadStates: ReadonlySet<string> = new Set(['Z', 'X'])

/**
 * False for one that is gone, and for one that is dead and only not yet waited for by its parent. In doubt it runs.
 * @param startedTicks what {@link startedTicksOf} said once: another process that was given the number since is not it
 */
export function isRunning(pid: number, startedTicks = '0'): boolean {
  const stat = statOf(pid)
  if (stat === null) return isKnown(pid)
  return !deadStates.has(stat.state) && (startedTicks === '0' || startedTicks === stat.startedTicks)
}

function isKnown(pid: number): boolean {
  try {
    process.kill(pid, 0)
    return true
  } catch (error) {
    return errorCodeOf(error) !== 'ESRCH'
  }
}

/** When the process started, in kernel ticks; '0' where that cannot be read. */
export const startedTicksOf = (pid: number): string => statOf(pid)?.startedTicks ?? '0'

/** Fields 3 and 22 of /proc/PID/stat, counted behind the command's closing bracket; null where they cannot be read. */
function statOf(pid: number): { readonly state: string; readonly startedTicks: string } | null {
  try {
    const stat = beginningOf(`/proc/${pid}/stat`)
    const [state, ...more] = stat.slice(stat.lastIndexOf(')') + 2).split(' ')
    const startedTicks = more[18]
    if (state === undefined || startedTicks === undefined || !/^\d+$/.test(startedTicks)) return null
    return { state, startedTicks }
  } catch {
    return null
  }
}

/** Waiters ask often: no file is read with fewer calls, and this one is never longer. */
const buffer = Buffer.alloc(1_024)

function beginningOf(path: string): string {
  const descriptor = openSync(path, 'r')
  try {
    return buffer.toString('latin1', 0, readSync(descriptor, buffer, 0, buffer.length, 0))
  } finally {
    closeSync(descriptor)
  }
}
