import type { ObservationExt } from '../../model/records.ts'
import { oneLine } from '../visible.ts'

type Marked = { readonly ext?: ObservationExt; readonly deleted_at?: string }

/** What one should know of a memory beside its text: who, how sure, in which state (ING-EXT-7, MEM-312, MEM-404). */
export function marksOf({ ext, deleted_at }: Marked): readonly string[] {
  return [
    ...(ext?.author === undefined ? [] : [`by ${oneLine(ext.author)}`]),
    ...autoMark(ext),
    ...(ext?.pinned === true ? ['pinned'] : []),
    ...(ext?.state === 'needs_review' ? ['needs review'] : []),
    ...(ext?.state === 'expired' ? ['expired'] : []),
    ...(deleted_at === undefined ? [] : ['deleted']),
  ]
}

/** `auto 0.75` on what nobody typed and nobody has promoted. */
export function autoMark(ext: ObservationExt | undefined): readonly string[] {
  if (ext?.confidence === undefined || ext.provenance?.review === 'promoted') return []
  return [`auto ${ext.confidence.toFixed(2)}`]
}
