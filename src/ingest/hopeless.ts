/** Nothing more can be written: whatever else a run would do would fail in the same way. */
export const hopeless: ReadonlySet<string> = new Set([
  'store_closed',
  'read_only',
  'storage_full',
  'database_corrupt',
  'database_generation_changed',
  'newer_schema',
])
