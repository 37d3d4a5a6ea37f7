import { readFileSync } from 'node:fs'
import { errorCodeOf } from './files.ts'

/** Zombie and dead: what such a process held is let go already. */
const deadStates: ReadonlySet<string> = new Set(['Z', 'X'])

/** False for one that is gone, and for one that is dead and only not yet waited for by its parent. In doubt it runs. */
export function isRunning(pid: number): boolean {
  try {
    process.kill(pid, 0)
  } catch (error) {
    return errorCodeOf(error) !== 'ESRCH'
  }
  return !deadStates.has(statOf(pid)?.state ?? '')
}

/** When the process started, in kernel ticks; '0' where that cannot be read. */
export const startedTicksOf = (pid: number): string => statOf(pid)?.startedTicks ?? '0'

/** Fields 3 and 22 of /proc/PID/stat, counted behind the command's closing bracket; null where they cannot be read. */
function statOf(pid: number): { readonly state: string; readonly startedTicks: string } | null {
  try {
    const stat = readFileSync(`/proc/${pid}/stat`, 'latin1')
    const [state, ...more] = stat.slice(stat.lastIndexOf(')') + 2).split(' ')
    const startedTicks = more[18]
    if (state === undefined || startedTicks === undefined || !/^\d+$/.test(startedTicks)) return null
    return { state, startedTicks }
  } catch {
    return null
  }
}
