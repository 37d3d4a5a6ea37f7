import type { DoctorCheck, DoctorFinding } from '../../api/doctor.ts'
import type { EngineDeps } from '../handler.ts'

/** What a check looked at and found; `evidence` holds the figures behind it. */
export type Examined = {
  readonly findings: readonly DoctorFinding[]
  readonly evidence?: Readonly<Record<string, unknown>>
  /** Said instead of the check's own text, when one is better. */
  readonly message?: string
}

/** One question the doctor asks. Reads only; what it may repair stands in `repair.ts`. */
export type Check = {
  readonly id: string
  /** What findings mean: `warning` can wait, `error` cannot. */
  readonly whenFound: 'warning' | 'error'
  readonly good: string
  readonly bad: string
  readonly why: string
  readonly nextStep: string
  readonly repairable: boolean
  readonly examine: (deps: EngineDeps, project: string | null) => Examined | Promise<Examined>
}

export type Found = Readonly<Record<string, unknown>>

/** Findings that one statement gives. */
export const rows = (deps: EngineDeps, sql: string, ...values: readonly (string | number | null)[]): Examined => ({
  findings: deps.store.read((tx) => tx.all<Found>(sql, ...values)),
})

const findingsShownMax = 200

/** The report of one check (MEM-1101). A check that fails is an `error` of its own and never stops the others. */
export async function runCheck(check: Check, deps: EngineDeps, project: string | null): Promise<DoctorCheck> {
  try {
    return report(check, await check.examine(deps, project))
  } catch (error) {
    if (!deps.store.hasOpened) return notRun(check)
    const message = error instanceof Error ? error.message : String(error)
    return {
      ...described(check),
      result: 'error',
      severity: 'error',
      reason_code: 'check_failed',
      message: `The check could not run: ${message}`,
      evidence: {},
      findings: [],
    }
  }
}

/** What cannot even be asked, because the database does not open, is said once: by the check of its integrity. */
const notRun = (check: Check): DoctorCheck => ({
  ...described(check),
  result: 'blocked',
  severity: 'blocking',
  reason_code: databaseShut,
  message: 'Not run: see integrity.',
  safe_next_step: 'See the check `integrity`.',
  evidence: {},
  findings: [],
})

export const databaseShut = 'database_shut'

const described = (check: Check) => ({
  check_id: check.id,
  why: check.why,
  safe_next_step: check.nextStep,
  requires_confirmation: check.repairable,
})

function report(check: Check, examined: Examined): DoctorCheck {
  const isGood = examined.findings.length === 0
  return {
    check_id: check.id,
    result: isGood ? 'ok' : check.whenFound,
    severity: isGood ? 'info' : check.whenFound,
    reason_code: isGood ? 'ok' : check.id,
    message: examined.message ?? (isGood ? check.good : `${check.bad} (${examined.findings.length})`),
    why: check.why,
    evidence: examined.evidence ?? {},
    safe_next_step: isGood ? 'Nothing to do.' : check.nextStep,
    requires_confirmation: !isGood && check.repairable,
    findings: examined.findings.slice(0, findingsShownMax),
  }
}
