import { currentProjectName, projectByName } from './projects.ts'
import type { WriteTx } from './transaction.ts'

/**
 * Notes that records of `name` are filed under `target` (MEM-807), where nothing here speaks against it: `name` is merged
 * nowhere yet and holds no live observation, and `target` does not lead back to it.
 */
export function aliasProject(tx: WriteTx, name: string, target: string): void {
  const known = projectByName(tx, name)
  if (name === '' || target === '' || known === undefined || known.merged_into !== null) return
  if (currentProjectName(tx, target) === name) return
  const used = tx.get('SELECT 1 FROM observations WHERE project = ? AND deleted_at IS NULL LIMIT 1', name)
  if (used === undefined) tx.run('UPDATE projects SET merged_into = ? WHERE name = ?', target, name)
}
