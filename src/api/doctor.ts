import { z } from 'zod'
import { name, operation, readPlace } from './operation.ts'

export type DoctorFinding = Readonly<Record<string, unknown>>

/** One check of the doctor (MEM-1101). */
export type DoctorCheck = {
  readonly check_id: string
  readonly result: 'ok' | 'warning' | 'blocked' | 'error'
  readonly severity: 'info' | 'warning' | 'blocking' | 'error'
  readonly reason_code: string
  readonly message: string
  readonly why: string
  readonly evidence: Readonly<Record<string, unknown>>
  readonly safe_next_step: string
  readonly requires_confirmation: boolean
  readonly findings: readonly DoctorFinding[]
}

export type DoctorReport = {
  readonly status: 'ok' | 'warning' | 'blocked' | 'error'
  readonly project: string
  readonly summary: {
    readonly total: number
    readonly ok: number
    readonly warnings: number
    readonly blocked: number
    readonly errors: number
  }
  readonly checks: readonly DoctorCheck[]
}

export type RepairReport = {
  readonly project: string
  readonly check: string
  readonly mode: 'plan' | 'dry_run' | 'apply'
  readonly status: 'planned' | 'dry_run' | 'applied' | 'noop'
  readonly actions: readonly DoctorFinding[]
  readonly skipped: readonly DoctorFinding[]
  readonly counts: Readonly<Record<string, number>>
  readonly backup_path: string
}

export const doctorOperations = {
  'doctor.report': operation<DoctorReport>()({
    effect: 'read',
    summary: 'Check the store without changing it (MEM-1101)',
    input: () => z.object({ ...readPlace, check: name(128).optional() }),
  }),
  'doctor.repair': operation<RepairReport>()({
    effect: 'write',
    summary: 'Repair what one check found; apply backs up first (MEM-1103)',
    input: () => z.object({ ...readPlace, check: name(128).min(1), mode: z.enum(['plan', 'dry_run', 'apply']) }),
  }),
} as const
