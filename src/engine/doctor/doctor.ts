import type { DoctorCheck, DoctorReport } from '../../api/doctor.ts'
import { EngramError } from '../../model/errors.ts'
import type { EngineDeps, Handlers } from '../handler.ts'
import { placeOfRead } from '../places.ts'
import { runCheck, type Check } from './check.ts'
import { recordChecks } from './record-checks.ts'
import { repair } from './repair.ts'
import { sessionChecks } from './session-checks.ts'
import { storeChecks } from './store-checks.ts'

const allChecks: readonly Check[] = [...storeChecks, ...sessionChecks, ...recordChecks]

export const doctorHandlers: Handlers<'doctor.report' | 'doctor.repair'> = {
  'doctor.report': async (deps, input) => {
    const chosen = input.check === undefined ? allChecks : [findCheck(input.check)]
    const { project } = await placeOfRead(deps, input)
    return reportOf(deps, chosen, project)
  },
  'doctor.repair': async (deps, input, context) => {
    const check = findCheck(input.check)
    const { project } = await placeOfRead(deps, input)
    return repair(deps, check, project, input.mode, context)
  },
}

function findCheck(id: string): Check {
  const found = allChecks.find((check) => check.id === id)
  if (found !== undefined) return found
  throw new EngramError('unknown_check', `Unknown check ${JSON.stringify(id)}.`, {
    details: { checks: allChecks.map((check) => check.id) },
    hint: `Checks: ${allChecks.map((check) => check.id).join(', ')}.`,
  })
}

async function reportOf(deps: EngineDeps, checks: readonly Check[], project: string | null): Promise<DoctorReport> {
  const results: DoctorCheck[] = []
  for (const check of checks) results.push(await runCheck(check, deps, project))
  const counted = (result: DoctorCheck['result']): number => results.filter((one) => one.result === result).length
  const summary = {
    total: results.length,
    ok: counted('ok'),
    warnings: counted('warning'),
    blocked: counted('blocked'),
    errors: counted('error'),
  }
  return { status: statusOf(summary), project: project ?? '', summary, checks: results }
}

function statusOf(summary: DoctorReport['summary']): DoctorReport['status'] {
  if (summary.errors > 0) return 'error'
  if (summary.blocked > 0) return 'blocked'
  return summary.warnings > 0 ? 'warning' : 'ok'
}
