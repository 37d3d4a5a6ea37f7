const shapes: readonly RegExp[] = [
  // A time stamp first: 2026-01-02T03:04:05, [2026/01/02 …], 03:04:05.678, Jan  2 03:04:05
  /^\[?\d{4}[-/]\d\d[-/]\d\d[T ,]/,
  /^\[?\d\d:\d\d:\d\d/,
  /^[A-Z][a-z]{2} {1,2}\d{1,2} \d\d:\d\d:\d\d/,
  // A level first: [info], WARN, ERROR:
  /^\[?(?:TRACE|DEBUG|INFO|NOTICE|WARN|WARNING|ERROR|FATAL|trace|debug|info|warn|error)\]?[:\s]\s*\S/,
  // Stack frames of JavaScript and Java, Python, Elixir, gdb
  /^\s*at \S.{0,200}[:(]\S/,
  /^\s*File ".{1,200}", line \d/,
  /^\s*\(\S{1,60} \d[\w.]{0,20}\) \S{1,200}:\d/,
  /^#\d{1,3}\s+0x/,
  // What package managers, compilers and shells print
  /^npm (?:ERR!|WARN|error|warn)/,
  /^\s*\d{1,6} [|│]/,
  /^[$%#] \S/,
]

/** Whether a line looks like a machine wrote it: a time stamp, a level, a stack frame. Reads its first 300 characters only. */
export function isLogLine(line: string): boolean {
  const head = line.slice(0, 300)
  return head.length >= 4 && shapes.some((shape) => shape.test(head))
}
