import type { ReadTx, WriteTx } from './transaction.ts'

export type ProjectRow = {
  readonly id: number
  readonly name: string
  readonly merged_into: string | null
  readonly created_at: string
}

export const projectByName = (tx: ReadTx, name: string): ProjectRow | undefined =>
  tx.get<ProjectRow>('SELECT * FROM projects WHERE name = ?', name)

export const allProjects = (tx: ReadTx): ProjectRow[] => tx.all<ProjectRow>('SELECT * FROM projects ORDER BY name')

/** Where records of this name are filed today: the target when it was merged away (MEM-807). */
export function currentProjectName(tx: ReadTx, name: string): string {
  let current = name
  for (let hops = 0; hops < 16; hops++) {
    const target = projectByName(tx, current)?.merged_into
    if (target == null) return current
    current = target
  }
  return current
}

/** The row of the project, made when it is new. */
export function ensureProject(
  tx: WriteTx,
  name: string,
  at: string,
): { readonly row: ProjectRow; readonly created: boolean } {
  const known = projectByName(tx, name)
  if (known !== undefined) return { row: known, created: false }
  const { lastId } = tx.run('INSERT INTO projects (name, created_at) VALUES (?, ?)', name, at)
  return { row: { id: lastId, name, merged_into: null, created_at: at }, created: true }
}

/** Where records of this name go: what it was merged into, else itself; made when it is new (MEM-807). */
export function fileUnder(tx: WriteTx, name: string, at: string): string {
  const current = currentProjectName(tx, name)
  ensureProject(tx, current, at)
  return current
}

export function bindProject(tx: WriteTx, kind: string, value: string, name: string): void {
  tx.run(
    `INSERT INTO project_bindings (kind, value, name) VALUES (?, ?, ?)
     ON CONFLICT (kind, value) DO UPDATE SET name = excluded.name`,
    kind,
    value,
    name,
  )
}

export const boundProject = (tx: ReadTx, kind: string, value: string): string | undefined =>
  tx.get<{ name: string }>('SELECT name FROM project_bindings WHERE kind = ? AND value = ?', kind, value)?.name
